"""What of a data set is there, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from forecast.errors import SourceError, UsageError
from forecast.sources.datasets.table import DATASETS, kind_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedSplit:
    """One split: files that it needs, and those that are not there."""

    name: str
    num_pictures: int
    num_labels: int
    published: int | None
    """Annotated pictures as the data set is distributed; None where nobody says."""
    missing: tuple[Path, ...]
    refused: str = ""
    """Why the split cannot be read though its files may be there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedDataset:
    """All splits of one data set."""

    kind: str
    splits: tuple[CountedSplit, ...]
    remark: str

    @property
    def is_whole(self) -> bool:
        """Whether every split can be read."""
        return bool(self.splits) and not any(one.missing or one.refused for one in self.splits)


def counted(root: Path) -> CountedDataset:
    """The files of a data set, counted.

    Raises:
        SourceError: There is no such folder.
        UsageError: It is the root of no known data set.
    """
    if not root.is_dir():
        raise SourceError(f"{root} is no folder; name the root of a data set")
    kind = kind_of(root)
    if kind is None:
        layouts = "; ".join(f"{name}: {one.layout}" for name, one in DATASETS.items())
        raise UsageError(f"{root} is the root of no known data set; looked for {layouts}")
    splits = tuple(_counted_split(root, one) for one in kind.splits(root))
    return CountedDataset(
        kind=kind.name, splits=splits, remark="" if kind.remark is None else kind.remark(root)
    )


def _counted_split(root: Path, split: str) -> CountedSplit:
    kind = kind_of(root)
    assert kind is not None
    try:
        files = kind.files(root, split)
    except SourceError as fault:
        return CountedSplit(
            name=split,
            num_pictures=0,
            num_labels=0,
            published=kind.published.get(split),
            missing=(),
            refused=str(fault),
        )
    return CountedSplit(
        name=split,
        num_pictures=sum(path.is_file() for path in files.pictures),
        num_labels=sum(path.is_file() for path in files.labels),
        published=kind.published.get(split),
        missing=tuple(path for path in (*files.pictures, *files.labels) if not path.is_file()),
    )
