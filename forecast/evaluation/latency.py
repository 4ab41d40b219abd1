"""How long a forecast takes, and how much of its horizon is left when it is ready."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from forecast.evaluation.compared import Compared, Extra
from forecast.scores import FigureWords


def latency() -> Extra:
    """Median and slow end of the time that a forecast takes, and the lead that is left.

    From the origin's picture to the forecast of that horizon: one segmentation, and the predictor
    with its own optical flow. Decoding and scoring are not in it. Of this machine, as busy as it
    was; the only score that differs from run to run.
    """
    return Extra(
        name="latency",
        sums=_sample,
        figures=_quantiles,
        words={
            "latency_p50_ms": FigureWords(
                title="Latency, median",
                about="Milliseconds from picture to forecast.",
                lower_is_better=True,
                decimals=1,
            ),
            "latency_p95_ms": FigureWords(
                title="Latency, 95th percentile",
                about="Milliseconds from picture to forecast; one in twenty takes longer.",
                lower_is_better=True,
                decimals=1,
            ),
            "usable_lead_s": FigureWords(
                title="Usable lead",
                about="Horizon less the 95th percentile of the latency, in seconds; below zero "
                "the answer comes too late.",
            ),
        },
        needs=frozenset(["latency"]),
        note=lambda _: "Latency is that of this machine while it evaluated, one frame at a time.",
    )


def _sample(compared: Compared) -> Float[np.ndarray, " 2"]:
    return np.array([compared.latency_ms, compared.served_s])


def _quantiles(sums: Float[np.ndarray, "N 2"]) -> Mapping[str, float]:
    p50, p95 = np.quantile(sums[:, 0], (0.5, 0.95))
    return {
        "latency_p50_ms": float(p50),
        "latency_p95_ms": float(p95),
        "usable_lead_s": float(sums[0, 1] - p95 / 1000),
    }
