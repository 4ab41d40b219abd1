"""Steps of a live source, forecast while they happen.

Promises the newest frame that there is time for, at an even period; at most two frames in the
pipeline, so that latency cannot grow; no thread left behind. Joins a live source and the engine.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from inspect import GEN_CLOSED, getgeneratorstate
from pathlib import Path
from types import TracebackType

import torch

from forecast.api.follow import Follower, StepListener
from forecast.api.settings import horizon_problems
from forecast.engine.gate import Gate
from forecast.engine.pace import Pace
from forecast.engine.run import run
from forecast.errors import UsageError
from forecast.prediction.fine_horizons import FineHorizons
from forecast.sources.live.source import LiveSource
from forecast.sources.live.state import LiveStats
from forecast.stages import Predictor, Refiner, Segmenter
from forecast.values import Step

_IN_FLIGHT = 2
_ENDING_S = 5.0
_POLL_S = 0.01


class LiveStream:
    """Steps of one live source; leaving the loop over it, or `close()`, ends every thread.

    Args:
        source: Where frames come from.
        segmenter: Says what every pixel is.
        predictor: Forecasts; None to segment only.
        horizons_s: How far ahead, in seconds.
        refiner: Improves each segmentation.
        device: Where the segmenter runs.
        latency_budget_s: A step that is older when it is ready is not given; None gives all.

    Raises:
        UsageError: There is a predictor, and no horizon or a wrong one; or the budget is none.
    """

    def __init__(
        self,
        source: LiveSource,
        *,
        segmenter: Segmenter,
        predictor: Predictor | None,
        horizons_s: Sequence[float],
        refiner: Refiner | None = None,
        device: torch.device | None = None,
        latency_budget_s: float | None = None,
    ) -> None:
        faults = [] if predictor is None else horizon_problems(tuple(horizons_s))
        if latency_budget_s is not None and not latency_budget_s > 0:
            faults.append(f"latency_budget_s is {latency_budget_s}; it must be above 0, or None")
        if faults:
            raise UsageError("; ".join(faults))
        self._source = source
        self._latency_budget_s = latency_budget_s
        self.num_late = 0
        """Steps that were over the latency budget, and not given."""
        self._follower: Follower | None = None
        self._segmenter = segmenter
        self._predictor = predictor
        self._horizons_s = tuple(horizons_s)
        self._refiner = refiner
        self._device = device
        self._pace = Pace()
        self._steps: weakref.ref[Generator[Step, None, None]] | None = None

    @property
    def source(self) -> LiveSource:
        """Where frames come from."""
        return self._source

    @property
    def stats(self) -> LiveStats:
        """How the source is doing; may be asked from any thread."""
        return self._source.stats

    @property
    def period_s(self) -> float:
        """Time between the frames that are forecast from; 0 while it is being found."""
        return self._pace.period_s

    def __iter__(self) -> Iterator[Step]:
        steps = self._all_steps()
        # Not held: who leaves the loop then lets go of the last reference, which closes it.
        self._steps = weakref.ref(steps)
        return steps

    def __enter__(self) -> LiveStream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def interrupt(self) -> None:
        """End the iteration after the frames in flight, from any thread."""
        self._source.interrupt()

    def start(self, on_step: StepListener | None = None) -> None:
        """Take the steps in a thread of its own, for `latest` and for the listener, until `close`.

        Args:
            on_step: Called with every step, from that thread; it holds up the next one.

        Raises:
            UsageError: It has been started before.
        """
        if self._follower is not None:
            raise UsageError("the stream has been started before; close it first")
        self._follower = Follower(self.__iter__, on_step)

    def latest(self) -> Step | None:
        """The newest step, at once; None before the first. Raises what the stream ended with."""
        if self._follower is None:
            self.start()
        return None if self._follower is None else self._follower.latest

    def close(self) -> None:
        """Stop every thread; may be called from any, and twice."""
        follower, self._follower = self._follower, None
        steps = None if self._steps is None else self._steps()
        if steps is not None:
            self._end(steps)
        if follower is not None:
            follower.join()

    def _end(self, steps: Generator[Step, None, None]) -> None:
        deadline_s = time.monotonic() + _ENDING_S
        while getgeneratorstate(steps) != GEN_CLOSED and time.monotonic() < deadline_s:
            self._source.interrupt()
            try:
                steps.close()
            except ValueError:
                # Another thread is within it, and leaves at the interruption.
                time.sleep(_POLL_S)

    def _all_steps(self) -> Generator[Step, None, None]:
        with self._source.open() as frames:
            if self._source.never_drops:
                yield from self._stretch(Gate(frames, slots=8), steady=True)
                return
            gate = Gate(frames, slots=_IN_FLIGHT)
            while not gate.ended:
                self._source.thinning.period_s = self._pace.period_s
                gate.reopen()
                yield from self._stretch(gate, steady=False)

    def _stretch(self, gate: Gate, *, steady: bool) -> Generator[Step, None, None]:
        """Steps at one period, up to the end or to a change of period."""
        trial = not steady and self._pace.period_s == 0.0
        steps = run(
            gate.frames,
            segmenter=self._segmenter,
            refiner=self._refiner,
            predictor=None if trial else self._paced_predictor(),
            horizons_s=self._horizons_s,
            frame_s=None if steady else self._pace.period_s or None,
            depth=1,
            device=self._device,
        )
        try:
            for step in steps:
                gate.release()
                began_s = time.perf_counter()
                timed = self._timed(step)
                if self._in_time(timed):
                    yield timed
                spent_s = time.perf_counter() - began_s
                if not steady and self._out_of_step(step, spent_s):
                    gate.shut()
        finally:
            if not gate.is_shut:
                # The decoding thread may be waiting for a frame that never comes, or for its turn.
                gate.shut()
                self._source.interrupt()
            steps.close()

    def _paced_predictor(self) -> Predictor | None:
        if self._predictor is None or self._pace.frames_per_period == 1:
            return self._predictor
        return FineHorizons(
            self._predictor,
            period_s=self._pace.period_s,
            frames_per_period=self._pace.frames_per_period,
        )

    def _out_of_step(self, step: Step, spent_s: float) -> bool:
        predict_s = step.latency_ms.get("predict", 0.0) / 1e3
        return self._pace.observe(
            step.frame.at,
            cost_s=max(step.latency_ms["segment"] / 1e3, predict_s + spent_s),
            source_period_s=self._source.thinning.source_period_s,
        )

    def _in_time(self, step: Step) -> bool:
        age_s = sum(step.latency_ms.values()) / 1e3 + self._source.stats.lag_s
        late = self._latency_budget_s is not None and age_s > self._latency_budget_s
        self.num_late += late
        return not late

    def _timed(self, step: Step) -> Step:
        """Latencies counted from the frame's arrival, not from when it was waited for."""
        delivery = self._source.delivery(step.frame.at)
        assert delivery is not None, "a frame in flight is not forgotten"
        stages = {
            name: spent_ms
            for name, spent_ms in step.latency_ms.items()
            if name not in ("decode", "wait")
        }
        if self._predictor is not None:
            stages.setdefault("predict", 0.0)
        # What was decoded before it arrived is the source's time, what was converted after is ours.
        known_ms = delivery.convert_ms + sum(stages.values())
        total_ms = 1e3 * (time.monotonic() - delivery.arrived_s)
        return replace(
            step,
            captured_unix_s=delivery.captured_unix_s,
            wanted=self._predictor is not None,
            latency_ms={
                "decode": delivery.decode_ms + delivery.convert_ms,
                **stages,
                "wait": max(0.0, total_ms - known_ms),
            },
        )


