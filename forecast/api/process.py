"""From videos to recordings, overlay videos and label pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from forecast.api.clip_run import ClipRun, Processed
from forecast.api.networks import workshop
from forecast.api.settings import ProcessSettings, checked, resolved
from forecast.api.watch import Watch, unwatched
from forecast.errors import UsageError
from forecast.provenance import made_with, write_json
from forecast.specs import parsed, sources_of
from forecast.stages import FrameSource, Predictor, Refiner, Segmenter


def process(
    source: str | Path | FrameSource | Sequence[str | Path | FrameSource],
    out: str | Path,
    settings: ProcessSettings = ProcessSettings(),  # noqa: B008 - frozen
    *,
    segmenter: Segmenter | None = None,
    predictor: Predictor | None = None,
    refiner: Refiner | None = None,
    watch: Watch = unwatched,
) -> list[Processed]:
    """Segment and forecast every frame, and keep what `settings.save` names.

    Args:
        source: Videos, folders, globs or sources that are open already.
        out: Folder for recordings, videos and labels.
        settings: Networks, horizons, and what is saved.
        segmenter: Instead of the one that the settings name.
        predictor: Instead of the one that the settings name.
        refiner: Instead of those that the settings name.
        watch: Told of every frame.

    Returns:
        One entry a clip, in order.

    Raises:
        UsageError: A name, a horizon or a resumed run does not fit.
        OpenError: A source or some weights cannot be read; what was decoded is kept.
        StorageError: An output cannot be written.
    """
    checked(settings)
    named = (
        [source] if isinstance(source, str | Path) or not isinstance(source, Sequence) else source
    )
    sources = [clip for one in named for clip in _opened(one, settings)]
    _refuse_twins(sources)
    out = Path(out)
    shop = workshop(settings)
    segmenter = segmenter or shop.segmenter(settings.segmenter)
    predictor = predictor or shop.predictor(
        settings.predictor, segmenter=segmenter, weights=settings.predictor_weights
    )
    refiner = refiner or shop.refiner()
    _write_run(out, named, settings)
    return [
        ClipRun(
            source=clip,
            out=out,
            settings=settings,
            shop=shop,
            segmenter=segmenter,
            predictor=predictor,
            refiner=refiner,
        ).run(watch)
        for clip in sources
    ]


def _opened(named: str | Path | FrameSource, settings: ProcessSettings) -> Sequence[FrameSource]:
    if isinstance(named, str | Path):
        return sources_of(parsed(str(named), fps=settings.fps))
    return [named]


def _refuse_twins(sources: Sequence[FrameSource]) -> None:
    names = [source.clip for source in sources]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(
            f"two sources are called {', '.join(twice)}; rename one, or process them into folders "
            "of their own"
        )


def _write_run(
    out: Path, named: Sequence[str | Path | FrameSource], settings: ProcessSettings
) -> None:
    told = [str(one) for one in named if isinstance(one, str | Path)]
    found = [parsed(one, fps=settings.fps).lasting for one in told]
    write_json(out / "run.json", {"sources": found, **made_with(resolved(settings))})
