import pytest
import torch
from torch import nn

from forecast.device import Placement
from forecast.labels import CAMVID
from forecast.segmentation.segmenter import NetworkSegmenter
from forecast.segmentation.sizes import FixedSize
from forecast.values import Frame, Instant

CPU = Placement(device=torch.device("cpu"))


class _Brightness(nn.Module):
    """Class 0 by how bright a pixel is; a twelfth channel stands for a background."""

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        scores = torch.zeros(len(picture), 12, *picture.shape[-2:])
        scores[:, 0] = picture.mean(dim=1)
        scores[:, 11] = 50
        return scores


def _segmenter(**settings) -> NetworkSegmenter:
    return NetworkSegmenter(
        _Brightness(),
        **{"name": "brightness", "space": CAMVID, "input_size": FixedSize(8, 16), "placement": CPU}
        | settings,
    )


def _frame(index: int, level: int, size_hw: tuple[int, int] = (32, 64)) -> Frame:
    rgb = torch.full((3, *size_hw), level, dtype=torch.uint8)
    return Frame(at=Instant(clip="toy", index=index, pts_s=index / 10), rgb=rgb)


def test_channels_beyond_the_space_are_dropped_before_the_softmax():
    (seen,) = _segmenter()([_frame(0, 255)])
    assert seen.probs.shape == (11, 8, 16)
    assert torch.allclose(seen.probs.sum(0), torch.ones(8, 16))
    assert seen.probs[0, 0, 0] > seen.probs[1, 0, 0]


def test_pictures_are_normalised_in_zero_to_one():
    (seen,) = _segmenter(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))([_frame(0, 255)])
    score = torch.log(seen.probs[0] / seen.probs[1])
    assert torch.allclose(score, torch.full((8, 16), 2.0), atol=1e-5)


def test_frames_of_several_sizes_stay_in_order():
    sizes = [(32, 64), (32, 64), (16, 16), (32, 64)]
    frames = [_frame(index, 60 * index, size) for index, size in enumerate(sizes)]
    seen = _segmenter()(frames)
    assert [one.at.index for one in seen] == [0, 1, 2, 3]
    assert [one.size_hw for one in seen] == sizes
    brightness = [one.probs[0].mean().item() for one in seen]
    assert brightness == sorted(brightness)


def test_no_frames_give_no_segmentations():
    assert list(_segmenter()([])) == []


@pytest.mark.parametrize(
    "other", [{"name": "other"}, {"input_size": FixedSize(8, 8)}, {"mean": (0.0, 0.0, 0.0)}]
)
def test_another_setting_is_another_fingerprint(other):
    assert _segmenter().fingerprint == _segmenter().fingerprint
    assert _segmenter(**other).fingerprint != _segmenter().fingerprint


def test_a_network_in_training_is_left_as_it_was_after_a_frame():
    segmenter = _segmenter()
    segmenter([_frame(0, 0)])
    assert not torch.is_inference_mode_enabled()
