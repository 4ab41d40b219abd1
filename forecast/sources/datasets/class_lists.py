"""Lists of class names beside a data set: what its ids mean, told by the list and never guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from forecast.errors import SourceError
from forecast.sources.pictures import some_names

_ALIASES = {"diningtable": "table", "bedcloth": "bedclothes", "clothes": "cloth"}
"""Pascal Context's lists differ in these three."""


def plain_name(name: str) -> str:
    """A class name as lists agree on it: lower case, no spaces, one spelling."""
    bare = "".join(name.lower().split()).replace("-", "").replace("_", "")
    return _ALIASES.get(bare, bare)


def read_class_list(path: Path) -> Mapping[int, str]:
    """Name of each id: from lines `ID: NAME`, or from bare names, which count from 1.

    Raises:
        SourceError: The list is missing, mixes both, or names an id or a class twice.
    """
    try:
        rows = [row.strip() for row in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as fault:
        raise SourceError(f"{path} cannot be read as a list of classes: {fault}") from fault
    named: dict[int, str] = {}
    for place, row in enumerate((row for row in rows if row), start=1):
        head, colon, tail = row.partition(":")
        if bool(colon) != head.strip().isdigit():
            raise SourceError(f"{path} has the line {row!r}; needed `ID: NAME` or a bare name")
        number = int(head) if colon else place
        if number in named:
            raise SourceError(f"{path} names id {number} twice; mend the list")
        named[number] = plain_name(tail if colon else row)
    if len(set(named.values())) != len(named):
        raise SourceError(f"{path} names a class twice; mend the list")
    return named


def require_classes(found: Mapping[int, str], wanted: Sequence[str], *, path: Path) -> None:
    """Raise unless a list names exactly the classes that are wanted, in whatever order.

    Raises:
        SourceError: It lacks some, or has others.
    """
    names = set(found.values()) - {"background"}
    lacking, other = sorted(set(wanted) - names), sorted(names - set(wanted))
    if lacking or other:
        raise SourceError(
            f"{path} is no list of these {len(wanted)} classes: it lacks "
            f"{some_names(lacking) or 'none'}, and has {some_names(other) or 'none'} beside them"
        )
