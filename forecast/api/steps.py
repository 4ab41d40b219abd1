"""Every frame of one clip segmented, forecast and handed to sinks; recorded steps shown again."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import islice

import numpy as np
import torch

from forecast.engine.clock import StageClock
from forecast.engine.run import run
from forecast.engine.write_behind import WriteBehind
from forecast.errors import UsageError
from forecast.geometry.resize import one_hot
from forecast.stages import FrameSource, Predictor, Refiner, Segmenter, Sink
from forecast.storage.recording import Recording
from forecast.values import Forecast, Frame, Segmentation, Step


def steps_of(
    source: FrameSource,
    *,
    segmenter: Segmenter,
    predictor: Predictor | None,
    horizons_s: Sequence[float],
    sinks: Sequence[Sink],
    refiner: Refiner | None = None,
    every: int = 1,
    batch_size: int = 4,
    begin: int = 0,
    forecast_from: int = 0,
    device: torch.device | None = None,
    clock: StageClock | None = None,
) -> Generator[Step]:
    """Steps of the clip, each handed to the sinks; closing early finalises every sink.

    Args:
        source: The clip.
        segmenter: Sees each frame.
        predictor: Forecasts from each full history; None to segment only.
        horizons_s: How far ahead.
        sinks: Who keeps the steps; closed on every way out.
        refiner: Improves each segmentation.
        every: Forecast from every N-th frame.
        batch_size: Frames segmented together.
        begin: Index of the first frame to read, from `windows.restart_index`.
        forecast_from: Index of the first frame that is forecast from.
        device: Where the segmenter runs.
        clock: Told how long each stage works.

    Raises:
        SourceError: Decoding failed; every earlier frame was kept.
        StorageError: A sink could not write.
        UsageError: The predictor cannot serve a horizon.
    """
    clock = clock or StageClock()
    wanted = range(begin, sys.maxsize) if begin else None
    behind = WriteBehind(sinks, clock=clock)
    steps = run(
        partial(source.open, only=wanted),
        segmenter=segmenter,
        refiner=refiner,
        predictor=predictor,
        horizons_s=horizons_s,
        every=every,
        forecast_from=forecast_from,
        frame_s=None if source.fps is None else 1 / source.fps,
        batch_size=batch_size,
        device=device,
        clock=clock,
    )
    try:
        with closing(steps):
            for step in steps:
                _check_served(step, predictor, horizons_s)
                behind.write(step)
                yield step
    finally:
        behind.close()


def _check_served(step: Step, predictor: Predictor | None, horizons_s: Sequence[float]) -> None:
    if predictor is None or not step.forecast:
        return
    missing = [horizon_s for horizon_s in horizons_s if horizon_s not in step.forecast]
    if missing:
        listed = ", ".join(f"{one:g}" for one in missing)
        raise UsageError(
            f"{predictor.name} steps {predictor.needs.step_s:.3f} s at a time and cannot serve "
            f"{listed} s on this clip; ask for whole steps, or use a predictor such as flow-warp"
        )


def replayed(source: FrameSource, recording: Recording, *, until: int) -> Iterator[Step]:
    """Steps that were recorded, with their pictures again, for sinks that show the whole clip."""
    with source.open() as frames:
        for row, frame in enumerate(islice(frames, until)):
            ids = torch.from_numpy(np.asarray(recording.labels[row]))
            segmentation = Segmentation(
                at=frame.at, space=recording.space, size_hw=frame.size_hw, ids=ids
            )
            yield Step(
                frame=frame,
                segmentation=segmentation,
                forecast=_recorded_forecasts(recording, row, frame),
                latency_ms={},
            )


def _recorded_forecasts(recording: Recording, row: int, frame: Frame) -> dict[float, Forecast]:
    found: dict[float, Forecast] = {}
    for horizon_s, served_s in zip(recording.horizons_s, recording.served_s, strict=True):
        labels = recording.forecast(row, horizon_s)
        if labels is not None:
            found[horizon_s] = Forecast(
                origin=frame.at,
                horizon_s=horizon_s,
                served_s=float(served_s),
                space=recording.space,
                probs=one_hot(torch.from_numpy(labels), recording.space.num_classes),
            )
    return found
