"""The engine keeps order, delivers every fault in its place, and leaves no thread behind."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.engine.clock import StageClock
from forecast.engine.queues import Opener
from forecast.engine.run import run
from forecast.engine.write_behind import WriteBehind
from forecast.labels import CAMVID, LabelSpace
from forecast.stages import Predictor, Refiner, Segmenter
from forecast.values import Forecast, Frame, History, Instant, Needs, Segmentation, Step

LAW = settings(deadline=None, max_examples=60)
STAGES = ("source", "open", "segmenter", "refiner", "predictor", "sink")


class PlantedError(Exception):
    pass


def frames_of(
    length: int, fault_at: int | None = None, clips: Sequence[str] = ("a",)
) -> Opener[Frame]:
    @contextmanager
    def opened() -> Iterator[Iterator[Frame]]:
        yield (_frame(clip, index, fault_at) for clip in clips for index in range(length))

    return opened


def _frame(clip: str, index: int, fault_at: int | None) -> Frame:
    if index == fault_at:
        raise PlantedError(f"source {index}")
    at = Instant(clip=clip, index=index, pts_s=index / 10)
    return Frame(at=at, rgb=torch.full((3, 4, 8), index % 256, dtype=torch.uint8))


class Seen:
    """A segmenter whose map holds the frame's index; faulty at one index."""

    name = "seen"
    space: LabelSpace = CAMVID
    fingerprint = "0"

    def __init__(self, fault_at: int | None = None) -> None:
        self.fault_at = fault_at
        self.sizes: list[int] = []

    def __call__(self, frames: Sequence[Frame]) -> Sequence[Segmentation]:
        if self.fault_at in [frame.at.index for frame in frames]:
            raise PlantedError(f"segmenter {self.fault_at}")
        self.sizes.append(len(frames))
        return [
            Segmentation(
                at=frame.at,
                space=self.space,
                size_hw=(4, 8),
                probs=frame.rgb[:1, :2, :4].float().expand(11, 2, 4),
            )
            for frame in frames
        ]


class Counted:
    """A refiner that counts since its reset."""

    name = "counted"
    fingerprint = "0"
    remembers = True

    def __init__(self, fault_at: int | None = None) -> None:
        self.fault_at = fault_at
        self.num_seen: list[int] = [0]

    def __call__(self, segmentation: Segmentation, frame: Frame) -> Segmentation:
        if frame.at.index == self.fault_at:
            raise PlantedError(f"refiner {self.fault_at}")
        self.num_seen[-1] += 1
        return segmentation

    def reset(self) -> None:
        self.num_seen.append(0)


class Oldest:
    """A predictor that answers the oldest map of the history; faulty at one origin."""

    name = "oldest"
    space = None
    fingerprint = "0"

    def __init__(self, fault_at: int | None = None, num_observations: int = 2) -> None:
        self.fault_at = fault_at
        self.needs = Needs(num_observations=num_observations, step_s=0.2)

    def predict(
        self, histories: Sequence[History], *, horizons_s: Sequence[float]
    ) -> Iterator[Forecast]:
        for history in histories:
            for horizon_s in horizons_s:
                if history.origin.index == self.fault_at:
                    raise PlantedError(f"predictor {self.fault_at}")
                probs = history.observations[0].segmentation.probs
                assert probs is not None
                yield Forecast(
                    origin=history.origin,
                    horizon_s=horizon_s,
                    served_s=history.served_s(horizon_s),
                    space=CAMVID,
                    probs=probs,
                )


class FaultySink:
    def __init__(self, fault_at: int | None) -> None:
        self.fault_at = fault_at
        self.indices: list[int] = []

    def write(self, step: Step) -> None:
        if step.frame.at.index == self.fault_at:
            raise PlantedError(f"sink {self.fault_at}")
        self.indices.append(step.frame.at.index)

    def close(self) -> None:
        pass


def threads() -> set[threading.Thread]:
    return {one for one in threading.enumerate() if one.name.startswith("forecast-")}


def test_the_stand_ins_fit_their_protocols() -> None:
    assert isinstance(Seen(), Segmenter)
    assert isinstance(Counted(), Refiner)
    assert isinstance(Oldest(), Predictor)


@LAW
@given(
    length=st.integers(0, 14),
    batch_size=st.integers(1, 4),
    depth=st.integers(1, 5),
    every=st.integers(1, 3),
)
def test_each_frame_makes_one_step_in_order(
    length: int, batch_size: int, depth: int, every: int
) -> None:
    steps = list(
        run(
            frames_of(length),
            segmenter=Seen(),
            predictor=Oldest(),
            horizons_s=(0.2, 0.4),
            every=every,
            frame_s=0.1,
            batch_size=batch_size,
            depth=depth,
        )
    )
    assert [step.frame.at.index for step in steps] == list(range(length))
    for index, step in enumerate(steps):
        assert step.segmentation.at == step.frame.at
        assert sorted(step.forecast) == ([0.2, 0.4] if index >= 2 and index % every == 0 else [])
        for forecast in step.forecast.values():
            assert forecast.origin == step.frame.at
            assert forecast.probs[0, 0, 0] == index - 2
    assert not threads()


