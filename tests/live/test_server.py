"""The live server over real HTTP and WebSockets, on loopback."""

from __future__ import annotations

import base64
import io
import json
import struct
import threading
import time
import urllib.error
import urllib.request
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from forecast.errors import OpenError, UsageError
from forecast.labels import CITYSCAPES
from forecast.live.channel import Channel, SourceStatus
from forecast.live.server import LiveServer
from forecast.values import Forecast, Frame, Instant, Segmentation, Step

HORIZONS = (0.18, 0.53)


def _probs(index, ahead=0):
    labels = torch.zeros(8, 16, dtype=torch.long)
    labels[:, (index + ahead) % 16] = CITYSCAPES.id_of("car")
    return torch.nn.functional.one_hot(labels, 19).permute(2, 0, 1).float()


def _step(index):
    at = Instant(clip="c", index=index, pts_s=index * 0.1)
    rgb = torch.full((3, 32, 64), index % 255, dtype=torch.uint8)
    return Step(
        frame=Frame(at=at, rgb=rgb),
        segmentation=Segmentation(
            at=at, space=CITYSCAPES, size_hw=(32, 64), probs=_probs(index)
        ),
        forecast={
            h: Forecast(origin=at, horizon_s=h, served_s=h, space=CITYSCAPES,
                        probs=_probs(index, round(h * 10)))
            for h in HORIZONS
        },
        latency_ms={"decode": 2.0, "segment": 20.0, "predict": 5.0, "wait": 3.0},
    )  # fmt: skip


@pytest.fixture
def channel():
    status = SourceStatus(state="live", num_dropped=7, source_fps=25.0, age_s=0.01)
    return Channel(
        "gate", shown="rtsp://***@gate/1", space=CITYSCAPES, predictor="shift",
        horizons_s=HORIZONS, status=lambda: status,
    )  # fmt: skip


@pytest.fixture
def server(channel):
    with LiveServer([channel], serve="127.0.0.1:0") as running:
        yield running


def _get(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as answer:
        return answer.status, answer.headers, answer.read()


def _socket(server, **named):
    return connect(f"ws://127.0.0.1:{server.port}/ws", **named)


def _picture(socket):
    while True:
        said = socket.recv(timeout=5)
        if isinstance(said, bytes):
            (length,) = struct.unpack_from("<I", said)
            return json.loads(said[4 : 4 + length]), said[4 + length :]


def test_a_message_holds_the_picture_and_exact_labels_for_every_horizon(server, channel):
    with _socket(server) as socket:
        hello = json.loads(socket.recv(timeout=5))
        channel.publish(_step(3))
        header, content = _picture(socket)
    assert hello["type"] == "hello"
    assert hello["horizons_s"] == list(HORIZONS)
    assert len(hello["classes"]) == 19
    assert [(p["kind"], p["horizon_s"]) for p in header["parts"]] == [
        ("frame", None), ("now", None), ("forecast", 0.18), ("forecast", 0.53),
    ]  # fmt: skip
    start = sum(part["length"] for part in header["parts"][:2])
    png = content[start : start + header["parts"][2]["length"]]
    labels = np.asarray(Image.open(io.BytesIO(png)))
    assert np.array_equal(labels, _step(3).forecast[0.18].labels.numpy())


def test_a_viewer_that_acknowledges_nothing_is_sent_nothing_more(server, channel):
    with _socket(server) as paused, _socket(server) as eager:
        seen = []
        for index in range(6):
            channel.publish(_step(index))
            seen.append(_picture(eager)[0]["number"])
            eager.send(json.dumps({"ack": seen[-1]}))
        assert seen == [1, 2, 3, 4, 5, 6]
        first = _picture(paused)[0]["number"]
        told = [paused.recv(timeout=2) for _ in range(2)]
        assert all(isinstance(one, str) for one in told)
        assert first < 6
        paused.send(json.dumps({"ack": first}))
        assert _picture(paused)[0]["number"] == 6


def test_publishing_takes_no_longer_with_viewers_that_are_stuck(server, channel):
    def publish_many():
        began_s = time.perf_counter()
        for index in range(60):
            channel.publish(_step(index))
        return time.perf_counter() - began_s

    alone_s = min(publish_many() for _ in range(3))
    with _socket(server), _socket(server), _socket(server):
        watched_s = min(publish_many() for _ in range(3))
    assert watched_s < 3 * alone_s + 0.05


def _gives_up(_self, **_named):
    """A server that ends before it is up."""


def _hangs(self, **_named):
    while not self.should_exit:
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("run", "said"), [(_gives_up, "ended at once"), (_hangs, "not up after 0 s")]
)
def test_a_server_that_does_not_come_up_says_so_and_leaves_nothing(channel, monkeypatch, run, said):
    monkeypatch.setattr("uvicorn.Server.run", run)
    monkeypatch.setattr("forecast.live.server._STARTING_S", 0.05)
    before = threading.active_count()
    with pytest.raises(OpenError, match=said):
        LiveServer([channel], serve="127.0.0.1:0")
    assert threading.active_count() == before


