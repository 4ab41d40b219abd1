"""Micro-batches: how frames are gathered, copied to a device and segmented together.

Promises that a fault in a micro-batch arrives after the results of the frames before it.
Does not know threads: it reads from one and runs in another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch

from forecast.engine.clock import StageClock
from forecast.engine.queues import Prefetched
from forecast.stages import Segmenter
from forecast.values import Frame, Segmentation

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A frame, and when it came."""

    frame: Frame
    began_s: float
    """`time.perf_counter` when its decoding began."""
    decode_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentedBatch:
    """A micro-batch that the segmenter has seen."""

    decoded: Sequence[Decoded]
    segmentations: Sequence[Segmentation]
    segment_ms: float
    """Time that the whole micro-batch took: each of its frames waited as long."""


def batched(
    frames: Prefetched[Given], *, size: int, deadline_s: float | None = None
) -> Iterator[list[Given]]:
    """Micro-batches of up to `size`; short ones at the end and where the deadline passed.

    Args:
        frames: Where they come from.
        size: Most frames in one.
        deadline_s: Longest wait for a micro-batch to fill once it has a frame; None waits.
    """
    while batch := frames.take(size, deadline_s):
        yield batch


def segmented(
    batches: Iterable[Sequence[Decoded]],
    segmenter: Segmenter,
    *,
    clock: StageClock,
    device: torch.device | None = None,
) -> Iterator[SegmentedBatch]:
    """Each micro-batch with its segmentations; frames before a faulty one come before the fault.

    The only place that copies pictures to a device: once for each micro-batch, for the segmenter
    alone. The frames that go on stay where they were.
    """

    def segment(batch: Sequence[Decoded]) -> list[Segmentation]:
        made = segmenter(_on_device([one.frame for one in batch], device))
        assert len(made) == len(batch), f"{segmenter.name}: {len(made)} for {len(batch)} frames"
        return list(made)

    for batch in batches:
        done = 0
        for made, seconds in whole_or_singly(segment, batch):
            clock.add("segment", seconds)
            decoded = batch[done : done + len(made)]
            done += len(made)
            yield SegmentedBatch(decoded=decoded, segmentations=made, segment_ms=1e3 * seconds)


def _on_device(frames: Sequence[Frame], device: torch.device | None) -> Sequence[Frame]:
    if device is None or device.type == "cpu":
        return frames
    if len({frame.size_hw for frame in frames}) > 1:
        return [replace(frame, rgb=frame.rgb.to(device)) for frame in frames]
    pictures = torch.stack([frame.rgb for frame in frames])
    if device.type == "cuda":
        pictures = pictures.pin_memory()
    copies = pictures.to(device, non_blocking=True)
    return [replace(frame, rgb=copy) for frame, copy in zip(frames, copies, strict=True)]


def whole_or_singly(
    function: Callable[[Sequence[Given]], list[Made]], given: Sequence[Given]
) -> Iterator[tuple[list[Made], float]]:
    """Results of all at once, with seconds taken; after a fault, singly up to the faulty one."""
    began_s = time.perf_counter()
    try:
        made = function(given)
    except Exception:
        if len(given) == 1:
            raise
    else:
        yield made, time.perf_counter() - began_s
        return
    for one in given:
        began_s = time.perf_counter()
        made = function([one])
        yield made, time.perf_counter() - began_s
