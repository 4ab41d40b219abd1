"""A server killed or frozen in mid-stream: it comes back, and nothing old is shown."""

from __future__ import annotations

import time
from itertools import islice, pairwise

import pytest

from forecast.sources.live.source import LiveSource
from forecast.sources.live.state import LiveState

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


def _until(happens, timeout_s=20.0):
    deadline_s = time.monotonic() + timeout_s
    while not happens():
        assert time.monotonic() < deadline_s, "never"
        time.sleep(0.02)


def _assert_nothing_old(frames, rig):
    for earlier, later in pairwise(frames):
        assert later.at.pts_s > earlier.at.pts_s
        if later.at.epoch == earlier.at.epoch:
            # The film loops after 100 pictures.
            shown = (rig.number_of(later) - rig.number_of(earlier)) % 100
            assert 0 < shown <= 50


def test_killed_and_restarted_it_comes_back_in_a_new_epoch(rtsp_server, rig):
    states = []
    source = LiveSource(
        rtsp_server.url(login="root:s3cr3t99@"),
        backoff_cap_s=0.5, on_state=lambda state, _: states.append(state),
    )  # fmt: skip
    with source.open() as frames:
        before = list(islice(frames, 20))
        rtsp_server.kill()
        killed_s = time.monotonic()
        rtsp_server.start()
        after = list(islice(frames, 20))
        recovery_s = source.stats.recovery_s
    print(f"recovery after kill -9: {recovery_s:.2f} s")
    assert {one.at.epoch for one in before} == {0}
    assert after[-1].at.epoch == 1
    assert recovery_s < 10
    assert time.monotonic() - killed_s < 15
    _assert_nothing_old(before + after, rig)
    assert states[:2] == [LiveState.CONNECTING, LiveState.LIVE]
    assert states[-2:] == [LiveState.LIVE, LiveState.ENDED]
    assert source.stats.num_reconnects == 1


def test_frozen_it_is_stalled_and_thawed_it_shows_nothing_old(rtsp_server, rig):
    source = LiveSource(rtsp_server.url(), stall_s=0.4)
    states = []
    with source.open() as frames:
        before = list(islice(frames, 15))
        rtsp_server.freeze()
        _until(lambda: source.stats.state is LiveState.STALLED)
        states.append(source.stats.state)
        rtsp_server.thaw()
        after = list(islice(frames, 25))
        recovery_s = source.stats.recovery_s
    print(f"recovery after SIGCONT: {recovery_s:.2f} s")
    assert states == [LiveState.STALLED]
    assert recovery_s < 3
    _assert_nothing_old(before + after, rig)


def test_frozen_for_longer_than_the_time_out_it_reconnects(rtsp_server, rig):
    source = LiveSource(
        rtsp_server.url(), read_timeout_s=0.6, open_timeout_s=1.0, backoff_cap_s=0.3
    )
    with source.open() as frames:
        before = list(islice(frames, 10))
        rtsp_server.freeze()
        _until(lambda: source.stats.state is LiveState.CONNECTING)
        rtsp_server.thaw()
        after = list(islice(frames, 10))
    assert after[-1].at.epoch >= 1
    _assert_nothing_old(before + after, rig)


@pytest.mark.real_data
def test_a_real_road_film_comes_back_after_a_kill(real_data, rig):
    server = rig.RtspServer(real_data / "video").start().wait_until_up()
    try:
        source = LiveSource(server.url("solidWhiteRight.mp4"), backoff_cap_s=0.5)
        with source.open() as frames:
            before = list(islice(frames, 5))
            server.kill()
            server.start()
            after = list(islice(frames, 5))
            recovery_s = source.stats.recovery_s
    finally:
        server.close()
    print(f"recovery after kill -9, real film: {recovery_s:.2f} s")
    assert {one.size_hw for one in before + after} == {(540, 960)}
    assert after[-1].at.epoch == 1
