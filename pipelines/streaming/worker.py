"""One source of `forecast stream`: its thread, networks, page channel and files."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from pathlib import Path

from forecast.api.networks import refined_name, workshop
from forecast.api.open_stream import LiveStream
from forecast.engine.write_behind import WriteBehind
from forecast.errors import ForecastError, SourceLostError, StorageError
from forecast.live.channel import Channel, SourceStatus
from forecast.sources.live.source import LiveSource
from forecast.stages import Predictor, Segmenter, Sink
from forecast.storage.manifest import Manifest, identity
from forecast.storage.overlay_video import OverlayVideo
from forecast.storage.recording_writer import RecordingWriter
from pipelines.streaming.outputs import Outputs
from pipelines.streaming.settings import StreamSettings

_NOTABLE_LAG_S = 0.25


class StreamWorker:
    """One source in a thread of its own."""

    def __init__(self, address: str, out: Path | None, settings: StreamSettings) -> None:
        self._settings = settings
        self._out = out
        shop = workshop(settings)
        self._shop = shop
        self._segmenter: Segmenter = shop.segmenter(settings.segmenter)
        self._predictor: Predictor = shop.predictor(
            settings.predictor, segmenter=self._segmenter, weights=settings.predictor_weights
        )
        self._refiner = shop.refiner()
        self._source = live_source(address, settings)
        self._stream = LiveStream(
            self._source,
            segmenter=self._segmenter,
            predictor=self._predictor,
            horizons_s=settings.horizons,
            refiner=self._refiner,
            device=shop.placement.device,
        )
        self.channel = Channel(
            self._source.clip,
            shown=self._source.shown,
            space=self._predictor.space or self._segmenter.space,
            predictor=self._predictor.name,
            horizons_s=settings.horizons,
            status=self._status,
        )
        self._outputs: Outputs | None = None
        self.fault: ForecastError | None = None
        self._crash: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name=f"stream {self._source.clip}")

    def rename(self, name: str) -> None:
        """Another name on the page and for the folder."""
        self.channel.name = name

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether there is more to come."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End after the frames in flight."""
        self._stream.interrupt()

    def join(self) -> None:
        """Wait until the files are whole."""
        if self._thread.ident is not None:
            self._thread.join()
        if self._crash is not None:
            raise self._crash

    def summary(self) -> str:
        """A line on how it is doing."""
        numbers = self.channel.numbers()
        latency = numbers["latency_ms"] or {"p50": 0.0, "p95": 0.0}
        lag_s = numbers["lag_s"]
        lag = f", {lag_s:.1f} s behind" if lag_s >= _NOTABLE_LAG_S else ""
        return (
            f"{self.channel.name}: {numbers['state']}, {numbers['fps']:.1f} forecasts/s, latency "
            f"{latency['p50']:.0f} ms (p95 {latency['p95']:.0f}){lag}, "
            f"{numbers['num_dropped']} dropped"
        )

    def _work(self) -> None:
        outputs = self._make_outputs()
        behind = WriteBehind([] if outputs is None else [outputs])
        try:
            with self._stream:
                for step in self._stream:
                    self.channel.publish(step)
                    behind.write(step)
        except ForecastError as fault:
            self.fault = fault
        except BaseException as crash:  # noqa: BLE001 - raised again by join, in the main thread
            self._crash = crash
        finally:
            behind.close()
            self.fault = self.fault or self._missing()

    def _missing(self) -> ForecastError | None:
        """What was asked for and is not there, though nothing else went wrong."""
        if self._outputs is not None and self._outputs.first_fault:
            return StorageError(
                f"{self.channel.name}: {self._outputs.num_unwritten} steps are missing in the "
                f"files: {self._outputs.first_fault}"
            )
        if self._source.stats.num_received == 0 and self._crash is None:
            why = self._source.stats.trouble or "it fell silent"
            return SourceLostError(
                f"{self._source.shown} never gave a frame ({why}); check that it sends"
            )
        return None

    def _make_outputs(self) -> Outputs | None:
        if self._out is None or not self._settings.save:
            return None
        minutes = self._settings.segment_minutes
        self._outputs = Outputs(
            self._out / self.channel.name,
            self._sinks,
            segment_s=None if minutes is None else 60 * minutes,
            shown=self._source.shown,
        )
        return self._outputs

    def _sinks(self, folder: Path) -> Sequence[Sink]:
        save, space = self._settings.save, self.channel.space
        sinks: list[Sink] = []
        if "recording" in save:
            sinks.append(
                RecordingWriter(
                    folder / "recording",
                    manifest=self._manifest(),
                    space=space,
                    horizons_s=self._settings.horizons,
                )
            )
        if "overlay" in save:
            sinks.append(
                OverlayVideo(
                    folder / "overlay.mp4",
                    space=space,
                    segmenter=refined_name(self._segmenter, self._refiner),
                    predictor=self._predictor.name,
                )
            )
        if "rerun" in save:
            from forecast.storage.rerun_file import RerunFile

            sinks.append(RerunFile(folder / "stream.rrd", space=space))
        return sinks

    def _manifest(self) -> Manifest:
        plain = {"horizons": list(self._settings.horizons), "flow": self._settings.flow}
        placement = self._shop.placement
        return Manifest(
            source=self._source.fingerprint,
            config=hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest(),
            segmenter=identity(self._segmenter),
            refiner=identity(self._refiner),
            predictor=identity(self._predictor),
            device=str(placement.device),
            precision=placement.precision,
        )

    def _status(self) -> SourceStatus:
        stats = self._stream.stats
        outputs = self._outputs
        return SourceStatus(
            state=stats.state.value,
            trouble=stats.trouble,
            unwritten="" if outputs is None else outputs.trouble,
            num_unwritten=0 if outputs is None else outputs.num_unwritten,
            num_dropped=stats.num_dropped,
            num_thinned=stats.num_thinned,
            num_reconnects=stats.num_reconnects,
            age_s=stats.age_s,
            recovery_s=stats.recovery_s,
            source_fps=stats.fps,
            lag_s=stats.lag_s,
        )


def live_source(address: str, settings: StreamSettings) -> LiveSource:
    """The source of that address, with the settings' time-outs and policy."""
    policy = settings.policy
    return LiveSource(
        address,
        retries=None if settings.retries < 0 else settings.retries,
        open_timeout_s=settings.open_timeout,
        read_timeout_s=settings.read_timeout,
        policy="latest" if policy == "latest" else "every" if policy == "every" else None,
        realtime=settings.realtime or address.startswith("lavfi:"),
        container=settings.container,
    )
