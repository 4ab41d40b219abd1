"""The streaming engine: frames in, steps out, in order, with bounded memory.

    decode (thread) -> micro-batches -> segment (thread) -> refine, windows, predict (the caller's)

Promises that a fault in any stage arrives after every earlier frame, that both threads are joined
on every way out, and that with no deadline the same frames make the same micro-batches, so that
the same bytes come out.
Does not know where frames come from or where steps go: see `handover.WriteBehind` for the latter.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

import torch

from forecast.engine.clock import StageClock
from forecast.engine.microbatches import (
    Decoded,
    SegmentedBatch,
    batched,
    segmented,
    whole_or_singly,
)
from forecast.engine.queues import Opener, prefetched
from forecast.engine.windows import Windows
from forecast.stages import Predictor, Refiner, Segmenter
from forecast.values import Forecast, Frame, History, Instant, Observation, Segmentation, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A frame on its way to the predictor."""

    decoded: Decoded
    observation: Observation
    history: History | None
    segment_ms: float
    refine_ms: float | None


def _decoded(frames: Iterator[Frame], clock: StageClock) -> Iterator[Decoded]:
    while True:
        began_s = time.perf_counter()
        frame = next(frames, None)
        if frame is None:
            return
        seconds = time.perf_counter() - began_s
        clock.add("decode", seconds)
        yield Decoded(frame=frame, began_s=began_s, decode_ms=1e3 * seconds)


class _Joined:
    """Refines, windows and forecasts what was segmented, one micro-batch at a time."""

    def __init__(
        self,
        *,
        refiner: Refiner | None,
        predictor: Predictor | None,
        windows: Windows | None,
        horizons_s: Sequence[float],
        every: int,
        forecast_from: int,
        clock: StageClock,
    ) -> None:
        self._refiner = refiner
        self._predictor = predictor
        self._windows = windows
        self._horizons_s = horizons_s
        self._every = every
        self._forecast_from = forecast_from
        self._clock = clock
        self._run: tuple[str, int] | None = None

    def steps(self, batch: SegmentedBatch) -> Iterator[Step]:
        """The micro-batch's steps; those before a faulty frame come before the fault."""
        seen: list[_Seen] = []
        fault: Exception | None = None
        try:
            for decoded, segmentation in zip(batch.decoded, batch.segmentations, strict=True):
                seen.append(self._see(decoded, segmentation, batch.segment_ms))
        except Exception as caught:  # noqa: BLE001 - raised below, after the earlier frames
            fault = caught
        if seen:
            for forecasts, seconds in whole_or_singly(self._forecast, seen):
                if self._predictor is not None:
                    self._clock.add("predict", seconds)
                done, seen = seen[: len(forecasts)], seen[len(forecasts) :]
                for one, forecast in zip(done, forecasts, strict=True):
                    self._clock.num_frames += 1
                    yield self._step(one, forecast, 1e3 * seconds)
        if fault is not None:
            raise fault

    def _see(self, decoded: Decoded, segmentation: Segmentation, segment_ms: float) -> _Seen:
        frame = decoded.frame
        refine_ms = None
        if self._refiner is not None:
            if self._run not in (None, (frame.at.clip, frame.at.epoch)):
                self._refiner.reset()
            self._run = (frame.at.clip, frame.at.epoch)
            began_s = time.perf_counter()
            segmentation = self._refiner(segmentation, frame)
            seconds = time.perf_counter() - began_s
            self._clock.add("refine", seconds)
            refine_ms = 1e3 * seconds
        observation = Observation(frame=frame, segmentation=segmentation)
        return _Seen(
            decoded=decoded,
            observation=observation,
            history=self._history(observation),
            segment_ms=segment_ms,
            refine_ms=refine_ms,
        )

    def _history(self, observation: Observation) -> History | None:
        if self._windows is None or self._predictor is None:
            return None
        history = self._windows.push(observation)
        index = observation.frame.at.index
        if history is None or index % self._every or index < self._forecast_from:
            return None
        needs = self._predictor.needs
        still = needs.previous and needs.num_observations == 1 and history.previous is None
        return None if still else history

    def _forecast(self, seen: Sequence[_Seen]) -> list[dict[float, Forecast]]:
        histories = [one.history for one in seen if one.history is not None]
        made: dict[Instant, dict[float, Forecast]] = {one.origin: {} for one in histories}
        if self._predictor is not None and histories:
            for forecast in self._predictor.predict(histories, horizons_s=self._horizons_s):
                made[forecast.origin][forecast.horizon_s] = forecast
        return [made.get(one.observation.frame.at, {}) for one in seen]

    def _step(self, seen: _Seen, forecast: dict[float, Forecast], predict_ms: float) -> Step:
        latency_ms = {"decode": seen.decoded.decode_ms, "segment": seen.segment_ms}
        if seen.refine_ms is not None:
            latency_ms["refine"] = seen.refine_ms
        if self._predictor is not None:
            latency_ms["predict"] = predict_ms
        total_ms = 1e3 * (time.perf_counter() - seen.decoded.began_s)
        latency_ms["wait"] = max(0.0, total_ms - sum(latency_ms.values()))
        observation = seen.observation
        return Step(
            frame=observation.frame,
            segmentation=observation.segmentation,
            forecast=forecast,
            latency_ms=latency_ms,
            wanted=self._predictor is not None and observation.frame.at.index % self._every == 0,
        )


