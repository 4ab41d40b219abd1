"""`forecast process`: from videos to recordings, overlay videos and label pictures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from forecast.api.process import process, replayed
from forecast.engine.queues import StageClock
from forecast.engine.windows import restart_index
from forecast.errors import UsageError
from forecast.labels import LabelSpace
from forecast.provenance import commit, machine, write_json
from forecast.sources.find import find_sources
from forecast.stages import FrameSource, Predictor, Segmenter, Sink
from forecast.storage.label_pngs import LabelPngs
from forecast.storage.manifest import Manifest, current_versions
from forecast.storage.overlay_video import OverlayVideo
from forecast.storage.recording import Recording, RecordingWriter, whole_shard
from forecast.values import Step, num_stride_frames
from pipelines.config import ProcessSettings, resolved
from pipelines.networks import Workshop, workshop
from pipelines.progress import console, progress


def process_video(specs: Sequence[str], out: Path, settings: ProcessSettings) -> int:
    """Process everything that was named, into `out`.

    Raises:
        UsageError: A name, a horizon or a resumed run does not fit.
        OpenError: A source or some weights cannot be read; what was decoded is kept.
    """
    sources = [source for spec in specs for source in find_sources(spec, fps=settings.fps)]
    named = [str(Path(spec).absolute()) for spec in specs]
    names = [source.clip for source in sources]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(
            f"two sources are called {', '.join(twice)}; rename one, or process them into folders "
            "of their own"
        )
    return process_sources(sources, out, settings, named=named)


def process_sources(
    sources: Sequence[FrameSource],
    out: Path,
    settings: ProcessSettings,
    *,
    named: Sequence[str] = (),
) -> int:
    """The same for sources that are open already; `named` is where they can be found again."""
    shop = workshop(settings)
    segmenter = shop.segmenter(settings.segmenter)
    predictor = shop.predictor(
        settings.predictor, segmenter=segmenter, weights=settings.predictor_weights
    )
    write_json(
        out / "run.json",
        {
            "config": resolved(settings),
            "sources": list(named),
            "commit": commit(),
            "versions": current_versions(),
            "machine": machine(),
        },
    )
    for source in sources:
        _Clip(
            source=source,
            out=out,
            settings=settings,
            shop=shop,
            segmenter=segmenter,
            predictor=predictor,
        ).run()
    return 0


@dataclass(frozen=True, kw_only=True)
class _Clip:
    """One clip on its way from source to outputs."""

    source: FrameSource
    out: Path
    settings: ProcessSettings
    shop: Workshop
    segmenter: Segmenter
    predictor: Predictor

    def run(self) -> None:
        """Process it and say how fast that was."""
        self._check_length()
        recording = self._recording()
        committed = 0 if recording is None else recording.num_committed
        sinks = self._pictures()
        if committed and sinks:
            self._replay(sinks, committed)
        clock = StageClock()
        num_forecasts = self._walk(recording, committed, sinks, clock)
        if recording is not None:
            recording.complete()
        if num_forecasts == 0 and committed == 0:
            raise UsageError(self._no_forecast(clock.num_frames))
        self._say(clock)

    def _walk(
        self,
        recording: RecordingWriter | None,
        committed: int,
        pictures: Sequence[Sink],
        clock: StageClock,
    ) -> int:
        later = [_Later(sink, committed) for sink in pictures]
        steps = process(
            self.source,
            segmenter=self.segmenter,
            predictor=self.predictor,
            horizons_s=self.settings.horizons,
            sinks=[*([recording] if recording is not None else []), *later],
            every=self.settings.every,
            batch_size=self.settings.batch_size,
            begin=self._begin(committed),
            device=self.shop.placement.device,
            clock=clock,
        )
        num_forecasts = 0
        total = None if self.source.num_frames is None else self.source.num_frames - committed
        with progress(self.source.clip, total) as advance, closing(steps):
            for step in steps:
                num_forecasts += len(step.forecast)
                if step.frame.at.index >= committed:
                    advance()
        return num_forecasts

    def _begin(self, committed: int) -> int:
        if self.source.fps is None:
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
        matters = ("horizons", "every", "batch_size", "save", "flow")
        plain = {name: value for name, value in resolved(self.settings).items() if name in matters}
        plain["save"] = "soft" in self.settings.save
        config = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
        return Manifest(
            source=self.source.fingerprint,
            config=config,
            segmenter=self.segmenter.fingerprint,
            predictor=self.predictor.fingerprint,
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
                    segmenter=self.segmenter.name,
                    predictor=self.predictor.name,
                )
            )
        if "labels" in self.settings.save:
            sinks.append(LabelPngs(self.out / f"{self.source.clip}-labels", space=self._space))
        return sinks

    def _replay(self, sinks: Sequence[Sink], committed: int) -> None:
        """Show pictures sinks what the killed run had recorded."""
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

    def _say(self, clock: StageClock) -> None:
        slowest, share = max(clock.busy_share.items(), key=lambda one: one[1])
        console.print(
            f"{self.source.clip}: {clock.num_frames} frames, {clock.frames_per_s:.1f} frames/s; "
            f"the slowest stage is {slowest}, busy {100 * share:.0f} % of the time"
        )


class _Later:
    """A sink that is not shown again what it has been shown already."""

    def __init__(self, sink: Sink, begin: int) -> None:
        self._sink = sink
        self._begin = begin

    def write(self, step: Step) -> None:
        """Pass on a step that is new to it."""
        if step.frame.at.index >= self._begin:
            self._sink.write(step)

    def close(self) -> None:
        """Finalise the sink within."""
        self._sink.close()
