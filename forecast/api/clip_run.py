"""One clip on its way from source to recording, overlay video and label pictures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from forecast.api.networks import Workshop, refined_name
from forecast.api.settings import ProcessSettings, resolved
from forecast.api.steps import replayed, steps_of
from forecast.api.watch import Watch
from forecast.engine.clock import StageClock
from forecast.engine.windows import restart_index
from forecast.errors import UsageError
from forecast.labels import LabelSpace
from forecast.stages import FrameSource, Predictor, Refiner, Segmenter, Sink
from forecast.storage.label_pngs import LabelPngs
from forecast.storage.manifest import Manifest, identity
from forecast.storage.overlay_video import OverlayVideo
from forecast.storage.recording import Recording
from forecast.storage.recording_writer import RecordingWriter, whole_shard
from forecast.values import Step, num_stride_frames

_IRRELEVANT = {"device", "precision", "weights", "predictor", "predictor_weights"} | {
    "refine",
    "segmenter",
}
"""Settings that the manifest holds by the fingerprints of what they name..."""
_HARMLESS = {"resume", "save"}
"""...and those that change no byte of a recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Processed:
    """What became of one clip."""

    clip: str
    folder: Path
    """Of its recording, where one was saved."""
    num_frames: int
    """Frames that were processed now; those of a run that was resumed are not among them."""
    frames_per_s: float
    slowest: str
    """The stage that was busy longest."""
    busy: float
    """Share of the time that it was."""


@dataclass(frozen=True, kw_only=True)
class ClipRun:
    """One clip on its way from source to outputs."""

    source: FrameSource
    out: Path
    settings: ProcessSettings
    shop: Workshop
    segmenter: Segmenter
    predictor: Predictor
    refiner: Refiner | None = None

    def run(self, watch: Watch) -> Processed:
        """Process it, and say how fast that was."""
        self._check_length()
        recording = self._recording()
        committed = 0 if recording is None else recording.num_committed
        sinks = self._pictures()
        if committed and sinks:
            self._replay(sinks, committed)
        clock = StageClock()
        num_forecasts = self._walk(recording, committed, sinks, clock, watch)
        if recording is not None:
            recording.complete()
        if num_forecasts == 0 and committed == 0:
            raise UsageError(self._no_forecast(clock.num_frames))
        slowest, busy = clock.slowest or ("none", 0.0)
        return Processed(
            clip=self.source.clip,
            folder=self._folder,
            num_frames=clock.num_frames,
            frames_per_s=clock.frames_per_s,
            slowest=slowest,
            busy=busy,
        )

    def _walk(
        self,
        recording: RecordingWriter | None,
        committed: int,
        pictures: Sequence[Sink],
        clock: StageClock,
        watch: Watch,
    ) -> int:
        later = [SkipsUntil(committed, sink) for sink in pictures]
        steps = steps_of(
            self.source,
            segmenter=self.segmenter,
            predictor=self.predictor,
            horizons_s=self.settings.horizons,
            sinks=[*([recording] if recording is not None else []), *later],
            refiner=self.refiner,
            every=self.settings.every,
            batch_size=self.settings.batch_size,
            begin=self._begin(committed),
            forecast_from=committed,
            device=self.shop.placement.device,
            clock=clock,
        )
        num_forecasts = 0
        total = None if self.source.num_frames is None else self.source.num_frames - committed
        with watch(self.source.clip, total, unit="frames") as advance, closing(steps):
            for step in steps:
                num_forecasts += len(step.forecast)
                if step.frame.at.index >= committed:
                    advance()
        return num_forecasts

    def _begin(self, committed: int) -> int:
        # A refiner that remembers must have seen every frame, for the same bytes to come out.
        remembers = self.refiner is not None and self.refiner.remembers
        if self.source.fps is None or remembers:
            return 0
        return restart_index(
            committed,
            needs=self.predictor.needs,
            frame_s=1 / self.source.fps,
            batch_size=self.settings.batch_size,
        )

    def _recording(self) -> RecordingWriter | None:
        if not {"recording", "soft"} & set(self.settings.save):
            return None
        return RecordingWriter(
            self._folder,
            manifest=self._manifest(),
            space=self._space,
            horizons_s=self.settings.horizons,
            shard_frames=whole_shard(self.settings.batch_size),
            soft="soft" in self.settings.save,
            resume=self.settings.resume,
        )

    def _manifest(self) -> Manifest:
        told = resolved(self.settings)
        plain = {name: told[name] for name in told if name not in _IRRELEVANT | _HARMLESS}
        plain["soft"] = "soft" in self.settings.save
        config = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
        return Manifest(
            source=self.source.fingerprint,
            config=config,
            segmenter=identity(self.segmenter),
            refiner=identity(self.refiner),
            predictor=identity(self.predictor),
            device=str(self.shop.placement.device),
            precision=self.shop.placement.precision,
        )

    def _pictures(self) -> list[Sink]:
        sinks: list[Sink] = []
        if "overlay" in self.settings.save:
            sinks.append(
                OverlayVideo(
                    self.out / f"{self.source.clip}.mp4",
                    space=self._space,
                    horizon_s=max(self.settings.horizons),
                    segmenter=refined_name(self.segmenter, self.refiner),
                    predictor=self.predictor.name,
                )
            )
        if "labels" in self.settings.save:
            sinks.append(LabelPngs(self.out / f"{self.source.clip}-labels", space=self._space))
        return sinks

    def _replay(self, sinks: Sequence[Sink], committed: int) -> None:
        """Show sinks of pictures what the killed run had recorded."""
        for step in replayed(self.source, Recording(self._folder), until=committed):
            for sink in sinks:
                sink.write(step)

    @property
    def _space(self) -> LabelSpace:
        return self.predictor.space or self.segmenter.space

    @property
    def _folder(self) -> Path:
        return self.out / self.source.clip

    @property
    def _num_needed(self) -> int:
        if self.source.fps is None:
            return 1
        needs = self.predictor.needs
        stride = num_stride_frames(needs.step_s, 1 / self.source.fps)
        return (needs.num_observations - 1) * stride + 1 + int(needs.previous)

    def _check_length(self) -> None:
        found = self.source.num_frames
        if found is not None and found < self._num_needed:
            raise UsageError(self._no_forecast(found))

    def _no_forecast(self, found: int) -> str:
        return (
            f"{self.source.clip} has {found} frames and nothing could be forecast; "
            f"{self.predictor.name} needs {self._num_needed} in a row: give a longer clip"
        )


class SkipsUntil:
    """A sink that skips the frames before `begin`."""

    def __init__(self, begin: int, sink: Sink) -> None:
        self._begin = begin
        self._sink = sink

    def write(self, step: Step) -> None:
        """Pass on a step from `begin` on."""
        if step.frame.at.index >= self._begin:
            self._sink.write(step)

    def close(self) -> None:
        """Finalise the sink within."""
        self._sink.close()
