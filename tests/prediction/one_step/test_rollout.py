from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from forecast.errors import UsageError
from forecast.labels import CAMVID, CITYSCAPES, LabelSpace
from forecast.prediction.one_step.rollout import Rollout, as_probs
from forecast.values import Frame, History, Instant, Observation, Segmentation

K = CAMVID.num_classes
FRAME_S = 1 / 17
STEP_S = 3 / 17


class _Mixing:
    """Linear in its window, signed and unbounded, so that any change to what is fed back shows."""

    name = "mixing"
    space: LabelSpace = CAMVID
    step_s = STEP_S
    num_inputs = 4
    grid_hw = (4, 8)

    def __init__(self) -> None:
        self.batches: list[int] = []

    def step(self, window: torch.Tensor) -> torch.Tensor:
        self.batches.append(len(window))
        share = torch.tensor([0.3, -0.7, 0.2, 1.1])[None, :, None, None, None]
        return (share * window).sum(dim=1).roll(1, dims=1) - 0.1


def _history(clip: str = "a", *, true_ids: bool = False, space: LabelSpace = CAMVID) -> History:
    noise = torch.Generator().manual_seed(sum(clip.encode()))
    observations: list[Observation] = []
    for index in (0, 3, 6, 9):
        at = Instant(clip=clip, index=index, pts_s=index * FRAME_S)
        frame = Frame(at=at, rgb=torch.zeros(3, 8, 16, dtype=torch.uint8))
        probs = torch.rand(space.num_classes, 8, 16, generator=noise).softmax(dim=0)
        seen = Segmentation(at=at, space=space, size_hw=(8, 16), probs=probs)
        if true_ids:
            seen = replace(seen, probs=None, ids=probs.argmax(dim=0).byte())
        observations.append(Observation(frame=frame, segmentation=seen))
    return History(
        observations=tuple(observations), previous=None, stride_s=STEP_S, frame_s=FRAME_S
    )


def _raw_steps(history: History, num_steps: int) -> list[torch.Tensor]:
    """What single steps give, the window moved by hand."""
    network = _Mixing()
    window = [
        torch.nn.functional.avg_pool2d(one.segmentation.probs, 2)
        for one in history.observations
        if one.segmentation.probs is not None
    ]
    for _ in range(num_steps):
        window.append(network.step(torch.stack(window[-4:])[None])[0])
    return window[4:]


def test_k_steps_equal_k_single_ones_fed_back_as_they_come() -> None:
    horizons = [3 / 17, 6 / 17, 9 / 17]
    found = list(Rollout(_Mixing()).predict([_history()], horizons_s=horizons))
    for forecast, raw in zip(found, _raw_steps(_history(), 3), strict=True):
        assert not torch.allclose(raw.sum(dim=0), torch.ones(4, 8), atol=0.1)
        assert torch.allclose(forecast.probs, as_probs(raw), atol=1e-5)


def test_a_horizon_between_strides_is_left_out() -> None:
    horizons = [1 / 17, 3 / 17, 4 / 17, 6 / 17]
    served = [one.served_s for one in Rollout(_Mixing()).predict([_history()], horizons_s=horizons)]
    assert served == pytest.approx([3 / 17, 6 / 17])


def test_no_step_is_made_for_horizons_that_cannot_be_served() -> None:
    network = _Mixing()
    assert list(Rollout(network).predict([_history()], horizons_s=[1 / 17])) == []
    assert network.batches == []


def test_all_histories_are_stepped_together() -> None:
    network = _Mixing()
    histories = [_history("a"), _history("b"), _history("c")]
    assert len(list(Rollout(network).predict(histories, horizons_s=[3 / 17, 9 / 17]))) == 6
    assert network.batches == [3, 3, 3]


def test_true_ids_enter_as_shares_of_each_cell() -> None:
    (found,) = Rollout(_Mixing()).predict([_history(true_ids=True)], horizons_s=[3 / 17])
    assert found.probs.shape == (K, 4, 8)
    assert torch.allclose(found.probs.sum(dim=0), torch.ones(4, 8), atol=1e-5)


def test_another_label_space_is_refused_by_name() -> None:
    rollout = Rollout(_Mixing())
    with pytest.raises(UsageError, match="forecasts camvid and was given cityscapes"):
        list(rollout.predict([_history(space=CITYSCAPES)], horizons_s=[3 / 17]))


def test_a_short_history_is_refused() -> None:
    history = _history()
    short = replace(history, observations=history.observations[2:])
    with pytest.raises(UsageError, match="got 2 frames and needs 4"):
        list(Rollout(_Mixing()).predict([short], horizons_s=[3 / 17]))


def test_of_a_longer_history_the_newest_are_used() -> None:
    history = _history()
    longer = replace(history, observations=(history.observations[0], *history.observations))
    (one,) = Rollout(_Mixing()).predict([history], horizons_s=[3 / 17])
    (other,) = Rollout(_Mixing()).predict([longer], horizons_s=[3 / 17])
    assert torch.equal(one.probs, other.probs)


def test_raw_maps_become_probabilities_even_where_nothing_is_positive() -> None:
    raw = torch.tensor([[[2.0, -1.0]], [[-3.0, -1.0]], [[2.0, 0.0]]])
    assert as_probs(raw)[:, 0, 0].tolist() == [0.5, 0.0, 0.5]
    assert as_probs(raw)[:, 0, 1].tolist() == pytest.approx([1 / 3] * 3)


def test_the_fingerprint_follows_the_weights() -> None:
    one, other = (Rollout(_Mixing(), fingerprint=weights) for weights in ("a", "b"))
    assert one.fingerprint != other.fingerprint
    assert Rollout(_Mixing(), name="mine", fingerprint="a").name == "mine"
