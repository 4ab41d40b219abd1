"""The page carries everything and asks for nothing."""

from __future__ import annotations

import re

import pytest

from forecast.report.page import rendered


def own(text):
    """The page without the chart library."""
    return "".join(
        part for part in re.split(r"(?s)(<script>.*?</script>)", text) if len(part) < 10**6
    )


def test_names_are_escaped(report):
    text = own(rendered(report))
    assert "CamVid &lt;val&gt; &amp; more" in text
    assert "<val>" not in text


def test_nothing_outside_is_named(report):
    text = own(rendered(report))
    assert not re.search(r"""(src|href)=["'](?!data:)""", text)
    assert "@import" not in text
    assert "url(" not in text


def test_the_hash_the_rules_and_the_notes_are_told(report):
    text = own(rendered(report))
    for part in (report.protocol_hash, *report.protocol_words, *report.notes, "this sequence only"):
        assert part in text


def test_a_page_without_pictures_or_extras_renders(make_report, make_result):
    rows = (make_result("copy-last", extras={}, ci95=None),)
    bare = make_report(pictures=(), results=rows, environment={}, notes=(), extras={})
    text = own(rendered(bare))
    assert "Pictures" not in text
    assert "Further scores" not in text


def test_signs_are_counted_where_there_are_sequences(make_report, make_result):
    rows = tuple(make_result(name, clips=3) for name in ("s2s", "copy-last", "flow-warp"))
    text = own(rendered(make_report(results=rows)))
    assert "s2s at 0.2 s: above flow-warp on 3 and below it on 0 of 3 sequences" in text


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_draws_without_a_request_an_error_or_a_sideways_scroll(
    browser, report, tmp_path, width
):
    path = tmp_path / "report.html"
    path.write_text(rendered(report), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 800})
    requests, faults = [], []
    page.on("request", lambda one: requests.append(one.url))
    page.on("console", lambda one: faults.append(one.text) if one.type == "error" else None)
    page.on("pageerror", lambda one: faults.append(str(one)))
    page.goto(path.as_uri())
    page.wait_for_selector(".plot .scatterlayer .trace")
    assert faults == []
    assert [one for one in requests if not one.startswith("data:")] == [path.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    lines = page.locator("#plot-truth-miou .scatterlayer .trace .js-line").count()
    page.click(".chips button >> text=copy-last")
    page.wait_for_timeout(100)
    assert page.locator("#plot-truth-miou .scatterlayer .trace .js-line").count() < lines
    assert page.is_hidden("text=Mean IoU over the classes that move of themselves")
    page.click(".tabs label >> text=Moving")
    assert page.is_visible("text=Mean IoU over the classes that move of themselves")
    page.close()
