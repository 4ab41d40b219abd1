"""The live page with several sources, a token, and a source that nobody knows."""

from __future__ import annotations

import time

import pytest
import torch

from forecast.labels import CITYSCAPES
from forecast.live.channel import Channel, SourceStatus
from forecast.live.server import LiveServer
from forecast.values import Forecast, Frame, Instant, Segmentation, Step

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]

TOKEN = "a-long-secret"
NAMES = ("rtsp_gate-of-the-northern-yard.example.org_8554", "lavfi_testsrc", "video0")


def _step(index, size_hw):
    at = Instant(clip="c", index=index, pts_s=index * 0.1)
    probs = torch.zeros(19, 9, 16)
    probs[index % 3] = 1
    return Step(
        frame=Frame(at=at, rgb=torch.full((3, *size_hw), 120, dtype=torch.uint8)),
        segmentation=Segmentation(at=at, space=CITYSCAPES, size_hw=size_hw, probs=probs),
        forecast={
            0.5: Forecast(origin=at, horizon_s=0.5, served_s=0.5, space=CITYSCAPES, probs=probs)
        },
        latency_ms={"decode": 2.0, "segment": 700.0},
    )


def _channel(name, size_hw):
    channel = Channel(
        name, shown=f"rtsp://***@{name}/1", space=CITYSCAPES, predictor="shift", horizons_s=(0.5,),
        status=lambda: SourceStatus(state="live", age_s=0.1, num_thinned=40, lag_s=1.5),
    )  # fmt: skip
    for index in range(4):
        channel.publish(_step(index, size_hw))
    return channel


@pytest.fixture
def server():
    sizes = ((180, 320), (180, 320), (320, 180))
    channels = [_channel(name, size) for name, size in zip(NAMES, sizes, strict=True)]
    with LiveServer(channels, serve="127.0.0.1:0", token=TOKEN) as running:
        yield running


def _until(page, expression, timeout_s=15.0):
    """Asked from outside: the page's policy forbids what Playwright would run within."""
    deadline_s = time.monotonic() + timeout_s
    while not page.evaluate(expression):
        assert time.monotonic() < deadline_s, f"never: {expression}"
        page.wait_for_timeout(30)


def _open(browser, server, *, width=1280, source=None):
    page = browser.new_page(viewport={"width": width, "height": 844})
    named = "" if source is None else f"&source={source}"
    page.goto(f"{server.url}?token={TOKEN}{named}")
    return page


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_three_sources_fit_the_width_and_a_portrait_keeps_the_controls_in_sight(
    browser, server, width, tmp_path
):
    page = _open(browser, server, width=width, source="video0")
    _until(page, "Number(document.body.dataset.shown) > 0")
    page.wait_for_selector("#sources a >> nth=2")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelector('#controls').getBoundingClientRect().top") < 844
    page.screenshot(path=str(tmp_path / f"sources_{width}.png"), full_page=True)
    page.close()


def test_the_token_leaves_the_address_bar_and_the_page_can_be_loaded_again(browser, server):
    page = _open(browser, server)
    _until(page, "Number(document.body.dataset.shown) > 0")
    assert TOKEN not in page.url
    assert page.reload().status == 200
    page.click("#sources a >> nth=1")
    _until(page, "document.title.includes('lavfi_testsrc')")
    assert TOKEN not in page.url
    page.close()


def test_a_source_that_nobody_knows_is_said_with_those_there_are(browser, server):
    page = _open(browser, server, source="gatee")
    page.wait_for_selector("#silence:not([hidden])")
    _until(page, "document.querySelector('#silence').textContent.includes('gatee')")
    assert "video0" in page.inner_text("#silence")
    page.close()


def test_a_forecast_that_comes_too_late_is_marked_and_thinning_is_not_a_drop(browser, server):
    page = _open(browser, server)
    _until(page, "document.querySelector('#lead').textContent.startsWith('-')")
    assert "late" in page.get_attribute("#lead", "class")
    assert "after its moment" in page.inner_text("#leadNote")
    assert page.inner_text("#drops") == "0"
    assert "40 left out evenly" in page.inner_text("#thinned")
    assert "1.5 s behind" in page.inner_text("#lag")
    page.close()
