from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from forecast.labels import CAMVID
from forecast.prediction.copy_last import CopyLast
from forecast.prediction.warping.flow_warp import FlowWarp
from forecast.prediction.warping.motion import motion_at_origin
from forecast.values import Frame, History, Instant, Observation, Segmentation

H, W, FRAME_S = 16, 48, 1 / 15
ROAD, CAR = 3, 8


class _Shift:
    """Everything moves right by two pixels of a 48-wide picture in each source frame."""

    name = "shift"

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, tuple[int, int]]] = []

    def __call__(self, reference: Frame, moving: Frame) -> torch.Tensor:
        self.asked.append((reference.at.index, moving.at.index, reference.size_hw))
        height, width = reference.size_hw
        flow = torch.zeros(2, height, width)
        flow[0] = -2 * (reference.at.index - moving.at.index) * width / W
        return flow


def _frame(index: int) -> Frame:
    at = Instant(clip="a", index=index, pts_s=index * FRAME_S)
    return Frame(at=at, rgb=torch.zeros(3, H, W, dtype=torch.uint8))


def _ids(index: int) -> torch.Tensor:
    ids = torch.full((H, W), ROAD, dtype=torch.uint8)
    ids[4:10, 2 * index : 2 * index + 6] = CAR
    return ids


def _history(*, previous: bool = True, num_observations: int = 2) -> History:
    observations = tuple(
        Observation(
            frame=_frame(index),
            segmentation=Segmentation(
                at=_frame(index).at, space=CAMVID, size_hw=(H, W), ids=_ids(index)
            ),
        )
        for index in (0, 3, 6)[-num_observations:]
    )
    return History(
        observations=observations,
        previous=_frame(5) if previous else None,
        stride_s=3 * FRAME_S,
        frame_s=FRAME_S,
    )


@pytest.mark.parametrize("previous", [True, False])
@pytest.mark.parametrize("num_frames", [1, 2, 3, 4, 9])
def test_true_flow_gives_the_true_future(*, previous: bool, num_frames: int) -> None:
    predictor = FlowWarp(_Shift())
    (found,) = predictor.predict([_history(previous=previous)], horizons_s=[num_frames * FRAME_S])
    assert torch.equal(found.labels, _ids(6 + num_frames))


def test_horizons_asked_together_equal_those_asked_alone_and_come_nearest_first() -> None:
    predictor, history = FlowWarp(_Shift()), _history()
    asked = [9 * FRAME_S, 3 * FRAME_S]
    together = list(predictor.predict([history], horizons_s=asked))
    assert [one.horizon_s for one in together] == asked[::-1]
    for one in together:
        (alone,) = predictor.predict([history], horizons_s=[one.horizon_s])
        assert torch.equal(alone.probs, one.probs)


def test_the_flow_is_of_the_last_source_frame_where_there_is_one() -> None:
    flow = _Shift()
    list(FlowWarp(flow).predict([_history()], horizons_s=[FRAME_S]))
    list(FlowWarp(flow).predict([_history(previous=False)], horizons_s=[FRAME_S]))
    assert [pair[:2] for pair in flow.asked] == [(6, 5), (6, 3)]


def test_from_a_single_frame_nothing_moves() -> None:
    alone = _history(previous=False, num_observations=1)
    (found,) = FlowWarp(_Shift()).predict([alone], horizons_s=[1.0])
    (copied,) = CopyLast().predict([alone], horizons_s=[1.0])
    assert torch.equal(found.probs, copied.probs)


def test_on_a_coarse_grid_the_flow_is_estimated_and_scaled_there() -> None:
    flow, history = _Shift(), _history()
    motion = motion_at_origin(history, flow, (8, 24))
    assert flow.asked[0][2] == (8, 24)
    assert torch.allclose(motion.flow[0], torch.full((8, 24), -1.0))


def test_on_a_grid_finer_than_the_picture_the_flow_is_scaled_up() -> None:
    flow, history = _Shift(), _history()
    motion = motion_at_origin(history, flow, (32, 96))
    assert flow.asked[0][2] == (H, W)
    assert torch.allclose(motion.flow[0], torch.full((32, 96), -4.0))


def test_soft_classes_are_carried_on_their_own_grid() -> None:
    history = _history()
    last = history.observations[-1]
    coarse = torch.zeros(CAMVID.num_classes, 8, 24)
    coarse[ROAD], coarse[ROAD, :, 10:14], coarse[CAR, :, 10:14] = 1.0, 0.0, 1.0
    seen = replace(last.segmentation, ids=None, probs=coarse)
    history = replace(history, observations=(Observation(frame=last.frame, segmentation=seen),))
    (found,) = FlowWarp(_Shift()).predict([history], horizons_s=[4 * FRAME_S])
    assert torch.allclose(found.probs, coarse.roll(4, dims=2), atol=1e-5)


def test_another_flow_is_another_fingerprint() -> None:
    other = _Shift()
    other.name = "other"
    assert FlowWarp(other).fingerprint != FlowWarp(_Shift()).fingerprint
