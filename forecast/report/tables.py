"""Results arranged as tables: rows are predictors, columns horizons, cells ready to print."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from forecast.scores import FigureWords, Interval, Result

CEILING = "ceiling"
ORACLE = "oracle-motion"
SEEING = (ORACLE, CEILING)
"""Rows that look at the real future: no forecast, so never the best."""
MISSING = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One figure."""

    text: str
    below: str = ""
    """Smaller, under it: an interval."""
    best: bool = False
    rival: bool = False
    heat: float | None = None
    """0 to 1, how strongly to tint; None for not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line."""

    name: str
    kind: str
    """`predictor`, `reference` or `ceiling`."""
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One figure for every predictor and column."""

    title: str
    about: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number that results have, and how it is told."""

    title: str
    about: str
    value: Callable[[Result], float | None]
    bounds: Callable[[Result], Interval | None]
    shown: Callable[[float], str]
    lower_is_better: bool = False
    marks_rival: bool = True
    """Whether the rival is marked; it is the better by mIoU, so not where another figure counts."""


def percent(value: float) -> str:
    """A fraction as a percentage with one decimal."""
    return f"{100 * value:.1f}"


def points(value: float) -> str:
    """A difference of fractions in signed points."""
    return f"{100 * value:+.1f}".replace("-", "−")


def two_decimals(value: float) -> str:
    """A signed number with two decimals."""
    return f"{value:.2f}".replace("-", "−")


def bounds(interval: Interval | None, shown: Callable[[float], str]) -> str:
    """An interval as `low to high`; empty if there is none."""
    return "" if interval is None else f"{shown(interval.low)} to {shown(interval.high)}"


HEADLINE = (
    Figure(
        title="mIoU",
        about="Mean intersection over union, per cent, over every class.",
        value=lambda one: one.miou,
        bounds=lambda one: one.ci95,
        shown=percent,
    ),
    Figure(
        title="Moving",
        about="Mean IoU over the classes that move of themselves, per cent.",
        value=lambda one: one.miou_moving,
        bounds=lambda one: one.ci95_moving,
        shown=percent,
    ),
    Figure(
        title="Gain",
        about="mIoU points over the rival: the better of copying and every flow-warp.",
        value=lambda one: one.gain,
        bounds=lambda one: one.gain_ci95,
        shown=points,
    ),
    Figure(
        title="Skill",
        about="How much of the way from copying (0) to the ceiling (1) is covered.",
        value=lambda one: one.skill,
        bounds=lambda one: one.skill_ci95,
        shown=two_decimals,
    ),
)


def extras_of(extras: Mapping[str, FigureWords]) -> tuple[Figure, ...]:
    """A figure for each further number, by its name."""
    return tuple(_extra(name, words) for name, words in extras.items())


def _extra(name: str, words: FigureWords) -> Figure:
    return Figure(
        title=words.title,
        about=words.about,
        value=lambda one: one.extras.get(name),
        bounds=lambda _one: None,
        shown=lambda value: f"{value:.{words.decimals}f}",
        lower_is_better=words.lower_is_better,
        marks_rival=False,
    )


def kind_of(result: Result) -> str:
    """Which part of a table the row stands in."""
    if result.predictor == CEILING:
        return "ceiling"
    return "reference" if result.is_reference else "predictor"


def seconds(horizon_s: float) -> str:
    """A horizon for a heading."""
    return f"{horizon_s:.2f}".rstrip("0").rstrip(".") + " s"


def horizons_of(results: Sequence[Result]) -> tuple[float, ...]:
    """Every horizon, rising."""
    return tuple(sorted({one.horizon_s for one in results}))


def predictors_of(results: Sequence[Result]) -> tuple[Result, ...]:
    """One result of each predictor: forecasters, references, the oracle, the ceiling."""
    firsts = {one.predictor: one for one in reversed(results)}
    order = dict.fromkeys(one.predictor for one in results)
    places = {"predictor": 0, "reference": 1, "ceiling": 3}

    def place(one: Result) -> int:
        return 2 if one.predictor == ORACLE else places[kind_of(one)]

    return tuple(sorted((firsts[name] for name in order), key=place))


def table(results: Sequence[Result], figure: Figure) -> Table:
    """One figure, predictors by horizons, for results of one target."""
    horizons = horizons_of(results)
    found = {(one.predictor, one.horizon_s): one for one in results}
    best = {horizon: _best(results, horizon, figure) for horizon in horizons}
    rows = tuple(
        Row(
            name=first.predictor,
            kind=kind_of(first),
            cells=tuple(
                _cell(found.get((first.predictor, horizon)), figure, best[horizon])
                for horizon in horizons
            ),
        )
        for first in predictors_of(results)
    )
    columns = tuple(seconds(one) for one in horizons)
    return Table(title=figure.title, about=figure.about, columns=columns, rows=rows)


def _defined(value: float | None) -> bool:
    return value is not None and value == value


def _best(results: Sequence[Result], horizon_s: float, figure: Figure) -> str | None:
    values = {
        one.predictor: value
        for one in results
        if one.horizon_s == horizon_s
        and one.predictor not in SEEING
        and (value := figure.value(one)) is not None
        and value == value
    }
    if not values:
        return None
    choose = min if figure.lower_is_better else max
    return choose(values, key=lambda name: values[name])


def _cell(result: Result | None, figure: Figure, best: str | None) -> Cell:
    value = None if result is None else figure.value(result)
    if result is None or value is None or not _defined(value):
        named = figure.marks_rival and result is not None and result.predictor == result.rival
        return Cell(text=MISSING, rival=named)
    return Cell(
        text=figure.shown(value),
        below=bounds(figure.bounds(result), figure.shown),
        best=result.predictor == best,
        rival=figure.marks_rival and result.predictor == result.rival,
    )


def class_table(results: Sequence[Result], classes: Sequence[str]) -> Table:
    """IoU of every class, classes by predictors, for results of one target and horizon."""
    ordered = {one.predictor: one for one in results}
    columns = tuple(one.predictor for one in predictors_of(results))
    rows = tuple(
        Row(
            name=name,
            kind="class",
            cells=_class_cells([ordered[column] for column in columns], name),
        )
        for name in classes
    )
    about = "IoU of every class, per cent."
    return Table(title=seconds(results[0].horizon_s), about=about, columns=columns, rows=rows)


def _class_cells(results: Sequence[Result], name: str) -> tuple[Cell, ...]:
    values = [one.per_class[name] for one in results]
    rivals = [
        value
        for one, value in zip(results, values, strict=True)
        if one.predictor not in SEEING and _defined(value)
    ]
    top = max(rivals, default=None)
    return tuple(
        Cell(text=percent(value), heat=value, best=value == top and one.predictor not in SEEING)
        if _defined(value)
        else Cell(text=MISSING)
        for one, value in zip(results, values, strict=True)
    )


def sequence_table(results: Sequence[Result]) -> Table | None:
    """Every clip's mIoU, clips by predictors, for one target and horizon; None for one clip."""
    ordered = predictors_of(results)
    clips = [one.clip for one in ordered[0].sequences]
    if len(clips) < 2:
        return None
    rows = tuple(
        Row(
            name=clip,
            kind="sequence",
            cells=tuple(
                Cell(
                    text=percent(one.sequences[place].miou),
                    below=bounds(one.sequences[place].ci95, percent),
                )
                for one in ordered
            ),
        )
        for place, clip in enumerate(clips)
    )
    columns = tuple(one.predictor for one in ordered)
    about = "mIoU of every sequence, per cent; intervals are about that sequence only."
    return Table(title=seconds(results[0].horizon_s), about=about, columns=columns, rows=rows)
