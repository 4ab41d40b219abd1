"""States and counts of a live source."""

from __future__ import annotations

import logging

from forecast.sources.live.state import LiveState, LiveStatus


class _Clock:
    """Stands still until it is set."""

    now_s = 100.0

    def __call__(self):
        return self.now_s


def _status(clock=None):
    heard = []
    status = LiveStatus(
        "rtsp://***@gate",
        stall_s=0.5,
        listener=lambda state, why: heard.append((state, why)),
        clock=clock or _Clock(),
    )
    return status, heard


def test_a_source_connects_lives_stalls_and_comes_back():
    clock = _Clock()
    status, heard = _status(clock)
    status.connecting("")
    status.received(clock.now_s, 0)
    clock.now_s += 0.5
    assert status.stats().state is LiveState.LIVE
    clock.now_s += 0.25
    assert status.stats().state is LiveState.STALLED
    status.received(clock.now_s, 0)
    assert [state for state, _ in heard] == [
        LiveState.CONNECTING, LiveState.LIVE, LiveState.STALLED, LiveState.LIVE,
    ]  # fmt: skip
    assert "back after 0.8 s" in heard[-1][1]
    assert status.stats().num_reconnects == 0
    assert status.stats().recovery_s == 0.75


def test_a_reconnection_is_counted_and_its_gap_measured():
    status, _ = _status()
    for epoch in range(3):
        status.connecting("the stream ended" if epoch else "")
        status.received(_Clock.now_s + 10.0 * epoch, epoch)
    stats = status.stats()
    assert (stats.num_reconnects, stats.epoch) == (2, 2)
    assert stats.recovery_s == 10
    assert stats.trouble == "", "what is over explains nothing"


def test_a_lost_source_stays_lost_when_it_is_closed():
    status, heard = _status()
    status.finished(LiveState.LOST, "stayed away")
    status.closed()
    assert status.stats().state is LiveState.LOST
    assert len(heard) == 1


def test_a_loss_is_a_warning_and_a_beginning_is_not(caplog):
    status, _ = _status()
    with caplog.at_level(logging.INFO):
        status.received(_Clock.now_s, 0)
        status.finished(LiveState.LOST, "stayed away")
    assert [one.levelname for one in caplog.records] == ["INFO", "WARNING"]
    assert all("rtsp://***@gate" in one.message for one in caplog.records)


def test_the_rate_is_that_of_the_last_arrivals():
    status, _ = _status()
    status.connecting("")
    now_s = _Clock.now_s
    for i in range(26):
        status.received(now_s - 1 + i * 0.04, 0)
    assert abs(status.stats().fps - 25) < 0.1


def test_a_silence_is_not_explained_by_what_went_wrong_before():
    status, _ = _status()
    status.connecting("Connection refused")
    assert status.stats().trouble == "Connection refused"
    status.received(99.0, 0)
    assert status.stats().state is LiveState.STALLED
    assert "no frame for" in status.stats().trouble


def test_a_slow_camera_is_not_stalled_between_its_frames():
    clock = _Clock()
    status, _ = _status(clock)
    for i in range(4):
        status.received(97.0 + i, 0)
    clock.now_s = 102.5
    assert status.stats().state is LiveState.LIVE
    clock.now_s = 103.5
    assert status.stats().state is LiveState.STALLED


def test_a_listener_that_raises_stops_nothing_and_is_logged(caplog):
    def listener(state, _):
        raise ValueError(f"no {state.value} please")

    status = LiveStatus("gate", stall_s=1.0, listener=listener, clock=_Clock())
    status.connecting("")
    status.received(100.0, 0)
    assert status.stats().state is LiveState.LIVE
    assert "no live please" in caplog.text


def test_only_the_first_of_many_attempts_is_a_line(caplog):
    status, heard = _status()
    with caplog.at_level(logging.INFO):
        for number in range(50):
            status.connecting("refused" if number else "")
    assert len(caplog.records) == 1
    assert len(heard) == 50


def test_the_lag_of_the_newest_frame_is_told():
    status, _ = _status()
    status.received(100.0, 0, 2.5)
    assert status.stats().lag_s == 2.5
