"""From settings to stages that can run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from forecast import catalogue
from forecast.api.settings import ModelSettings
from forecast.device import Placement, place
from forecast.flow.cache import CachedFlow
from forecast.memory import keep_freed_memory
from forecast.stages import Predictor, Refiner, Segmenter


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Where networks run and what carries pixels; builds the rest on request."""

    settings: ModelSettings
    placement: Placement
    flow: CachedFlow

    def another_flow(self) -> CachedFlow:
        """The same optical flow, with a memory of its own.

        Raises:
            CheckpointError: Its weights are missing, damaged or of another shape.
        """
        return _flow(self.settings, self.placement)

    def segmenter(self, name: str) -> Segmenter:
        """The segmenter of that name, with the settings' weights and size.

        Raises:
            UsageError: No segmenter has that name.
            CheckpointError: Its weights are missing, damaged or of another shape.
        """
        return catalogue.build_segmenter(
            name,
            placement=self.placement,
            weights=self.settings.weights,
            input_hw=self.settings.segmenter_size,
        )

    def refiner(self) -> Refiner | None:
        """What the settings refine with; None where they name nothing.

        Raises:
            UsageError: No refiner has such a name or setting.
        """
        return catalogue.build_refiner(self.settings.refine, flow=self.flow)

    def predictor(
        self, name: str, *, segmenter: Segmenter | None, weights: Path | None = None
    ) -> Predictor:
        """The predictor of that name.

        Raises:
            UsageError: No predictor has that name, or it needs a segmenter and there is none.
            CheckpointError: Its weights are missing, damaged or of another shape.
        """
        return catalogue.build_predictor(
            name,
            flow=self.flow,
            segmenter=segmenter,
            placement=self.placement,
            weights=weights,
        )


def refined_name(segmenter: Segmenter, refiner: Refiner | None) -> str:
    """What reports and pictures call the maps."""
    return segmenter.name if refiner is None else f"{segmenter.name} + {refiner.name}"


def workshop(settings: ModelSettings) -> Workshop:
    """The place where the settings' networks are built.

    Raises:
        UsageError: There is no such device, precision or flow.
    """
    keep_freed_memory()
    precision = None if settings.precision == "auto" else settings.precision
    placement = place(settings.device, precision)
    flow = _flow(settings, placement)
    return Workshop(settings=settings, placement=placement, flow=flow)


def _flow(settings: ModelSettings, placement: Placement) -> CachedFlow:
    return catalogue.build_flow(settings.flow, weights=settings.flow_weights, placement=placement)
