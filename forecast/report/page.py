"""report.html: one page that carries its charts, pictures and style, and asks for nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from forecast.report.contents import PictureRow, Report, plain
from forecast.report.pictures import data_uri
from forecast.report.reach import interval_words, or_too_short, useful_horizons
from forecast.report.tables import (
    CEILING,
    HEADLINE,
    ORACLE,
    SEEING,
    Table,
    bounds,
    class_table,
    extras_of,
    horizons_of,
    percent,
    points,
    predictors_of,
    seconds,
    sequence_table,
    table,
)
from forecast.scores import Interval, Result

MOST_SEQUENCES = 40
"""Clips that a page lists; report.json has them all."""
MOST_CARDS = 4
_REFERENCE_COLOURS = {
    "copy-last": "#8b9099",
    "flow-warp": "#4a86c5",
    "flow-warp-splat": "#63b3d6",
    "flow-warp-blend": "#3f6fa0",
    "frames-then-segment": "#a58a5c",
    ORACLE: "#9a86c9",
    CEILING: "#767e89",
}
_COLOURS = ("#d9622b", "#138a7c", "#a355b0", "#c43d60", "#7d9a24", "#5a62cf", "#b9851a", "#2f9e5b")

_TARGETS = {
    "truth": "Held to the annotation",
    "segmenter": "Held to the segmenter on the real future frame",
    "unrefined": "Held to the network alone on the real future frame, before it is refined",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What was best at one horizon."""

    horizon: str
    name: str
    miou: str
    interval: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSection:
    """All that the page says about one target."""

    name: str
    title: str
    cards: tuple[Card, ...]
    tables: tuple[Table, ...]
    extras: tuple[Table, ...]
    classes: tuple[Table, ...]
    sequences: tuple[Table, ...]
    signs: tuple[str, ...]
    note: str
    useful: tuple[str, ...]
    """Where each forecast falls to copying."""
    num_origins: str


def rendered(report: Report) -> str:
    """The whole page."""
    targets = tuple(dict.fromkeys(one.target for one in report.results))
    sections = tuple(_section(report, target) for target in targets)
    colours = colours_of(report.results)
    return _template().render(
        report=report,
        sections=sections,
        colours=colours,
        curves=[curves(report.results, target, colours) for target in targets],
        legend=[
            {"name": entry.name, "colour": "rgb({}, {}, {})".format(*entry.colour)}
            | {"moving": entry.moving}
            for entry in report.space.classes
        ],
        picture_rows=[_picture_row(row) for row in report.pictures],
        protocol_text=_listed(report.protocol),
        environment_text=_listed(report.environment),
        plotly=_plotly(),
    )


def _listed(fields: Mapping[str, object]) -> str:
    return json.dumps(plain(fields), indent=2, ensure_ascii=False)


