from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from forecast.checkpoints import load_into, load_state
from forecast.device import Placement
from forecast.geometry.deciding import labels_at
from forecast.segmentation.build import build_segmenter
from forecast.segmentation.networks.espnetv2 import CHANNELS, ESPNetv2, dilations
from forecast.values import Frame, Instant

CPU = Placement(device=torch.device("cpu"))
PARAMETERS = {"0.5": 80_342, "1.0": 234_010, "2.0": 789_242}
# cityscapesScripts' labelIds of the 19 train ids.
LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)


def test_scores_have_the_size_of_the_picture():
    network = ESPNetv2("0.5").eval()
    with torch.inference_mode():
        assert network(torch.zeros(2, 3, 32, 64)).shape == (2, 20, 32, 64)


@pytest.mark.parametrize("scale", PARAMETERS)
def test_each_scale_has_the_published_number_of_parameters(scale: str):
    with torch.device("meta"):
        network = ESPNetv2(scale)
    assert sum(one.numel() for one in network.parameters()) == PARAMETERS[scale]


@pytest.mark.parametrize(
    ("limit", "expected"), [(13, (1, 2, 3, 4)), (9, (1, 2, 3, 4)), (7, (1, 1, 2, 3))]
)
def test_a_branch_beyond_the_limit_falls_back_to_no_dilation(limit: int, expected: tuple[int, ...]):
    assert dilations(limit) == expected


def _weights(real_data: Path, scale: str) -> Path:
    return real_data / "weights" / "espnetv2" / f"espnetv2_s_{scale}_city_1024x512.pth"


@pytest.mark.real_data
@pytest.mark.parametrize("scale", CHANNELS)
def test_the_public_weights_load_strictly(real_data: Path, scale: str):
    path = _weights(real_data, scale)
    load_into(ESPNetv2(scale), load_state(path), source=path.name)


def _frame(real_data: Path, number: int) -> Frame:
    folder = real_data / "cityscapes" / "leftImg8bit" / "train" / "aachen"
    bgr = cv2.imread(str(folder / f"aachen_{number:06}_000019_leftImg8bit.png"))
    rgb = torch.from_numpy(np.ascontiguousarray(bgr[..., ::-1].transpose(2, 0, 1)))
    return Frame(at=Instant(clip="aachen", index=number, pts_s=float(number)), rgb=rgb)


def _reference_labels(real_data: Path, number: int) -> np.ndarray:
    folder = real_data / "weights" / "espnetv2" / "reference"
    name = f"aachen_{number:06}_000019_s2.0_argmax19_512x1024.png"
    return cv2.imread(str(folder / name), cv2.IMREAD_UNCHANGED)


@pytest.mark.real_data
def test_logits_are_those_of_the_reference_implementation(real_data: Path):
    from forecast.segmentation.levels import IMAGENET_MEAN, IMAGENET_STD
    from forecast.segmentation.sizes import resized

    network = ESPNetv2("2.0").eval()
    load_into(network, load_state(_weights(real_data, "2.0")), source="public")
    picture = resized(_frame(real_data, 0).rgb[None], (512, 1024)).float() / 255
    mean, std = torch.tensor([IMAGENET_MEAN, IMAGENET_STD])[..., None, None]
    with torch.inference_mode():
        logits = network((picture - mean) / std)[0]
    folder = real_data / "weights" / "espnetv2" / "reference"
    expected = np.load(folder / "aachen_000000_000019_s2.0_logits_every8.npz")["logits"]
    np.testing.assert_allclose(logits[:, ::8, ::8], expected, atol=1e-3)
    assert np.array_equal(logits[:19].argmax(0), _reference_labels(real_data, 0))


def _truth(real_data: Path, number: int) -> np.ndarray:
    folder = real_data / "cityscapes" / "gtFine" / "train" / "aachen"
    name = f"aachen_{number:06}_000019_gtFine_labelIds.png"
    ids = cv2.imread(str(folder / name), cv2.IMREAD_UNCHANGED)
    table = np.full(256, 255, np.uint8)
    table[list(LABEL_IDS)] = np.arange(19)
    return table[ids]


def _confusion(truth: np.ndarray, labels: np.ndarray) -> np.ndarray:
    counts = truth != 255
    pairs = truth[counts].astype(np.int64) * 19 + labels[counts]
    return np.bincount(pairs, minlength=19 * 19).reshape(19, 19)


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_eight_aachen_frames_score_61_3_per_cent(real_data: Path):
    segmenter = build_segmenter(
        "espnetv2-s2.0", weights=real_data / "weights" / "espnetv2", placement=CPU
    )
    total = np.zeros((19, 19), np.int64)
    for number in range(8):
        (seen,) = segmenter([_frame(real_data, number)])
        probs = seen.probs
        agreement = (probs.argmax(0).numpy() == _reference_labels(real_data, number)).mean()
        assert agreement > 0.9999
        labels = labels_at(probs, (1024, 2048)).numpy()
        total += _confusion(_truth(real_data, number), labels)
    hits = np.diag(total)
    union = total.sum(0) + total.sum(1) - hits
    present = total.sum(1) > 0
    assert present.sum() == 16
    assert round(100 * (hits[present] / union[present]).mean(), 1) == 61.3