def run(
    frames: Opener[Frame],
    *,
    segmenter: Segmenter,
    refiner: Refiner | None = None,
    predictor: Predictor | None = None,
    horizons_s: Sequence[float] = (),
    every: int = 1,
    forecast_from: int = 0,
    step_s: float | None = None,
    frame_s: float | None = None,
    batch_size: int = 1,
    deadline_s: float | None = None,
    depth: int = 8,
    device: torch.device | None = None,
    clock: StageClock | None = None,
) -> Generator[Step]:
    """One step for each frame, in order; close it, or run it to its end, and no thread is left.

    Args:
        frames: Opens the source, in the thread that decodes: `source.open`.
        segmenter: Runs in a thread of its own.
        refiner: Improves each segmentation; reset between clips and epochs.
        predictor: Forecasts from every full history; None to segment only.
        horizons_s: How far ahead.
        every: Forecasts only from frames whose index is a multiple of it.
        forecast_from: Index of the first frame that is forecast from.
        step_s: Stride of the histories; None for what the predictor needs.
        frame_s: Time between source frames; None to estimate it from timestamps.
        batch_size: Frames in a micro-batch.
        deadline_s: Longest wait for a micro-batch to fill; None waits, which alone is repeatable.
        depth: Frames decoded ahead.
        device: Where the segmenter runs, so that pictures are copied there once.
        clock: Told how long each stage works.

    Yields:
        Steps whose forecast is empty while the history is not full, off `every` and before
        `forecast_from`. Their
        latencies are those of the whole micro-batch; `wait` is the time spent between stages.
    """
    clock = clock or StageClock()
    windows = None
    if predictor is not None:
        windows = Windows(
            num_observations=predictor.needs.num_observations,
            step_s=predictor.needs.step_s if step_s is None else step_s,
            frame_s=frame_s,
        )
    joined = _Joined(
        refiner=refiner,
        predictor=predictor,
        windows=windows,
        horizons_s=horizons_s,
        every=every,
        forecast_from=forecast_from,
        clock=clock,
    )
    with ExitStack() as owned:
        decode = prefetched(_timed(frames, clock), depth=max(depth, batch_size))
        owned.enter_context(decode)

        @contextmanager
        def segmentation() -> Generator[Iterator[SegmentedBatch]]:
            batches = batched(decode, size=batch_size, deadline_s=deadline_s)
            yield segmented(batches, segmenter, clock=clock, device=device)

        seen = prefetched(segmentation, depth=1, name="segment")
        owned.enter_context(seen)
        # Before either join: the segmenting thread may be waiting for a frame.
        owned.callback(decode.abort)
        for batch in seen:
            yield from joined.steps(batch)


def _timed(frames: Opener[Frame], clock: StageClock) -> Opener[Decoded]:
    @contextmanager
    def opened() -> Generator[Iterator[Decoded]]:
        opening: AbstractContextManager[Iterator[Frame]] = frames()
        with opening as source:
            yield _decoded(source, clock)

    return opened
