"""Networks by name, placed where they should run."""

from __future__ import annotations

from pathlib import Path

from forecast import catalogue
from forecast.device import place
from forecast.stages import Predictor, Refiner, Segmenter


def build_segmenter(
    name: str = "fddwnet-small",
    *,
    weights: str | Path | None = None,
    input_hw: tuple[int, int] | None = None,
    device: str = "auto",
    precision: str | None = None,
) -> Segmenter:
    """The segmenter of that name.

    Args:
        name: From `forecast models`.
        weights: A file, or a folder that holds it; the bundled ones if not given.
        input_hw: Height and width in pixels that it sees; its own default if not given.
        device: auto, cpu, cuda, cuda:1 or mps.
        precision: float32 or bfloat16; what suits the device if not given.

    Raises:
        UsageError: No segmenter has that name, or there is no such device.
        CheckpointError: Its weights are missing, damaged or of another shape.
    """
    return catalogue.build_segmenter(
        name,
        placement=place(device, precision),
        weights=None if weights is None else Path(weights),
        input_hw=input_hw,
    )


def build_predictor(
    name: str = catalogue.AUTO,
    *,
    segmenter: Segmenter | None = None,
    flow: str = "dis",
    flow_weights: str | Path | None = None,
    weights: str | Path | None = None,
    device: str = "auto",
    precision: str | None = None,
) -> Predictor:
    """The predictor of that name.

    Args:
        name: From `forecast models`; auto takes what suits the segmenter.
        segmenter: Whose maps it is given; needed by predictors that segment forecast frames.
        flow: Optical flow that warps: dis, raft-small or raft-large.
        flow_weights: RAFT's file.
        weights: The bundled ones if not given.
        device: auto, cpu, cuda, cuda:1 or mps.
        precision: float32 or bfloat16; what suits the device if not given.

    Raises:
        UsageError: No predictor or flow has that name, or it needs a segmenter and there is none.
        CheckpointError: Its weights are missing, damaged or of another shape.
    """
    placement = place(device, precision)
    carrier = catalogue.build_flow(
        flow, weights=None if flow_weights is None else Path(flow_weights), placement=placement
    )
    return catalogue.build_predictor(
        name,
        flow=carrier,
        segmenter=segmenter,
        placement=placement,
        weights=None if weights is None else Path(weights),
    )


def build_refiner(
    names: str,
    *,
    flow: str = "dis",
    flow_weights: str | Path | None = None,
    device: str = "auto",
) -> Refiner:
    """What improves a segmenter's maps, such as `temporal,dense-crf`.

    Args:
        names: From `forecast models`, divided by commas, each perhaps with settings:
            `temporal:weight=0.5`.
        flow: Optical flow that refiners follow: dis, raft-small or raft-large.
        flow_weights: RAFT's file.
        device: Where RAFT runs: auto, cpu, cuda, cuda:1 or mps.

    Raises:
        UsageError: No refiner or flow has that name, or a setting does not fit.
        CheckpointError: The flow's weights are missing, damaged or of another shape.
    """
    carrier = catalogue.build_flow(
        flow,
        weights=None if flow_weights is None else Path(flow_weights),
        placement=place(device, None),
    )
    refiner = catalogue.build_refiner(names.split(","), flow=carrier)
    assert refiner is not None
    return refiner
