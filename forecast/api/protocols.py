"""What an evaluation asks of a data set: horizons, targets, strides, drives."""

from __future__ import annotations

from forecast.api.networks import refined_name
from forecast.api.settings import EvaluateSettings
from forecast.errors import UsageError
from forecast.evaluation.protocol import Protocol
from forecast.labels import LabelSpace
from forecast.sources.find import Dataset
from forecast.stages import FrameSource, Refiner, Segmenter
from forecast.values import STRIDE_S

NUM_INPUTS = 4
ANNOTATIONS = "annotations"
"""What the settings call the annotation in a segmenter's place."""


def protocol_of(
    dataset: Dataset,
    settings: EvaluateSettings,
    space: LabelSpace,
    network: Segmenter | None,
    refiner: Refiner | None = None,
) -> Protocol:
    """The question that the settings and the data set amount to.

    Args:
        dataset: What is evaluated on.
        settings: Horizons, targets and inputs, where they are given.
        space: The classes that are counted in.
        network: What segments; None for the annotation itself.
        refiner: What improves its maps: part of the segmenter, for a smoothed target is an easier
            one.

    Raises:
        UsageError: A target that the data cannot give, or a clip without a frame rate.
    """
    return Protocol(
        dataset=dataset.name,
        split=dataset.split or "all",
        label_space=space.name,
        fps_by_clip={clip.clip: _fps(clip) for clip in dataset.clips},
        drive_by_clip={clip.clip: _drive(dataset, clip) for clip in dataset.clips},
        horizons_s=_horizons(dataset, settings),
        step_s=STRIDE_S,
        num_inputs=NUM_INPUTS,
        inputs="published" if settings.inputs == "published" else "native",
        origins="anchored" if dataset.anchored else "common",
        targets=_targets(dataset, settings, network, refiner),
        segmenter=ANNOTATIONS if network is None else refined_name(network, refiner),
        segmenter_fingerprint=ANNOTATIONS if network is None else _fingerprint(network, refiner),
        every=settings.every,
    )


def _drive(dataset: Dataset, clip: FrameSource) -> str:
    return "_".join(clip.clip.split("_")[: dataset.drive_parts])


def dataset_horizons(dataset: Dataset) -> tuple[float, ...]:
    """The horizons a data set's protocol reports, in seconds."""
    if dataset.stills:
        return (0.0,)
    return (0.18, 0.53) if dataset.anchored else (0.2, 0.6, 1.0)


def _fingerprint(network: Segmenter, refiner: Refiner | None) -> str:
    return (
        network.fingerprint if refiner is None else f"{network.fingerprint} {refiner.fingerprint}"
    )


def _horizons(dataset: Dataset, settings: EvaluateSettings) -> tuple[float, ...]:
    if dataset.stills and settings.horizons not in ((), (0.0,)):
        raise UsageError(
            f"{dataset.name} holds single pictures, which have no future to forecast; "
            "leave --horizons out to score the segmenter itself"
        )
    return settings.horizons or dataset_horizons(dataset)


def _targets(
    dataset: Dataset,
    settings: EvaluateSettings,
    network: Segmenter | None,
    refiner: Refiner | None,
) -> tuple[str, ...]:
    usual = [
        *(["truth"] if dataset.space is not None else []),
        *(["segmenter"] if network is not None else []),
    ]
    possible = [*usual, *(["unrefined"] if refiner is not None else [])]
    impossible = [name for name in settings.targets if name not in possible]
    if impossible:
        raise UsageError(
            f"{dataset.name} with --segmenter {settings.segmenter} cannot be held to "
            f"{', '.join(impossible)}; it can be held to {', '.join(possible)}"
        )
    return settings.targets or tuple(usual)


def _fps(clip: FrameSource) -> float:
    if clip.fps is None:
        raise UsageError(f"{clip.clip} has no frame rate; pass --fps")
    return clip.fps
