"""From what a person types to the data set it means."""

from __future__ import annotations

from pathlib import Path

from forecast.errors import UsageError
from forecast.labels import CITYSCAPES
from forecast.sources.find import Dataset, find_dataset
from pipelines.config import EvaluateSettings

_HISTORY_FRAMES = 10
_ORIGINS_PER_STREET = 40
_NUM_STREETS = 4


def open_dataset(data: str, settings: EvaluateSettings) -> Dataset:
    """The data set in that folder, or rendered streets for `street` and `street:SEED`.

    Raises:
        UsageError: There is nothing like that.
        SourceError: It is there and cannot be read.
    """
    name, _, seed = data.partition(":")
    if name == "street":
        if seed and not seed.isdigit():
            raise UsageError(f"found street:{seed}, needed a whole number, such as street:7")
        return _streets(int(seed or 0), settings)
    return find_dataset(Path(data), split=settings.split, fps=settings.fps)


def _streets(seed: int, settings: EvaluateSettings) -> Dataset:
    from forecast.synthetic.street.source import StreetSource

    farthest_s = max(settings.horizons or (1.0,))
    num_frames = _HISTORY_FRAMES + round(farthest_s * 17) + _ORIGINS_PER_STREET
    clips = [
        StreetSource(seed=seed + offset, num_frames=num_frames, clip=f"street-{seed + offset}")
        for offset in range(_NUM_STREETS)
    ]
    return Dataset(
        name="street",
        split=f"seeds {seed} to {seed + _NUM_STREETS - 1}",
        clips=tuple(clips),
        space=CITYSCAPES,
        anchored=False,
    )
