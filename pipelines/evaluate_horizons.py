"""`forecast evaluate`: from a data set to a report a person can trust."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from forecast import catalogue
from forecast.api.evaluate import (
    Segmenters,
    annotation_segmenters,
    evaluate,
    planned,
)
from forecast.api.walk import CEILING
from forecast.errors import UsageError
from forecast.evaluation.protocol import Protocol
from forecast.evaluation.summary import summarise
from forecast.labels import LabelSpace
from forecast.report.files import write_report
from forecast.sources.find import Dataset
from forecast.stages import FrameSource, Predictor, Segmenter
from pipelines.config import EvaluateSettings, resolved
from pipelines.datasets import open_dataset
from pipelines.networks import Workshop, workshop
from pipelines.progress import console, progress
from pipelines.reporting import report_of, show_results

STEP_S = 3 / 17
"""The stride of the Cityscapes protocol."""
NUM_INPUTS = 4

REFERENCE = ("copy-last", "flow-warp", "flow-warp-splat", "frames-then-segment")
"""Rows that every table carries, beside the ceiling."""

ANNOTATIONS = "annotations"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One evaluation, ready to be walked."""

    dataset: Dataset
    protocol: Protocol
    space: LabelSpace
    segmenters: Segmenters
    predictors: tuple[Predictor, ...]
    notes: tuple[str, ...]
    """What a reader must know."""


def evaluate_horizons(data: str, out: Path, settings: EvaluateSettings) -> int:
    """Evaluate, write the report into `out`, and say where it is.

    Raises:
        UsageError: A name, a target or a horizon does not fit the data.
        OpenError: The data or some weights cannot be read.
    """
    return evaluate_dataset(open_dataset(data, settings), out, settings)


def evaluate_dataset(dataset: Dataset, out: Path, settings: EvaluateSettings) -> int:
    """The same for a data set that is open already.

    Raises:
        UsageError: A name, a target or a horizon does not fit the data.
        OpenError: The data or some weights cannot be read.
    """
    run = _prepared(dataset, settings)
    plan = planned(run.protocol, run.dataset.clips)
    total = sum(len(one.targets) for found in plan.values() for one in found)
    with progress("evaluating", total, unit="forecasts") as advance:
        evaluated = evaluate(
            run.dataset.clips,
            protocol=run.protocol,
            plan=plan,
            segmenters=run.segmenters,
            predictors=run.predictors,
            space=run.space,
            on_scored=lambda scored: (
                advance()
                if scored.predictor == CEILING and scored.target == run.protocol.targets[0]
                else None
            ),
        )
    results = summarise(
        evaluated.scores,
        run.space,
        fps_by_clip=run.protocol.fps_by_clip,
        drive_by_clip=run.protocol.drive_by_clip,
        seed=settings.seed,
    )
    report = report_of(
        protocol=run.protocol,
        space=run.space,
        scores=evaluated.scores,
        looks=evaluated.looks,
        results=results,
        config=resolved(settings),
        notes=run.notes,
    )
    page = write_report(out, report)
    show_results(results)
    console.print(f"report: {page}")
    return 0


def _prepared(dataset: Dataset, settings: EvaluateSettings) -> _Run:
    shop = workshop(settings)
    network = None if settings.segmenter == ANNOTATIONS else shop.segmenter(settings.segmenter)
    space = dataset.space or (None if network is None else network.space)
    if space is None:
        raise UsageError(
            f"{dataset.name} has no annotation, which --segmenter annotations needs; "
            "name a network with --segmenter"
        )
    frame_segmenter = network
    if settings.frame_segmenter is not None:
        frame_segmenter = shop.segmenter(settings.frame_segmenter)
    names = settings.predictors or _default_predictors(frame_segmenter)
    if settings.horizons == (0.0,):
        names = ()
    protocol = _protocol(dataset, settings, space, network)
    return _Run(
        dataset=dataset,
        protocol=protocol,
        space=space,
        segmenters=annotation_segmenters if network is None else _same(network),
        predictors=_built(shop, names, frame_segmenter, settings),
        notes=_notes(dataset, names, settings),
    )


