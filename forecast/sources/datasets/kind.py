"""What a data set is to the commands that read it: one value for each, in `table.DATASETS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from forecast.stages import AnnotatedSource


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitFiles:
    """Every file that a split needs, whether it is there or not."""

    pictures: Sequence[Path]
    labels: Sequence[Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetKind:
    """One data set: how it is known, read and counted."""

    name: str
    layout: str
    """What lies where below its root."""
    terms: str
    origin: str
    """Where it is to be had."""
    is_here: Callable[[Path], bool]
    """Whether a folder is its root."""
    splits: Callable[[Path], Sequence[str]]
    """Parts that can be read."""
    open: Callable[[Path, str], Sequence[AnnotatedSource]]
    """The clips of one split; raises SourceError, and names what is missing."""
    files: Callable[[Path, str], SplitFiles]
    published: Mapping[str, int] = field(default_factory=dict[str, int])
    """Annotated pictures of each split, as the data set is distributed."""
    scored: str = "val"
    """Split that is evaluated where none is named."""
    taught: str = "train"
    """Split that is learnt from where none is named."""
    anchored: bool = False
    """Whether origins count back from the one annotated frame of a clip."""
    stills: bool = False
    """Whether pictures have no past and no future: only their segmentation can be scored."""
    drive_parts: int | None = None
    """How many leading parts of a clip's name, between underscores, name its drive; None for all.
    """
    notes: Mapping[str, str] = field(default_factory=dict[str, str])
    """What a reader of scores on a split must know."""
    remark: Callable[[Path], str] | None = None
    """What `forecast datasets check` says further."""
