"""Tables put every figure where a reader looks for it."""

from __future__ import annotations

from forecast.report.tables import (
    HEADLINE,
    class_table,
    extras_of,
    points,
    seconds,
    sequence_table,
    table,
)


def cells(found):
    return {row.name: row.cells for row in found.rows}


def test_rows_are_predictors_then_references_then_the_ceiling(report):
    found = table(report.results, HEADLINE[0])
    assert [row.name for row in found.rows] == ["s2s", "copy-last", "flow-warp", "ceiling"]
    assert found.columns == ("0.2 s", "0.6 s")


def test_the_best_is_never_the_ceiling_and_the_rival_is_marked(report):
    found = cells(table(report.results, HEADLINE[0]))
    assert [name for name, row in found.items() if row[0].best] == ["s2s"]
    assert [name for name, row in found.items() if row[0].rival] == ["flow-warp"]
    assert (found["s2s"][0].text, found["s2s"][0].below) == ("55.0", "53.0 to 57.0")


def test_a_horizon_that_is_not_served_is_a_dash(make_result):
    rows = [make_result("copy-last"), make_result("copy-last", horizon_s=0.3), make_result("s2s")]
    found = cells(table(rows, HEADLINE[0]))
    assert [one.text for one in found["s2s"]] == ["55.0", "–"]


def test_the_rival_has_no_gain_over_itself(report):
    found = cells(table(report.results, HEADLINE[2]))
    assert found["flow-warp"][0].text == "–"
    assert found["s2s"][0].text == "+5.0"
    assert found["copy-last"][0].text == "−10.0"


def test_of_a_loss_the_lowest_is_best(report):
    (figure,) = extras_of(report.extras)
    found = cells(table(report.results, figure))
    assert found["s2s"][0].best
    assert not found["s2s"][0].rival


def test_an_undefined_class_has_no_tint(report):
    found = cells(
        class_table([one for one in report.results if one.horizon_s == 0.2], ["car", "fence"])
    )
    assert found["car"][0].heat == 0.55
    assert found["car"][0].best
    assert not found["car"][3].best
    assert all(one.heat is None and one.text == "–" for one in found["fence"])


def test_one_clip_needs_no_table_of_sequences(make_result):
    assert sequence_table([make_result("s2s")]) is None
    found = sequence_table([make_result("s2s", clips=3)])
    assert [row.name for row in found.rows] == ["clip0", "clip1", "clip2"]


def test_numbers_read_well():
    assert points(-0.012) == "−1.2"
    assert [seconds(one) for one in (1.0, 0.176, 10.0)] == ["1 s", "0.18 s", "10 s"]