def test_a_viewer_that_goes_is_forgotten(server, channel):
    with _socket(server) as socket:
        socket.recv(timeout=5)
        assert channel.num_listeners == 1
        socket.socket.shutdown(2)
        deadline_s = time.monotonic() + 5
        while channel.num_listeners and time.monotonic() < deadline_s:
            time.sleep(0.02)
        assert channel.num_listeners == 0


def test_a_viewer_hears_of_the_source_though_no_frame_comes(server):
    with _socket(server) as socket:
        socket.recv(timeout=5)
        status = json.loads(socket.recv(timeout=5))
    assert (status["type"], status["state"], status["num_dropped"]) == ("status", "live", 7)


def test_a_foreign_page_cannot_open_the_socket(server):
    with pytest.raises(InvalidStatus, match="403"):
        _socket(server, origin="http://evil.example")


def test_health_metrics_and_the_newest_forecast_are_for_programs(server, channel):
    for index in range(12):
        channel.publish(_step(index))
    assert json.loads(_get(f"{server.url}healthz")[2])["healthy"] is True
    metrics = _get(f"{server.url}metrics")[2].decode()
    assert 'forecast_steps_total{source="gate"} 12.0' in metrics
    assert 'forecast_state{source="gate",state="live"} 1.0' in metrics
    assert 'forecast_running_miou{horizon_s="0.18",predictor="shift",source="gate"}' in metrics
    assert 'forecast_latency_seconds{quantile="0.95",source="gate",stage="total"}' in metrics
    latest = json.loads(_get(f"{server.url}api/latest")[2])
    assert latest["latency_ms"]["p50"] == 30.0
    assert latest["usable_lead_s"]["0.53"] == pytest.approx(0.5)
    image = Image.open(io.BytesIO(base64.b64decode(latest["latest"]["now_png"])))
    assert image.size == (16, 8)
    picture = Image.open(io.BytesIO(_get(f"{server.url}api/latest.png?horizon_s=0.53")[2]))
    assert picture.mode == "P"


def test_health_is_bad_when_every_source_is_lost():
    lost = Channel(
        "gone", shown="x", space=CITYSCAPES, predictor=None, horizons_s=(),
        status=lambda: SourceStatus(state="lost"),
    )  # fmt: skip
    with (
        LiveServer([lost], serve="127.0.0.1:0") as running,
        pytest.raises(urllib.error.HTTPError, match="503"),
    ):
        _get(f"{running.url}healthz")


def test_the_page_is_one_document_that_may_ask_nobody_else(server):
    _, headers, body = _get(server.url)
    page = body.decode()
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert 'src="http' not in page
    assert "/*STYLE*/" not in page
    assert "/*SCRIPT*/" not in page


def test_a_name_that_is_not_ours_is_refused(server):
    with pytest.raises(urllib.error.HTTPError, match="421"):
        _get(server.url, Host="evil.example")


