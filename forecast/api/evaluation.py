"""From a data set to a report a person can trust."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from forecast import catalogue
from forecast.api.networks import Workshop, workshop
from forecast.api.protocols import ANNOTATIONS, protocol_of
from forecast.api.reads import frames_read
from forecast.api.report import report_of
from forecast.api.scoring import (
    Evaluated,
    Segmenters,
    annotation_segmenters,
    planned,
    score_clips,
)
from forecast.api.settings import EvaluateSettings, checked, resolved
from forecast.api.walk import Scored
from forecast.api.watch import Watch, unwatched
from forecast.errors import UsageError
from forecast.evaluation.compared import Extra
from forecast.evaluation.extras import extras_named
from forecast.evaluation.protocol import Protocol, Snippet
from forecast.evaluation.rivals import CEILING
from forecast.evaluation.summary import summarise
from forecast.labels import LabelSpace
from forecast.report.contents import Report
from forecast.report.files import write_report
from forecast.sources.find import Dataset
from forecast.specs import StreetShape, dataset_of, parsed
from forecast.stages import FlowEstimator, FrameSource, Predictor, Refiner, Segmenter

_HISTORY_FRAMES = 10
_ORIGINS_PER_STREET = 40
REFERENCE = ("copy-last", "flow-warp", "flow-warp-splat", "flow-warp-blend", "frames-then-segment")
"""Rows that every table carries, beside those that look at the future."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One evaluation, ready to be walked."""

    dataset: Dataset
    protocol: Protocol
    space: LabelSpace
    segmenters: Segmenters
    predictors: tuple[Predictor, ...]
    flow: FlowEstimator
    """Of the row `oracle-motion`."""
    extras: tuple[Extra, ...]
    alone: Callable[[], None]
    """Forgets what predictors share."""
    refiner: Refiner | None
    notes: tuple[str, ...]
    """What a reader must know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What was found, and where it can be read."""

    report: Report
    page: Path
    """report.html; report.json and scores.csv lie beside it."""


def evaluate(
    data: str | Path | Dataset,
    out: str | Path,
    settings: EvaluateSettings = EvaluateSettings(),  # noqa: B008 - frozen
    *,
    segmenter: Segmenter | None = None,
    predictors: Sequence[Predictor] = (),
    refiner: Refiner | None = None,
    watch: Watch = unwatched,
) -> Evaluation:
    """Score predictors at horizons, and write report.html, report.json and scores.csv.

    Args:
        data: A data set, a folder, a video, `street:SEED`, or a data set that is open already.
        out: Folder for the report.
        settings: Networks, horizons, targets.
        segmenter: Instead of the one that the settings name.
        predictors: Beside those that the settings name; names once each.
        refiner: Instead of those that the settings name.
        watch: Told of every forecast.

    Raises:
        UsageError: A name, a target or a horizon does not fit the data.
        OpenError: The data or some weights cannot be read.
        StorageError: The report cannot be written.
    """
    checked(settings)
    dataset = data if isinstance(data, Dataset) else _opened(str(data), settings)
    run = _prepared(dataset, settings, segmenter, predictors, refiner)
    plan = planned(run.protocol, run.dataset.clips)
    evaluated = _walked(run, plan, watch)
    results = summarise(
        evaluated.scores,
        run.space,
        fps_by_clip=run.protocol.fps_by_clip,
        drive_by_clip=run.protocol.drive_by_clip,
    )
    report = report_of(
        protocol=run.protocol,
        space=run.space,
        scores=evaluated.scores,
        looks=evaluated.looks,
        results=results,
        config=resolved(settings),
        notes=(*run.notes, *_cost(run.refiner, plan), *evaluated.notes),
        extras=run.extras,
    )
    return Evaluation(report=report, page=write_report(Path(out), report))


def _opened(data: str, settings: EvaluateSettings) -> Dataset:
    farthest_s = max(settings.horizons or (1.0,))
    shape = StreetShape(num_frames=_HISTORY_FRAMES + round(farthest_s * 17) + _ORIGINS_PER_STREET)
    return dataset_of(parsed(data, fps=settings.fps), split=settings.split, shape=shape)


def _walked(run: _Run, plan: Mapping[str, tuple[Snippet, ...]], watch: Watch) -> Evaluated:
    total = sum(len(one.targets) for found in plan.values() for one in found)
    with watch("evaluating", total, unit="forecasts") as advance:

        def count(scored: Scored) -> None:
            if scored.predictor == CEILING and scored.target == run.protocol.targets[0]:
                advance()

        return score_clips(
            run.dataset.clips,
            protocol=run.protocol,
            plan=plan,
            segmenters=run.segmenters,
            predictors=run.predictors,
            refiner=run.refiner,
            space=run.space,
            flow=run.flow,
            extras=run.extras,
            alone=run.alone,
            on_scored=count,
        )


def _prepared(
    dataset: Dataset,
    settings: EvaluateSettings,
    segmenter: Segmenter | None,
    predictors: Sequence[Predictor],
    refiner: Refiner | None,
) -> _Run:
    shop = workshop(settings)
    refiner = refiner or shop.refiner()
    network = segmenter
    if network is None and settings.segmenter != ANNOTATIONS:
        network = shop.segmenter(settings.segmenter)
    space = dataset.space or (None if network is None else network.space)
    if space is None:
        raise UsageError(
            f"{dataset.name} has no annotation, which --segmenter annotations needs; "
            "name a network with --segmenter"
        )
    frame_segmenter = network
    if settings.frame_segmenter is not None:
        frame_segmenter = shop.segmenter(settings.frame_segmenter)
    protocol = protocol_of(dataset, settings, space, network, refiner)
    names = settings.predictors or _default_predictors(frame_segmenter)
    if protocol.horizons_s == (0.0,):
        names = ()
    return _Run(
        dataset=dataset,
        protocol=protocol,
        space=space,
        segmenters=annotation_segmenters if network is None else _same(network),
        predictors=(*_built(shop, names, frame_segmenter, settings), *predictors),
        flow=shop.flow,
        extras=extras_named(settings.extras, flow=shop.another_flow),
        alone=shop.flow.forget,
        refiner=refiner,
        notes=_notes(dataset, names, protocol, settings),
    )


def _notes(
    dataset: Dataset, names: Sequence[str], protocol: Protocol, settings: EvaluateSettings
) -> tuple[str, ...]:
    notes: list[str] = []
    if protocol.horizons_s == (0.0,):
        notes.append("Nothing is forecast: the ceiling is the segmenter's own score.")
    elif not settings.predictors and "frames-then-segment" not in names:
        notes.append(
            "frames-then-segment: n/a, since annotations cannot segment a forecast frame; "
            "name a network with --frame-segmenter."
        )
    if dataset.note:
        notes.append(dataset.note)
    if settings.every > 1:
        notes.append(f"Every {settings.every}th origin was taken.")
    return tuple(notes)


def _cost(refiner: Refiner | None, plan: Mapping[str, tuple[Snippet, ...]]) -> tuple[str, ...]:
    """What a refiner that remembers costs here, as a sentence."""
    if refiner is None or not refiner.remembers:
        return ()
    alone = sum(len(frames_read(found, None)) for found in plan.values())
    every = sum(len(frames_read(found, refiner)) for found in plan.values())
    return (
        f"{refiner.name} must see every source frame: {every} were segmented and refined, where "
        f"at most {alone} would have been segmented without it.",
    )


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