def open_stream(
    source: str | Path | LiveSource,
    *,
    horizons_s: Sequence[float] = (0.18, 0.53),
    segmenter: Segmenter | str = "fast-scnn",
    predictor: Predictor | str | None = "flow-warp",
    refiner: Refiner | str | None = None,
    device: str = "auto",
    retries: int | None = 20,
    realtime: bool = True,
    latency_budget_s: float | None = None,
) -> LiveStream:
    """Steps of a live source while they happen; see `LiveSource` for what an address may be.

    Args:
        source: An address, or a source made with its own settings.
        horizons_s: How far ahead, in seconds.
        segmenter: Says what every pixel is: a stage, or its name.
        predictor: Forecasts: a stage or its name; None to segment only.
        refiner: Improves each segmentation: a stage, or names divided by commas.
        device: Where networks run: auto, cpu, cuda, mps.
        retries: Failed attempts in a row before the source counts as lost; None tries for ever.
        realtime: Whether a file plays at its own rate, as a camera would.
        latency_budget_s: A step that is older when it is ready is not given; None gives all.

    Raises:
        UsageError: The address is of no known kind, a name is unknown, or a horizon is wrong.
        SourceError: It names nothing that exists; while iterating: it can never be opened.
        CheckpointError: Weights are missing or damaged.
        SourceLostError: While iterating, once the last retry has failed.
    """
    from forecast import catalogue
    from forecast.device import place

    if not isinstance(source, LiveSource):
        source = LiveSource(source, retries=retries, realtime=realtime)
    placement = place(device)
    if isinstance(segmenter, str):
        segmenter = catalogue.build_segmenter(segmenter, placement=placement)
    flow = catalogue.build_flow("dis", weights=None, placement=placement)
    if isinstance(refiner, str):
        refiner = catalogue.build_refiner(refiner.split(","), flow=flow)
    if isinstance(predictor, str):
        predictor = catalogue.build_predictor(
            predictor, flow=flow, segmenter=segmenter, placement=placement
        )
    return LiveStream(
        source,
        segmenter=segmenter,
        predictor=predictor,
        horizons_s=horizons_s,
        refiner=refiner,
        device=placement.device,
        latency_budget_s=latency_budget_s,
    )