def test_with_a_token_nothing_is_shown_without_it(channel):
    with LiveServer([channel], serve="127.0.0.1:0", token="a-long-secret") as running:
        for path in ("", "metrics", "api/latest", "api/sources"):
            with pytest.raises(urllib.error.HTTPError, match="401"):
                _get(running.url + path)
        with pytest.raises(InvalidStatus):
            _socket(running)
        assert json.loads(_get(f"{running.url}healthz")[2]) == {"healthy": True}
        told = json.loads(_get(f"{running.url}healthz?token=a-long-secret")[2])
        assert told["sources"] == {"gate": "live"}
        assert _get(f"{running.url}?token=a-long-secret")[0] == 200
        assert _get(f"{running.url}metrics", Authorization="Bearer a-long-secret")[0] == 200


def test_a_port_in_use_is_one_clear_line(server, channel):
    with pytest.raises(OpenError, match="choose another port"):
        LiveServer([channel], serve=f"127.0.0.1:{server.port}")


def test_without_the_extra_one_line_says_what_to_install(channel, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "uvicorn", None)
    with pytest.raises(UsageError, match=r"segmentation-forecast\[live\]"):
        LiveServer([channel], serve="127.0.0.1:0")


def test_closing_joins_the_thread_though_viewers_watch(channel):
    running = LiveServer([channel], serve="127.0.0.1:0")
    with _socket(running) as socket:
        socket.recv(timeout=5)
        running.close()
    assert "live page" not in {one.name for one in threading.enumerate()}
    running.close()


def _losing(index):
    """A step that forecasts motion where there is none: copying does better."""
    at = Instant(clip="c", index=index, pts_s=index * 0.1)
    still, moved = _probs(3), _probs(3, 5)
    return replace(
        _step(index),
        segmentation=Segmentation(at=at, space=CITYSCAPES, size_hw=(32, 64), probs=still),
        forecast={
            h: Forecast(origin=at, horizon_s=h, served_s=0.2, space=CITYSCAPES, probs=moved)
            for h in HORIZONS
        },
        captured_unix_s=1e9,
    )


def test_a_forecast_that_loses_to_copying_is_replaced_and_said(server, channel):
    channel.publish(_losing(0))
    before = json.loads(_get(f"{server.url}api/latest")[2])
    assert before["copied_horizons_s"] == []
    for index in range(1, 50):
        channel.publish(_losing(index))
    after = json.loads(_get(f"{server.url}api/latest")[2])
    assert after["copied_horizons_s"] == list(HORIZONS)
    forecasts = after["latest"]["forecasts"]
    assert [one["copied"] for one in forecasts] == [True, True]
    assert forecasts[0]["labels_png"] == after["latest"]["now_png"]
    assert after["scores"][0]["num_compared"] > 40, "it goes on being checked"


def test_forecasts_carry_when_they_come_true_and_the_lag_is_taken_from_the_lead(channel):
    lagging = SourceStatus(state="live", lag_s=2.0, unwritten="the disk is full", num_unwritten=9)
    channel._status = lambda: lagging
    with LiveServer([channel], serve="127.0.0.1:0") as running:
        channel.publish(_losing(0))
        latest = json.loads(_get(f"{running.url}api/latest")[2])
        metrics = _get(f"{running.url}metrics")[2].decode()
        with pytest.raises(urllib.error.HTTPError, match="503"):
            _get(f"{running.url}healthz")
    assert latest["latest"]["captured_unix_s"] == 1e9
    assert latest["latest"]["forecasts"][1]["due_unix_s"] == pytest.approx(1e9 + 0.2)
    assert latest["usable_lead_s"]["0.53"] == pytest.approx(0.2 - 0.03 - 2.0)
    assert 'forecast_lag_seconds{source="gate"} 2.0' in metrics
    assert 'forecast_writing_failed{source="gate"} 1.0' in metrics
    assert 'forecast_unwritten_steps_total{source="gate"} 9.0' in metrics


@pytest.mark.parametrize("said", [b"\x00\xff", "[" * 30000, "[]", '{"ack": {"a": []}}'])
def test_what_a_viewer_should_not_say_ends_nothing_and_leaves_no_traceback(
    server, channel, said, caplog
):
    with _socket(server) as socket:
        socket.recv(timeout=5)
        socket.send(said)
        channel.publish(_step(1))
        assert _picture(socket)[0]["number"] == 1
    assert "Traceback" not in caplog.text
