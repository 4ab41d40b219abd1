"""Which clips are learnt from, which judge, and which are left out: by patterns of their names.

Promises that a pattern that fits nothing, or everything, is an error that names the clips: a
misspelt `--held-out` would else let a run be judged by what it learnt. Knows names alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from forecast.errors import UsageError
from forecast.sources.pictures import some_names


def fits(name: str, patterns: Sequence[str]) -> bool:
    """Whether a name is one of the patterns, or fits one: `*` and `?` stand for anything."""
    return any(name == one or fnmatchcase(name, one) for one in patterns)


def require_fits(names: Sequence[str], patterns: Sequence[str], *, option: str) -> None:
    """Raise unless every pattern fits some name.

    Raises:
        UsageError: One fits none; names the clips that there are.
    """
    idle = [one for one in patterns if not any(fits(name, [one]) for name in names)]
    if idle:
        raise UsageError(
            f"no clip is called {idle[0]!r}; name some of these with {option}: {some_names(names)}"
        )


def left_after(names: Sequence[str], without: Sequence[str]) -> list[str]:
    """The names that no pattern leaves out.

    Raises:
        UsageError: A pattern fits nothing, or nothing is left.
    """
    require_fits(names, without, option="--without")
    kept = [name for name in names if not fits(name, without)]
    if names and not kept:
        raise UsageError(
            f"--without {','.join(without)} leaves out every clip ({some_names(names)}); "
            "leave at least two: one to learn from and one to judge"
        )
    return kept


def judging(names: Sequence[str], held_out: Sequence[str]) -> list[str]:
    """The names that judge: those that are held out, or the last one.

    Raises:
        UsageError: A pattern fits nothing, or nothing is left to learn from.
    """
    if len(names) < 2:
        raise UsageError(
            f"one clip cannot both teach and judge, and there is only {some_names(names) or 'none'}"
            "; name at least two"
        )
    if not held_out:
        return [names[-1]]
    require_fits(names, held_out, option="--held-out")
    held = [name for name in names if fits(name, held_out)]
    if len(held) == len(names):
        raise UsageError(
            f"every clip is held out by --held-out {','.join(held_out)} ({some_names(names)}); "
            "leave at least one to learn from"
        )
    return held
