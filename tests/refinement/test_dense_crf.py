"""The dense CRF against pydensecrf2, against brute force, and against finite differences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from forecast.errors import UsageError
from forecast.labels import CITYSCAPES
from forecast.refinement.dense_crf import CrfSettings, DenseCrf, dense_crf
from forecast.refinement.mean_field import mean_field
from forecast.values import Frame, Instant, Segmentation

STORED = Path(__file__).parents[1] / "reference" / "dense_crf_answer.npz"
WIDTH = 96


def _stored() -> dict[str, torch.Tensor]:
    with np.load(STORED) as kept:
        return {name: torch.from_numpy(kept[name]) for name in kept.files}


def _settings(place: float, rgb: float, weight: float, *, stride: int = 1) -> CrfSettings:
    return CrfSettings(
        sigma_place=place / WIDTH,
        sigma_rgb=rgb,
        weight=weight,
        smooth_sigma=3 / WIDTH,
        smooth_weight=3.0,
        num_iterations=10,
        stride=stride,
    )


KERNELS = {"wide": (80.0, 13.0, 10.0), "narrow": (20.0, 5.0, 3.0)}


@pytest.mark.parametrize("name", KERNELS)
def test_beliefs_are_those_of_pydensecrf(name: str) -> None:
    stored = _stored()
    found = dense_crf(
        stored["logits"].float()[None], stored["rgb"][None], _settings(*KERNELS[name])
    )[0]
    wanted = stored[name].float()
    # Stored in half precision: 2.5e-4 of rounding at 1.
    assert (found - wanted).abs().max() < 1e-3
    first, second = wanted.topk(2, 0).values
    clear = first - second > 1e-3
    assert clear.float().mean() > 0.99
    assert torch.equal(found.argmax(0)[clear], wanted.argmax(0)[clear])
    assert (found.argmax(0) != stored["logits"].float().argmax(0)).float().mean() > 0.02


@pytest.mark.parametrize("name", KERNELS)
def test_every_second_pixel_says_nearly_the_same(name: str) -> None:
    stored = _stored()
    logits, rgb = stored["logits"].float()[None], stored["rgb"][None]
    found = dense_crf(logits, rgb, _settings(*KERNELS[name], stride=2))[0]
    assert (found.argmax(0) == stored[name].argmax(0)).float().mean() > 0.95


def test_a_batch_says_what_its_pictures_say_alone() -> None:
    torch.manual_seed(0)
    logits, rgb = torch.randn(2, 3, 10, 14), torch.randint(0, 255, (2, 3, 10, 14)).byte()
    settings = CrfSettings(smooth_sigma=0.1, smooth_weight=2.0, stride=2)
    both = dense_crf(logits, rgb, settings)
    alone = [
        dense_crf(one[None], picture[None], settings)[0]
        for one, picture in zip(logits, rgb, strict=True)
    ]
    assert torch.allclose(both, torch.stack(alone), atol=1e-5)


def test_mean_field_is_what_loops_over_pixels_say() -> None:
    torch.manual_seed(0)
    kernel, logits = torch.rand(12, 12).double(), torch.randn(12, 3).double()
    found = mean_field(logits, lambda beliefs: kernel @ beliefs, num_iterations=4)
    beliefs = logits.softmax(1)
    for _ in range(4):
        after = torch.zeros_like(beliefs)
        for pixel in range(12):
            heard = sum(kernel[pixel, other] * beliefs[other] for other in range(12))
            after[pixel] = (logits[pixel] + heard).exp() / (logits[pixel] + heard).exp().sum()
        beliefs = after
    assert torch.allclose(found, beliefs, atol=1e-6)


@pytest.mark.parametrize("stride", [1, 2])
def test_gradients_of_the_logits_are_right(stride: int) -> None:
    torch.manual_seed(0)
    rgb = torch.randint(0, 255, (2, 3, 5, 7)).byte()
    logits = torch.randn(2, 3, 5, 7, dtype=torch.float64, requires_grad=True)
    settings = CrfSettings(
        sigma_place=0.4, sigma_rgb=60.0, smooth_sigma=0.2, smooth_weight=1.0, stride=stride
    )
    assert torch.autograd.gradcheck(
        lambda one: dense_crf(one, rgb, settings), logits, atol=1e-6, fast_mode=True
    )


def test_potts_is_the_identity_compatibility() -> None:
    torch.manual_seed(0)
    logits, rgb = torch.randn(1, 3, 8, 8), torch.randint(0, 255, (1, 3, 8, 8)).byte()
    identity = tuple(tuple(row) for row in torch.eye(3).tolist())
    found = dense_crf(logits, rgb, CrfSettings(compatibility=identity))
    assert torch.allclose(found, dense_crf(logits, rgb, CrfSettings()), atol=1e-6)
    with pytest.raises(UsageError, match="3 classes"):
        dense_crf(logits, rgb, CrfSettings(compatibility=((1.0,),)))


def _seen(probs: torch.Tensor | None) -> tuple[Segmentation, Frame]:
    at = Instant(clip="a", index=0, pts_s=0.0)
    frame = Frame(at=at, rgb=torch.randint(0, 255, (3, 32, 64)).byte())
    ids = torch.zeros(32, 64).byte() if probs is None else None
    return Segmentation(at=at, space=CITYSCAPES, size_hw=(32, 64), probs=probs, ids=ids), frame


def test_the_refiner_works_on_the_networks_own_grid() -> None:
    torch.manual_seed(0)
    refiner = DenseCrf(CrfSettings(smooth_weight=1.0, smooth_sigma=0.1))
    segmentation, frame = _seen(torch.randn(19, 8, 16).softmax(0))
    refined = [refiner(segmentation, frame).probs for _ in range(2)]
    assert refined[0].shape == (19, 8, 16)
    assert torch.allclose(refined[0].sum(0), torch.ones(8, 16), atol=1e-5)
    assert torch.equal(refined[0], refined[1])


def test_settings_make_the_fingerprint() -> None:
    assert DenseCrf().fingerprint == DenseCrf(CrfSettings()).fingerprint
    assert DenseCrf().fingerprint != DenseCrf(CrfSettings(weight=2.0)).fingerprint


def test_exact_labels_are_refused() -> None:
    segmentation, frame = _seen(None)
    with pytest.raises(UsageError, match="exact labels"):
        DenseCrf()(segmentation, frame)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(UsageError, match="standard deviations"):
        CrfSettings(sigma_rgb=0.0)
    with pytest.raises(UsageError, match="stride 0"):
        CrfSettings(stride=0)
    tiny = CrfSettings(sigma_rgb=1e-4)
    with pytest.raises(UsageError, match="too narrow"):
        dense_crf(torch.zeros(1, 2, 4, 4), torch.randint(0, 255, (1, 3, 4, 4)).byte(), tiny)
