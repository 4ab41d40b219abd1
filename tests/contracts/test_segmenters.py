"""What every segmenter promises; a new family joins by one line in `FAMILIES`."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
import torch

from forecast.device import Placement
from forecast.labels import CITYSCAPES
from forecast.segmentation.build import build_segmenter
from forecast.segmentation.segmenter import NetworkSegmenter
from forecast.segmentation.sizes import FixedSize
from forecast.stages import Segmenter
from forecast.values import Frame, Instant

# transformers alone takes many seconds to import on a busy machine.
pytestmark = pytest.mark.timeout(240)

CPU = Placement(device=torch.device("cpu"))
INPUT_HW = (64, 128)


def _built(name: str, weights: Path) -> Segmenter:
    return build_segmenter(name, weights=weights, placement=CPU, input_hw=INPUT_HW)


def _fast_scnn(folder: Path) -> Segmenter:
    from forecast.segmentation.networks.fast_scnn import FastSCNN

    torch.save(FastSCNN().state_dict(), folder / "weights.pth")
    return _built("fast-scnn", folder / "weights.pth")


def _espnetv2(folder: Path) -> Segmenter:
    from forecast.segmentation.networks.espnetv2 import ESPNetv2

    torch.save(ESPNetv2("0.5").state_dict(), folder / "weights.pth")
    return _built("espnetv2-s0.5", folder / "weights.pth")


def _fddwnet(folder: Path) -> Segmenter:
    from forecast.segmentation.networks.fddwnet import FDDWNet

    torch.save(FDDWNet().state_dict(), folder / "fddwnet_city.pth")
    return _built("fddwnet", folder)


def _torchvision(folder: Path) -> Segmenter:
    from torchvision.models import get_model

    name = "lraspp_mobilenet_v3_large"
    network = get_model(name, weights=None, weights_backbone=None, num_classes=21)
    torch.save(network.state_dict(), folder / "weights.pth")
    return _built(name, folder / "weights.pth")


_NAMES = dict(enumerate(CITYSCAPES.names))
_CLASSES = {"id2label": _NAMES, "label2id": {name: index for index, name in _NAMES.items()}}


def _segformer(folder: Path) -> Segmenter:
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    config = SegformerConfig(
        hidden_sizes=[8, 8, 16, 16],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=16,
        **_CLASSES,
    )
    SegformerForSemanticSegmentation(config).save_pretrained(folder)
    return _built("segformer-b0-cityscapes", folder)


def _mask2former(folder: Path) -> Segmenter:
    from transformers import (
        Mask2FormerConfig,
        Mask2FormerForUniversalSegmentation,
        SwinConfig,
    )

    backbone = SwinConfig(
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 2, 2],
        window_size=4,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = Mask2FormerConfig(
        backbone_config=backbone,
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=16,
        encoder_layers=1,
        decoder_layers=2,
        num_attention_heads=2,
        dim_feedforward=16,
        num_queries=5,
        **_CLASSES,
    )
    Mask2FormerForUniversalSegmentation(config).save_pretrained(folder)
    return _built("mask2former-swin-tiny-cityscapes", folder)


FAMILIES: dict[str, Callable[[Path], Segmenter]] = {
    "fast-scnn": _fast_scnn,
    "espnetv2": _espnetv2,
    "fddwnet": _fddwnet,
    "torchvision": _torchvision,
    "segformer": _segformer,
    "mask2former": _mask2former,
}


@pytest.fixture(scope="module", params=list(FAMILIES))
def segmenter(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Segmenter:
    torch.manual_seed(0)
    return FAMILIES[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    noise = torch.Generator().manual_seed(3)
    sizes = [(48, 96), (48, 96), (80, 60)]
    return [
        Frame(
            at=Instant(clip="noise", index=index, pts_s=index / 10),
            rgb=torch.randint(0, 256, (3, *size), generator=noise, dtype=torch.uint8),
        )
        for index, size in enumerate(sizes)
    ]


def test_it_is_a_segmenter_with_a_name_and_a_fingerprint(segmenter: Segmenter):
    assert isinstance(segmenter, Segmenter)
    assert segmenter.name
    assert len(segmenter.fingerprint) == 64


def test_each_frame_has_its_segmentation_in_order(segmenter: Segmenter, frames: list[Frame]):
    seen = segmenter(frames)
    assert [one.at for one in seen] == [frame.at for frame in frames]
    assert [one.size_hw for one in seen] == [frame.size_hw for frame in frames]
    assert all(one.space == segmenter.space for one in seen)


def test_probabilities_sum_to_one(segmenter: Segmenter, frames: list[Frame]):
    for seen in segmenter(frames):
        assert seen.probs is not None
        assert seen.probs.dtype == torch.float32
        assert len(seen.probs) == segmenter.space.num_classes
        assert seen.probs.min() >= 0
        assert torch.allclose(seen.probs.sum(0), torch.ones(seen.probs.shape[1:]), atol=1e-5)


def test_a_batch_is_its_frames_one_by_one(segmenter: Segmenter, frames: list[Frame]):
    together = segmenter(frames)
    apart = [segmenter([frame])[0] for frame in frames]
    for one, other in zip(together, apart, strict=True):
        assert torch.allclose(one.probs, other.probs, atol=1e-4)


def test_the_same_frame_gives_the_same_bytes(segmenter: Segmenter, frames: list[Frame]):
    first, second = segmenter(frames[:1])[0], segmenter(frames[:1])[0]
    assert torch.equal(first.probs, second.probs)


def test_different_frames_give_different_maps(segmenter: Segmenter, frames: list[Frame]):
    first, second, _ = segmenter(frames)
    assert not torch.equal(first.probs, second.probs)


def test_a_segmentation_lies_where_its_network_ran(
    segmenter: Segmenter, frames: list[Frame], pretended_cuda: Placement
):
    """The family's network as it was built, moved to a device that follows shapes and places."""
    assert isinstance(segmenter, NetworkSegmenter)
    there = NetworkSegmenter(
        deepcopy(segmenter._network),
        name=segmenter.name,
        space=segmenter.space,
        input_size=FixedSize(*INPUT_HW),
        placement=pretended_cuda,
    )
    seen = there(frames)
    assert len(seen) == len(frames)
    for one in seen:
        assert one.probs is not None
        assert one.probs.device == pretended_cuda.device
        assert one.probs.dtype == torch.float32