def _notes(dataset: Dataset, names: Sequence[str], settings: EvaluateSettings) -> tuple[str, ...]:
    notes: list[str] = []
    if settings.horizons == (0.0,):
        notes.append("Nothing is forecast: the ceiling is the segmenter's own score.")
    elif not settings.predictors and "frames-then-segment" not in names:
        notes.append(
            "frames-then-segment: n/a, since annotations cannot segment a forecast frame; "
            "name a network with --frame-segmenter."
        )
    if dataset.name == "camvid" and dataset.split == "val":
        notes.append("Other frames of this drive are in CamVid's train split.")
    if settings.every > 1:
        notes.append(f"Every {settings.every}th origin was taken.")
    return tuple(notes)


def _same(network: Segmenter) -> Segmenters:
    def of(_: FrameSource) -> Segmenter:
        return network

    return of


def _default_predictors(frame_segmenter: Segmenter | None) -> tuple[str, ...]:
    reference = [
        name for name in REFERENCE if name != "frames-then-segment" or frame_segmenter is not None
    ]
    return (*reference, *catalogue.bundled_predictors())


def _built(
    shop: Workshop,
    names: Sequence[str],
    frame_segmenter: Segmenter | None,
    settings: EvaluateSettings,
) -> tuple[Predictor, ...]:
    return tuple(
        shop.predictor(name, segmenter=frame_segmenter, weights=settings.predictor_weights)
        for name in dict.fromkeys(names)
    )


def _protocol(
    dataset: Dataset,
    settings: EvaluateSettings,
    space: LabelSpace,
    network: Segmenter | None,
) -> Protocol:
    return Protocol(
        dataset=dataset.name,
        split=dataset.split or "all",
        label_space=space.name,
        fps_by_clip={clip.clip: _fps(clip) for clip in dataset.clips},
        drive_by_clip={clip.clip: _drive(dataset, clip) for clip in dataset.clips},
        horizons_s=settings.horizons or dataset_horizons(dataset),
        step_s=STEP_S,
        num_inputs=NUM_INPUTS,
        inputs="published" if settings.inputs == "published" else "native",
        origins="anchored" if dataset.anchored else "common",
        targets=_targets(dataset, settings, network),
        segmenter=ANNOTATIONS if network is None else network.name,
        segmenter_fingerprint=ANNOTATIONS if network is None else network.fingerprint,
        every=settings.every,
    )


def _drive(dataset: Dataset, clip: FrameSource) -> str:
    """CamVid names the drive first, Cityscapes city and recording; other clips are their own."""
    parts = clip.clip.split("_")
    return "_".join(parts[: {"camvid": 1, "cityscapes": 2}.get(dataset.name, len(parts))])


def dataset_horizons(dataset: Dataset) -> tuple[float, ...]:
    """The horizons a data set's protocol reports, in seconds."""
    return (0.18, 0.53) if dataset.anchored else (0.2, 0.6, 1.0)


def _targets(
    dataset: Dataset, settings: EvaluateSettings, network: Segmenter | None
) -> tuple[str, ...]:
    possible = [
        *(["truth"] if dataset.space is not None else []),
        *(["segmenter"] if network is not None else []),
    ]
    impossible = [name for name in settings.targets if name not in possible]
    if impossible:
        raise UsageError(
            f"{dataset.name} with --segmenter {settings.segmenter} cannot be held to "
            f"{', '.join(impossible)}; it can be held to {', '.join(possible)}"
        )
    return settings.targets or tuple(possible)


def _fps(clip: FrameSource) -> float:
    if clip.fps is None:
        raise UsageError(f"{clip.clip} has no frame rate; pass --fps")
    return clip.fps