@cache
def _template():  # noqa: ANN202
    environment = Environment(
        loader=PackageLoader("forecast.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).replace("</script", "<\\/script")


def colours_of(results: Sequence[Result]) -> dict[str, str]:
    """A colour for every predictor: fixed for references, in order for the rest."""
    colours: dict[str, str] = {}
    free = 0
    for one in predictors_of(results):
        known = _REFERENCE_COLOURS.get(one.predictor)
        colours[one.predictor] = known or _COLOURS[free % len(_COLOURS)]
        free += known is None
    return colours


def curves(results: Sequence[Result], target: str, colours: dict[str, str]) -> dict[str, object]:
    """What the charts of one target draw, in per cent."""
    chosen = [one for one in results if one.target == target]
    return {"target": target, "series": [_series(chosen, name, colours) for name in _names(chosen)]}


def _names(results: Sequence[Result]) -> tuple[str, ...]:
    return tuple(one.predictor for one in predictors_of(results))


def _series(results: Sequence[Result], name: str, colours: dict[str, str]) -> dict[str, object]:
    rows = sorted((one for one in results if one.predictor == name), key=lambda one: one.served_s)
    return {
        "name": name,
        "colour": colours[name],
        "dash": "dot" if name in SEEING else "solid",
        "x": [round(one.served_s, 6) for one in rows],
        "miou": [_scaled(one.miou) for one in rows],
        "moving": [_scaled(one.miou_moving) for one in rows],
        "miou_band": [_band(one.ci95) for one in rows],
        "moving_band": [_band(one.ci95_moving) for one in rows],
    }


def _scaled(value: float) -> float | None:
    return round(100 * value, 3) if value == value else None


def _band(interval: Interval | None) -> list[float | None] | None:
    return None if interval is None else [_scaled(interval.low), _scaled(interval.high)]


def _section(report: Report, target: str) -> TargetSection:
    results = [one for one in report.results if one.target == target]
    horizons = horizons_of(results)
    by_horizon = [[one for one in results if one.horizon_s == horizon] for horizon in horizons]
    lists = [sequence_table(members) for members in by_horizon]
    counts = sorted({one.num_origins for one in results})
    return TargetSection(
        name=target,
        title=_TARGETS.get(target, f"Held to {target}"),
        cards=tuple(_card(members) for members in _spread(by_horizon)),
        tables=tuple(table(results, figure) for figure in HEADLINE),
        extras=tuple(table(results, figure) for figure in extras_of(report.extras)),
        classes=tuple(class_table(members, report.space.names) for members in by_horizon),
        sequences=tuple(one for one in lists if one and len(one.rows) <= MOST_SEQUENCES),
        signs=tuple(line for members in by_horizon for line in _signs(members)),
        note=interval_words(results),
        useful=useful_horizons(results),
        num_origins=" to ".join(str(one) for one in dict.fromkeys((counts[0], counts[-1]))),
    )


def _spread(by_horizon: list[list[Result]]) -> list[list[Result]]:
    if len(by_horizon) <= MOST_CARDS:
        return by_horizon
    last = len(by_horizon) - 1
    return [by_horizon[round(place * last / (MOST_CARDS - 1))] for place in range(MOST_CARDS)]


def _card(members: Sequence[Result]) -> Card:
    scored = [one for one in members if one.predictor not in SEEING and one.miou == one.miou]
    horizon = seconds(members[0].horizon_s)
    if not scored:
        return Card(horizon=horizon, name="–", miou="–", interval="", sentence="nothing scored")
    best = max(scored, key=lambda one: one.miou)
    return Card(
        horizon=horizon,
        name=best.predictor,
        miou=percent(best.miou),
        interval=or_too_short(bounds(best.ci95, percent), best.ci95),
        sentence=_sentence(best, scored),
    )


def _sentence(best: Result, scored: Sequence[Result]) -> str:
    if best.gain is not None:
        reach = or_too_short(bounds(best.gain_ci95, points), best.gain_ci95)
        return f"{points(best.gain)} points over {best.rival} ({reach})"
    copy = next((one for one in scored if one.predictor == "copy-last"), None)
    if copy is None or copy is best:
        return "nothing beats it here"
    return f"the rival; {points(best.miou - copy.miou)} points over copying"


def _signs(members: Sequence[Result]) -> list[str]:
    return [
        f"{one.predictor} at {seconds(one.horizon_s)}: above {one.rival} on {one.wins} and below "
        f"it on {one.losses} of {len(one.sequences)} sequences"
        for one in predictors_of(members)
        if one.gain is not None and len(one.sequences) > 1 and not one.is_reference
    ]


def _picture_row(row: PictureRow) -> dict[str, object]:
    return {
        "title": f"{row.clip}, frame {row.origin_index}",
        "horizon": seconds(row.horizon_s),
        "pictures": [
            {
                "caption": one.caption,
                "uri": data_uri(one.rgb),
                "wrong": None if one.wrong_rgb is None else data_uri(one.wrong_rgb),
                "width": min(one.rgb.shape[1], 512),
                "height": round(one.rgb.shape[0] * min(1, 512 / one.rgb.shape[1])),
            }
            for one in row.pictures
        ],
    }
