"""X2X: pictures of the past to the picture of the next step, rolled out, then segmented.

The learned form of frames-then-segment: S2S's network on colours (Luc et al., ICCV 2017, the model
its comparison names X2X). Promises that pictures are fed back as they come and clamped only to be
segmented. Axes: B batch, T time, h w grid, H W picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from forecast.device import Placement, placed, running
from forecast.errors import UsageError
from forecast.geometry.resize import probs_on_grid, resize_rgb
from forecast.labels import LabelSpace
from forecast.prediction.fingerprint import fingerprint_of
from forecast.prediction.one_step.rollout import by_step
from forecast.prediction.one_step.s2s import S2SNetwork
from forecast.stages import Segmenter
from forecast.values import STRIDE_S, Forecast, Frame, History, Needs


class X2X:
    """Forecasts pictures on a small grid, enlarges them to the source's size and segments them.

    Serves whole multiples of the stride and leaves every other horizon out.
    """

    def __init__(
        self,
        network: S2SNetwork,
        segmenter: Segmenter,
        *,
        placement: Placement,
        name: str = "x2x",
        step_s: float = STRIDE_S,
        num_inputs: int = 4,
        grid_hw: tuple[int, int] = (64, 128),
        fingerprint: str = "",
    ) -> None:
        """Puts the network where it will run.

        Args:
            network: Made for three colours, which it sees between 0 and 1.
            segmenter: What says what a forecast picture shows.
            placement: Where and in what precision the network runs.
            name: Name in reports.
            step_s: Stride it learnt.
            num_inputs: T.
            grid_hw: Grid it learnt on; both even.
            fingerprint: Hash of the network's weights.
        """
        self._network = placed(network, placement)
        self._segmenter = segmenter
        self._placement = placement
        self.name = name
        self._step_s = step_s
        self._num_inputs = num_inputs
        self._grid_hw = grid_hw
        self._weights = fingerprint

    @property
    def space(self) -> LabelSpace | None:
        """The segmenter's."""
        return self._segmenter.space

    @property
    def needs(self) -> Needs:
        """One window."""
        return Needs(num_observations=self._num_inputs, step_s=self._step_s)

    @property
    def fingerprint(self) -> str:
        """Of the name, the weights, the grid, the window and the segmenter."""
        height, width = self._grid_hw
        return fingerprint_of(
            self.name,
            weights=self._weights,
            segmenter=self._segmenter.fingerprint,
            num_inputs=self._num_inputs,
            step_s=self._step_s,
            grid=f"{height}x{width}",
        )

    def predict(
        self, histories: Sequence[History], *, horizons_s: Sequence[float]
    ) -> Iterator[Forecast]:
        """Forecasts of all histories together, the nearest horizon of each first.

        Raises:
            UsageError: A history is too short.
        """
        if not histories:
            return
        windows = torch.stack([self._window(history) for history in histories])  # B T 3 h w
        wanted = [by_step(history, horizons_s) for history in histories]
        last = max((step for one in wanted for step in one), default=0)
        for step in range(1, last + 1):
            newest = self._step(windows)
            windows = torch.cat([windows[:, 1:], newest[:, None]], dim=1)
            for history, horizons, picture in zip(histories, wanted, newest, strict=True):
                for horizon_s in horizons.get(step, ()):
                    yield self._forecast(history, horizon_s, picture)

    def _step(self, windows: Float[Tensor, "B T 3 h w"]) -> Float[Tensor, "B 3 h w"]:
        with running(self._network, self._placement) as network:
            newest, _ = network(windows)
        return newest.float()

    def _window(self, history: History) -> Float[Tensor, "T 3 h w"]:
        found = len(history.observations)
        if found < self._num_inputs:
            raise UsageError(
                f"{self.name} got {found} frames and needs {self._num_inputs}; "
                "start it later in the clip"
            )
        recent = history.observations[-self._num_inputs :]
        pictures = [resize_rgb(one.frame.rgb, self._grid_hw) for one in recent]
        return self._placement.put(torch.stack(pictures)).float() / 255

    def _forecast(
        self, history: History, horizon_s: float, picture: Float[Tensor, "3 h w"]
    ) -> Forecast:
        origin, ahead = history.observations[-1].frame, history.num_frames(horizon_s)
        at = replace(
            origin.at,
            index=origin.at.index + ahead,
            pts_s=origin.at.pts_s + ahead * history.frame_s,
        )
        rgb = resize_rgb(as_rgb(picture), origin.size_hw)
        (segmentation,) = self._segmenter([Frame(at=at, rgb=rgb)])
        return Forecast(
            origin=history.origin,
            horizon_s=horizon_s,
            served_s=history.served_s(horizon_s),
            space=segmentation.space,
            probs=probs_on_grid(segmentation, segmentation.grid_hw),
        )


def as_rgb(picture: Float[Tensor, "3 h w"]) -> UInt8[Tensor, "3 h w"]:
    """A raw forecast picture as one that can be shown: clamped, 0 to 255."""
    return (picture.clamp(0, 1) * 255).round().byte()
