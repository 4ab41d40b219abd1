"""A step reduced to what a recording keeps of it, so that a waiting shard holds no pictures.

Axes: N rows, S horizons, K classes, H W picture, h w the predictor's grid, gh gw the segmenter's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Shaped, UInt8
from numpy.typing import NDArray

from forecast.errors import UsageError
from forecast.geometry.deciding import grid_labels, picture_labels
from forecast.values import Instant, Segmentation, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One frame's share of every array."""

    at: Instant
    labels: Shaped[np.ndarray, "H W"]
    ahead: Mapping[int, UInt8[np.ndarray, "h w"]]
    """Forecast labels by the position of their horizon."""
    served_s: Float64[np.ndarray, " S"]
    """The time ahead that each is for; NaN where there is none."""
    soft: UInt8[np.ndarray, "K gh gw"] | None
    latency_ms: Mapping[str, float]


def row_of(step: Step, horizons_s: Sequence[float], *, soft: bool) -> Row:
    """What is kept of a step.

    Raises:
        UsageError: Probabilities are wanted of a segmentation that has none.
    """
    made = {
        place: step.forecast[horizon_s]
        for place, horizon_s in enumerate(horizons_s)
        if horizon_s in step.forecast
    }
    served_s = np.full(len(horizons_s), np.nan)
    for place, forecast in made.items():
        served_s[place] = forecast.served_s
    return Row(
        at=step.frame.at,
        labels=picture_labels(step.segmentation),
        ahead={place: grid_labels(forecast) for place, forecast in made.items()},
        served_s=served_s,
        soft=_quantised(step.segmentation) if soft else None,
        latency_ms=dict(step.latency_ms),
    )


def _quantised(segmentation: Segmentation) -> UInt8[np.ndarray, "K gh gw"]:
    if segmentation.probs is None:
        raise UsageError("annotations have no probabilities to keep; leave `soft` out of --save")
    return (segmentation.probs.float() * 255).round().byte().cpu().numpy()


def arrays_of(rows: Sequence[Row], *, void_id: int) -> dict[str, NDArray[Any]]:
    """The rows' arrays by name; `forecast/labels` only where there is a forecast."""
    arrays: dict[str, NDArray[Any]] = {
        "pts_s": np.array([row.at.pts_s for row in rows], np.float64),
        "index": np.array([row.at.index for row in rows], np.int64),
        "labels": np.stack([row.labels for row in rows]),
        "forecast/valid": ~np.isnan(np.stack([row.served_s for row in rows])),
    }
    soft = [row.soft for row in rows if row.soft is not None]
    if soft:
        arrays["soft"] = np.stack(soft)
    if rows[0].latency_ms:
        arrays["latency_ms"] = np.array([[*row.latency_ms.values()] for row in rows], np.float32)
    grids = {labels.shape for row in rows for labels in row.ahead.values()}
    if grids:
        assert len(grids) == 1, f"a predictor answers on one grid, not on {sorted(grids)}"
        num_horizons = len(rows[0].served_s)
        ahead = np.full((len(rows), num_horizons, *grids.pop()), void_id, np.uint8)
        for number, row in enumerate(rows):
            for place, labels in row.ahead.items():
                ahead[number, place] = labels
        arrays["forecast/labels"] = ahead
    return arrays
