from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from forecast.checkpoints import load_into, load_state
from forecast.device import Placement
from forecast.segmentation.build import build_segmenter
from forecast.segmentation.levels import IMAGENET_MEAN, IMAGENET_STD
from forecast.segmentation.networks.fddwnet import FDDWNet
from forecast.values import Frame, Instant


def test_scores_have_the_size_of_the_picture_and_none_is_below_zero():
    torch.manual_seed(0)
    network = FDDWNet(5).eval()
    with torch.inference_mode():
        scores = network(torch.randn(2, 3, 32, 64))
    assert scores.shape == (2, 5, 32, 64)
    assert scores.min() >= 0


def test_every_parameter_learns():
    torch.manual_seed(0)
    network = FDDWNet(3)
    network(torch.randn(2, 3, 64, 64)).square().mean().backward()
    assert all(one.grad is not None for one in network.parameters())


def _picture(real_data: Path, number: int) -> Tensor:
    """[1, 3, 512, 1024] in 0 to 255, reduced as the reference's was."""
    folder = real_data / "cityscapes" / "leftImg8bit" / "train" / "aachen"
    bgr = cv2.imread(str(folder / f"aachen_{number:06}_000019_leftImg8bit.png"))
    rgb = torch.from_numpy(np.ascontiguousarray(bgr[..., ::-1].transpose(2, 0, 1)))
    return F.interpolate(rgb[None].float(), (512, 1024), mode="bilinear", antialias=True)


def _reference(real_data: Path) -> Path:
    return real_data / "weights" / "fddwnet" / "reference"


def _reference_labels(real_data: Path, number: int) -> np.ndarray:
    name = f"aachen_{number:06}_000019_argmax_512x1024.png"
    return cv2.imread(str(_reference(real_data) / name), cv2.IMREAD_UNCHANGED)


@pytest.mark.real_data
def test_the_public_weights_give_the_reference_s_logits(real_data: Path):
    path = real_data / "weights" / "fddwnet" / "fddwnet_city.pth"
    load_into(network := FDDWNet().eval(), load_state(path), source=path.name)
    mean, std = torch.tensor([IMAGENET_MEAN, IMAGENET_STD])[..., None, None]
    with torch.inference_mode():
        logits = network((_picture(real_data, 0) / 255 - mean) / std)[0]
    file = _reference(real_data) / "aachen_000000_000019_logits_every8.npz"
    np.testing.assert_allclose(logits[:, ::8, ::8], np.load(file)["logits"], atol=1e-3)
    assert np.array_equal(logits.argmax(0), _reference_labels(real_data, 0))


@pytest.mark.real_data
def test_the_segmenter_gives_the_reference_s_labels(real_data: Path):
    segmenter = build_segmenter(
        "fddwnet",
        weights=real_data / "weights" / "fddwnet",
        placement=Placement(device=torch.device("cpu")),
    )
    rgb = _picture(real_data, 3)[0].round().byte()
    (seen,) = segmenter([Frame(at=Instant(clip="aachen", index=0, pts_s=0.0), rgb=rgb)])
    agreement = (seen.probs.argmax(0).numpy() == _reference_labels(real_data, 3)).mean()
    # The reference saw the reduced picture before it was rounded to whole levels.
    assert agreement > 0.998
