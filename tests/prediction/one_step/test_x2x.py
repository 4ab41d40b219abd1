from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from forecast.device import place
from forecast.errors import UsageError
from forecast.labels import CAMVID
from forecast.prediction.one_step.s2s import S2SNetwork
from forecast.prediction.one_step.x2x import X2X, as_rgb
from forecast.values import Frame, History, Instant, Observation, Segmentation

CPU = place("cpu", "float32")
FRAME_S = 1 / 17
GRID_HW = (4, 8)


class _Bright:
    """Says `car` where the picture is bright, else `road`, and keeps what it was shown."""

    name = "bright"
    space = CAMVID
    fingerprint = "bright"

    def __init__(self) -> None:
        self.shown: list[Frame] = []

    def __call__(self, frames: Sequence[Frame]) -> list[Segmentation]:
        self.shown += frames
        return [_read(one) for one in frames]


def _read(frame: Frame) -> Segmentation:
    bright = (frame.rgb.float().mean(dim=0) > 127).long()
    ids = torch.tensor([CAMVID.id_of("road"), CAMVID.id_of("car")])[bright].byte()
    return Segmentation(at=frame.at, space=CAMVID, size_hw=frame.size_hw, ids=ids)


class _Brightening(S2SNetwork):
    """The last picture, a fifth of the range brighter; unbounded, as trained ones are."""

    def __init__(self) -> None:
        super().__init__(num_classes=3, width=0.0625)

    def forward(self, window: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return window[:, -1] + 0.2, window[:, -1, :, ::2, ::2]


def _history(level: int = 60, num_frames: int = 4) -> History:
    observations: list[Observation] = []
    for index in range(0, 3 * num_frames, 3):
        at = Instant(clip="a", index=index, pts_s=index * FRAME_S)
        frame = Frame(at=at, rgb=torch.full((3, 16, 32), level, dtype=torch.uint8))
        observations.append(Observation(frame=frame, segmentation=_read(frame)))
    return History(
        observations=tuple(observations), previous=None, stride_s=3 * FRAME_S, frame_s=FRAME_S
    )


def _x2x(segmenter: _Bright) -> X2X:
    return X2X(_Brightening(), segmenter, placement=CPU, grid_hw=GRID_HW)


def test_pictures_are_rolled_out_and_then_segmented() -> None:
    # 60, 111, 162: dark after one step, bright after two.
    horizons_s = [3 * FRAME_S, 6 * FRAME_S]
    soon, later = _x2x(_Bright()).predict([_history()], horizons_s=horizons_s)
    assert set(soon.labels.flatten().tolist()) == {CAMVID.id_of("road")}
    assert set(later.labels.flatten().tolist()) == {CAMVID.id_of("car")}


def test_pictures_are_fed_back_unclamped() -> None:
    segmenter = _Bright()
    predictor = X2X(_Brightening(), segmenter, placement=CPU, grid_hw=GRID_HW)
    list(predictor.predict([_history(250)], horizons_s=[9 * FRAME_S]))
    assert segmenter.shown[-1].rgb.min() == 255
    assert as_rgb(torch.tensor([[[-0.5, 0.5, 1.7]]]).repeat(3, 1, 1))[0].tolist() == [[0, 128, 255]]


def test_the_segmenter_sees_the_source_size_dated_as_the_frame_it_stands_for() -> None:
    segmenter, history = _Bright(), _history()
    list(_x2x(segmenter).predict([history], horizons_s=[6 * FRAME_S]))
    (frame,) = segmenter.shown
    assert frame.size_hw == history.observations[-1].frame.size_hw
    assert frame.at.index == history.origin.index + 6
    assert frame.at.pts_s == pytest.approx(history.origin.pts_s + 6 * FRAME_S)


def test_a_horizon_between_strides_is_left_out() -> None:
    segmenter = _Bright()
    assert list(_x2x(segmenter).predict([_history()], horizons_s=[4 * FRAME_S])) == []
    assert segmenter.shown == []


def test_a_short_history_is_refused_with_what_is_needed() -> None:
    with pytest.raises(UsageError, match="got 3 frames and needs 4"):
        list(_x2x(_Bright()).predict([_history(num_frames=3)], horizons_s=[3 * FRAME_S]))


def test_weights_and_segmenter_decide_the_fingerprint() -> None:
    plain = _x2x(_Bright())
    other = X2X(_Brightening(), _Bright(), placement=CPU, grid_hw=GRID_HW, fingerprint="other")
    assert plain.fingerprint == _x2x(_Bright()).fingerprint
    assert plain.fingerprint != other.fingerprint