@LAW
@given(
    stage=st.sampled_from(STAGES),
    fault_at=st.integers(0, 9),
    batch_size=st.integers(1, 4),
    depth=st.integers(1, 5),
    deadline_s=st.sampled_from([None, 0.0, 0.001]),
)
def test_a_fault_at_any_stage_arrives_after_every_earlier_frame(
    stage: str, fault_at: int, batch_size: int, depth: int, deadline_s: float | None
) -> None:
    def where(name: str) -> int | None:
        return fault_at if stage == name else None

    sink = FaultySink(where("sink"))
    reached: list[int] = []

    def pipeline() -> None:
        writing = WriteBehind([sink], depth=depth)
        source = refusing if stage == "open" else frames_of(10, where("source"))
        steps = run(
            source,
            segmenter=Seen(where("segmenter")),
            refiner=Counted(where("refiner")),
            predictor=Oldest(where("predictor"), num_observations=1),
            horizons_s=(0.2,),
            frame_s=0.1,
            batch_size=batch_size,
            depth=depth,
            deadline_s=deadline_s,
        )
        try:
            for step in steps:
                reached.append(step.frame.at.index)
                writing.write(step)
        finally:
            steps.close()
            writing.close()

    with pytest.raises(PlantedError, match=f"{stage}"):
        pipeline()
    if stage == "open":
        assert not reached
    elif stage == "sink":
        assert reached[:fault_at] == list(range(fault_at))
    else:
        assert reached == list(range(fault_at))
    assert sink.indices == list(range(0 if stage == "open" else fault_at))
    assert not threads()


@contextmanager
def refusing() -> Iterator[Iterator[Frame]]:
    raise PlantedError("open")
    yield iter(())


@LAW
@given(
    taken=st.integers(0, 12),
    batch_size=st.integers(1, 4),
    leaving=st.sampled_from([None, PlantedError("consumer"), KeyboardInterrupt()]),
)
def test_leaving_at_any_frame_joins_every_thread(
    taken: int, batch_size: int, leaving: BaseException | None
) -> None:
    steps = run(frames_of(10**9), segmenter=Seen(), batch_size=batch_size, depth=3)

    def consume() -> None:
        try:
            for num, _ in enumerate(steps):
                if num >= taken:
                    break
            if leaving is not None:
                raise leaving
        finally:
            steps.close()

    if leaving is None:
        consume()
    else:
        with pytest.raises(type(leaving)):
            consume()
    assert not threads()


def test_an_interrupt_inside_a_stage_comes_out_as_itself() -> None:
    class Interrupted(Oldest):
        def predict(
            self, histories: Sequence[History], *, horizons_s: Sequence[float]
        ) -> Iterator[Forecast]:
            raise KeyboardInterrupt
            yield

    steps = run(frames_of(50), segmenter=Seen(), predictor=Interrupted(), frame_s=0.1)
    with pytest.raises(KeyboardInterrupt):
        list(steps)
    assert not threads()


@pytest.mark.parametrize("length", [40, 400])
def test_as_much_is_alive_in_a_long_stream_as_in_a_short_one(length: int) -> None:
    alive: weakref.WeakSet[torch.Tensor] = weakref.WeakSet()

    @contextmanager
    def watched() -> Iterator[Iterator[Frame]]:
        def frames() -> Iterator[Frame]:
            for index in range(length):
                frame = _frame("a", index, None)
                alive.add(frame.rgb)
                yield frame

        yield frames()

    most = 0
    for _ in run(
        watched,
        segmenter=Seen(),
        predictor=Oldest(),
        horizons_s=(0.2,),
        frame_s=0.1,
        batch_size=2,
        depth=4,
    ):
        most = max(most, len(alive))
    # Depth and one in hand, three micro-batches between threads, the window, the caller's.
    assert most <= 5 + 3 * 2 + 2 * 3 + 2


def test_without_a_deadline_micro_batches_are_whole() -> None:
    segmenter = Seen()
    assert len(list(run(frames_of(11), segmenter=segmenter, batch_size=4))) == 11
    assert segmenter.sizes == [4, 4, 3]


def test_a_refiner_forgets_between_clips() -> None:
    refiner = Counted()
    list(run(frames_of(5, clips=("a", "b")), segmenter=Seen(), refiner=refiner, batch_size=3))
    assert refiner.num_seen == [5, 5]


def test_a_first_frame_without_motion_is_not_forecast_from() -> None:
    predictor = Oldest(num_observations=1)
    predictor.needs = Needs(num_observations=1, step_s=0.1, previous=True)
    steps = run(frames_of(3), segmenter=Seen(), predictor=predictor, horizons_s=(0.1,), frame_s=0.1)
    assert [step.warming_up for step in steps] == [True, False, False]


def test_latencies_name_every_stage_and_the_clock_counts_frames() -> None:
    clock = StageClock()
    steps = list(
        run(
            frames_of(6),
            segmenter=Seen(),
            refiner=Counted(),
            predictor=Oldest(),
            horizons_s=(0.2,),
            frame_s=0.1,
            clock=clock,
        )
    )
    for step in steps:
        assert set(step.latency_ms) == {"decode", "segment", "refine", "predict", "wait"}
        assert all(value >= 0 for value in step.latency_ms.values())
    assert clock.num_frames == 6
    assert set(clock.busy_share) == {"decode", "segment", "refine", "predict"}
    assert all(0 <= share <= 1 for share in clock.busy_share.values())
    assert clock.frames_per_s > 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_pictures_are_copied_to_the_device_for_the_segmenter_alone() -> None:
    class OnDevice(Seen):
        def __call__(self, frames: Sequence[Frame]) -> Sequence[Segmentation]:
            assert all(frame.rgb.is_cuda for frame in frames)
            return super().__call__(frames)

    steps = list(run(frames_of(6), segmenter=OnDevice(), batch_size=2, device=torch.device("cuda")))
    assert all(not step.frame.rgb.is_cuda for step in steps)
    assert [int(step.frame.rgb[0, 0, 0]) for step in steps] == list(range(6))
