"""The words for what intervals are about, and for where forecasts fall to copying."""

from __future__ import annotations

from dataclasses import replace

from forecast.report.page import rendered
from forecast.report.reach import interval_words, or_too_short, useful_horizons
from forecast.scores import Interval


def curve(make_result, name, values):
    return [
        make_result(name, horizon_s=0.2 * (place + 1), miou=value)
        for place, value in enumerate(values)
    ]


def test_one_reason_is_told_once(make_result):
    rows = [make_result("s2s", horizon_s=one) for one in (0.2, 0.6)]
    assert interval_words(rows) == "this sequence only"


def test_horizons_of_one_reason_are_told_together_with_the_figures_of_the_first(make_result):
    notes = {
        0.2: "this sequence only",
        0.6: "too short to say: 6 of 1 s",
        1.0: "too short to say: 9",
    }
    rows = [make_result("s2s", horizon_s=one, interval_note=note) for one, note in notes.items()]
    found = interval_words(rows)
    assert found == "at 0.2 s: this sequence only; at 0.6 s, 1 s: too short to say: 6 of 1 s"
    many = [make_result("s2s", horizon_s=one / 5, interval_note="too short") for one in range(1, 6)]
    assert "at 5 horizons from 0.2 s to 1 s: too short" in interval_words(
        [*many, make_result("s2s", horizon_s=2.0)]
    )


def test_a_missing_interval_is_said(make_result):
    assert or_too_short("", None) == "too short to say"
    assert or_too_short("1 to 2", Interval(low=1.0, high=2.0)) == "1 to 2"


def test_a_forecast_is_useful_until_it_falls_to_copying(make_result):
    rows = [
        *curve(make_result, "copy-last", (0.5, 0.4, 0.3)),
        *curve(make_result, "s2s", (0.6, 0.4, 0.5)),
        *curve(make_result, "warped", (0.6, 0.5, 0.4)),
        *curve(make_result, "splatted", (0.6, 0.6, 0.6)),
        *curve(make_result, "poor", (0.5, 0.6, 0.6)),
        *curve(make_result, "ceiling", (1.0, 1.0, 1.0)),
    ]
    assert useful_horizons(rows) == (
        "s2s: falls to copying between 0.2 s and 0.4 s",
        "warped, splatted: above copying up to 0.6 s, the longest that was scored",
        "poor: nowhere above copying from 0.2 s on",
    )


def test_without_copying_or_with_one_horizon_nothing_is_called_useful(make_result):
    assert useful_horizons(curve(make_result, "s2s", (0.6, 0.5))) == ()
    one = [*curve(make_result, "copy-last", (0.5,)), *curve(make_result, "s2s", (0.6,))]
    assert useful_horizons(one) == ()


def test_a_page_of_a_short_clip_says_so(report, make_result):
    short = [
        make_result(name, horizon_s=one, ci95=None, interval_note="too short to say: 6 are needed")
        for name in ("copy-last", "flow-warp", "s2s")
        for one in (0.2, 0.6)
    ]
    page = rendered(replace(report, results=short))
    assert "Intervals are 95 %, by leaving out blocks of origins: too short to say" in page
    assert '<div class="between">too short to say</div>' in page
    assert "Useful horizon." in page
