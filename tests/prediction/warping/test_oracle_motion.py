"""A warp that knows the true motion: right wherever motion is all there is."""

from __future__ import annotations

import pytest
import torch

from forecast.flow.dis import DisFlow
from forecast.geometry.deciding import seen_labels
from forecast.labels import CAMVID
from forecast.prediction.warping.oracle_motion import warped_by_truth
from forecast.values import Frame, Instant, Observation, Segmentation

H, W, K = 32, 64, CAMVID.num_classes


class _Shift:
    """Everything came from so many pixels to the right."""

    name = "shift"

    def __init__(self, px: float) -> None:
        self._px = px

    def __call__(self, reference: Frame, moving: Frame) -> torch.Tensor:
        assert reference.at.index > moving.at.index
        flow = torch.zeros(2, *reference.size_hw)
        flow[0] = self._px
        return flow


def _frame(index: int, rgb: torch.Tensor | None = None) -> Frame:
    at = Instant(clip="a", index=index, pts_s=index / 15)
    return Frame(at=at, rgb=torch.zeros(3, H, W, dtype=torch.uint8) if rgb is None else rgb)


def _seen(*, soft: bool, seed: int = 0) -> Observation:
    generator = torch.Generator().manual_seed(seed)
    probs = (3 * torch.randn(K, H, W, generator=generator)).softmax(dim=0)
    frame = _frame(4)
    segmentation = Segmentation(
        at=frame.at,
        space=CAMVID,
        size_hw=(H, W),
        probs=probs if soft else None,
        ids=None if soft else probs.argmax(dim=0).byte(),
    )
    return Observation(frame=frame, segmentation=segmentation)


@pytest.mark.parametrize("soft", [True, False])
def test_a_whole_pixel_motion_is_a_shift(*, soft: bool) -> None:
    seen = _seen(soft=soft)
    warped = seen_labels(warped_by_truth(seen, _frame(9), _Shift(5)), CAMVID)
    before = seen_labels(seen.segmentation, CAMVID)
    assert (warped[:, :-5] == before[:, 5:]).all()


def test_pictures_that_stand_still_leave_everything_where_it_was() -> None:
    generator = torch.Generator().manual_seed(3)
    rgb = (torch.rand(3, H, W, generator=generator) * 255).byte()
    seen = _seen(soft=True)
    still = Observation(frame=_frame(4, rgb), segmentation=seen.segmentation)
    warped = warped_by_truth(still, _frame(9, rgb), DisFlow())
    assert warped.at.index == 9
    wanted = seen_labels(seen.segmentation, CAMVID)
    assert (seen_labels(warped, CAMVID) == wanted).mean() > 0.99
