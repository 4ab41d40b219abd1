"""The numbers of every channel, as Prometheus wants them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from forecast.live.channel import Channel

_STATES = ("connecting", "live", "stalled", "lost", "ended")


class _Numbers(Collector):
    def __init__(self, channels: Sequence[Channel]) -> None:
        self._channels = channels

    def collect(self) -> Iterator[Metric]:
        """One family after another; every sample names its source."""
        numbers = [(channel, channel.numbers()) for channel in self._channels]
        yield self._counter("forecast_steps", "Frames forecast from.", [
            ([channel.name], float(channel.num_published)) for channel, _ in numbers
        ])  # fmt: skip
        for key, name, what in (
            ("num_dropped", "forecast_dropped_frames", "Frames overtaken by newer ones."),
            ("num_thinned", "forecast_thinned_frames", "Frames left out at an even pace."),
            ("num_reconnects", "forecast_reconnects", "Connections opened again."),
            ("num_unwritten", "forecast_unwritten_steps", "Steps missing in what is saved."),
        ):
            rows = [([channel.name], float(found[key])) for channel, found in numbers]
            yield self._counter(name, what, rows)
        yield self._gauge("forecast_frames_per_second", "Steps a second.", ["source"], [
            ([channel.name], found["fps"]) for channel, found in numbers
        ])  # fmt: skip
        yield self._gauge("forecast_frame_age_seconds", "Age of the newest frame.", ["source"], [
            ([channel.name], found["age_s"]) for channel, found in numbers
            if found["age_s"] is not None
        ])  # fmt: skip
        yield self._gauge("forecast_lag_seconds", "Behind the source's clock.", ["source"], [
            ([channel.name], found["lag_s"]) for channel, found in numbers
        ])  # fmt: skip
        yield self._gauge("forecast_writing_failed", "1 while nothing is saved.", ["source"], [
            ([channel.name], float(bool(found["unwritten"]))) for channel, found in numbers
        ])  # fmt: skip
        yield self._gauge("forecast_viewers", "Pages that watch.", ["source"], [
            ([channel.name], float(channel.num_listeners)) for channel, _ in numbers
        ])  # fmt: skip
        yield self._gauge("forecast_state", "1 for the state that is.", ["source", "state"], [
            ([channel.name, state], float(found["state"] == state))
            for channel, found in numbers for state in _STATES
        ])  # fmt: skip
        yield self._latencies(numbers)
        yield self._scores(numbers)

    def _latencies(self, numbers: Sequence[tuple[Channel, dict[str, Any]]]) -> Metric:
        rows = [
            ([channel.name, stage, quantile], summary[name] / 1e3)
            for channel, found in numbers
            for stage, summary in {"total": found["latency_ms"], **found["stages_ms"]}.items()
            if summary is not None
            for quantile, name in (("0.5", "p50"), ("0.95", "p95"))
        ]
        names = ["source", "stage", "quantile"]
        return self._gauge("forecast_latency_seconds", "From a frame's arrival.", names, rows)

    def _scores(self, numbers: Sequence[tuple[Channel, dict[str, Any]]]) -> Metric:
        rows = [
            ([channel.name, score["predictor"], f"{score['horizon_s']:g}"], score["miou"])
            for channel, found in numbers
            for score in found["scores"]
            if score["miou"] is not None and score["checked"]
        ]
        names = ["source", "predictor", "horizon_s"]
        return self._gauge("forecast_running_miou", "Against what was then seen.", names, rows)

    def _counter(self, name: str, what: str, rows: Sequence[tuple[list[str], float]]) -> Metric:
        family = CounterMetricFamily(name, what, labels=["source"])
        for labels, value in rows:
            family.add_metric(labels, value)
        return family

    def _gauge(
        self, name: str, what: str, names: list[str], rows: Sequence[tuple[list[str], float]]
    ) -> Metric:
        family = GaugeMetricFamily(name, what, labels=names)
        for labels, value in rows:
            family.add_metric(labels, value)
        return family


def metrics_text(channels: Sequence[Channel]) -> bytes:
    """The exposition format."""
    registry = CollectorRegistry()
    registry.register(_Numbers(channels))
    return generate_latest(registry)
