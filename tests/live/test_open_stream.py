"""Live steps: the engine on a live source, with tiny stages in place of networks."""

from __future__ import annotations

import math
import threading
import time
from itertools import islice, pairwise

import pytest
import torch

from forecast.api.labels import frame_labels
from forecast.api.open_stream import open_stream
from forecast.errors import SourceLostError, UsageError
from forecast.labels import CITYSCAPES
from forecast.sources.live.source import LiveSource
from forecast.stages import FrameSource
from forecast.values import Forecast, Needs, Segmentation
from pipelines.cli import main

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


class RedIsCar:
    """Segments by colour: red is car, all else road."""

    name = "red-is-car"
    space = CITYSCAPES
    fingerprint = "red-is-car"

    def __init__(self, takes_s=0.0):
        self.takes_s = takes_s

    def __call__(self, frames):
        time.sleep(self.takes_s)
        return [self._segment(frame) for frame in frames]

    def _segment(self, frame):
        small = frame.rgb[:, ::4, ::4].float()
        red = (small[0] > 150) & (small[1] < 100)
        probs = torch.zeros(19, *red.shape)
        probs[CITYSCAPES.id_of("car")] = red
        probs[CITYSCAPES.id_of("road")] = ~red
        return Segmentation(
            at=frame.at, space=CITYSCAPES, size_hw=frame.size_hw, probs=probs.float()
        )


class CopyFour:
    """Copies the last of four observations."""

    name = "copy-four"
    space = None
    fingerprint = "copy-four"
    needs = Needs(num_observations=4, step_s=0.176)

    def __init__(self):
        self.spans = []

    def predict(self, histories, *, horizons_s):
        for history in histories:
            moments = [one.frame.at.pts_s for one in history.observations]
            self.spans.append((moments, {one.frame.at.epoch for one in history.observations}))
            for horizon_s in horizons_s:
                yield Forecast(
                    origin=history.origin,
                    horizon_s=horizon_s,
                    served_s=history.served_s(horizon_s),
                    space=CITYSCAPES,
                    probs=history.observations[-1].segmentation.probs,
                )


def _stream(source, *, takes_s=0.0, **named):
    return open_stream(
        source,
        segmenter=RedIsCar(takes_s),
        predictor=CopyFour(),
        horizons_s=[0.18, 0.53],
        **named,
    )


def test_steps_come_with_labels_at_every_horizon():
    with _stream("lavfi:testsrc=size=64x32:rate=25") as stream:
        step = next(one for one in stream if not one.warming_up)
    assert set(step.forecast) == {0.18, 0.53}
    assert step.forecast[0.53].labels.shape == (8, 16)
    assert math.isclose(step.forecast[0.18].served_s, 0.16, abs_tol=0.05)


def test_leaving_the_loop_ends_every_thread():
    for _ in islice(_stream("lavfi:testsrc=size=64x32:rate=25"), 3):
        pass


@pytest.mark.timeout(20)
@pytest.mark.parametrize("num_steps", [3, 20])
def test_leaving_while_as_many_frames_are_in_flight_as_may_be_ends_every_thread(num_steps):
    with pytest.raises(ValueError, match="mine"):
        _fail_when_full(_stream("lavfi:testsrc=size=64x32:rate=50"), num_steps)


def _fail_when_full(stream, num_steps):
    for number, _ in enumerate(stream):
        if number == num_steps:
            time.sleep(0.5)
            raise ValueError("mine")


def test_a_slow_segmenter_keeps_an_even_period_a_steady_latency_and_still_forecasts():
    stream = _stream("lavfi:testsrc=size=64x32:rate=50", takes_s=0.07)
    with stream:
        steps = list(islice(stream, 50))
    forecast = [one for one in steps if not one.warming_up]
    assert stream.period_s >= 0.08
    assert len(forecast) > 15
    late = [sum(one.latency_ms.values()) for one in steps[-15:]]
    assert max(late) < 450
    gaps = [b.frame.at.pts_s - a.frame.at.pts_s for a, b in pairwise(forecast[-10:])]
    assert max(gaps) < 2.6 * stream.period_s


def test_no_history_spans_a_reconnection(rtsp_server):
    predictor = CopyFour()
    source = LiveSource(rtsp_server.url(), backoff_cap_s=0.5)
    stream = open_stream(source, segmenter=RedIsCar(), predictor=predictor, horizons_s=[0.18])
    seen = []
    with stream:
        killed = False
        for step in stream:
            seen.append(step)
            if not killed and not step.warming_up:
                rtsp_server.kill()
                rtsp_server.start()
                killed = True
            elif step.frame.at.epoch == 1 and not step.warming_up:
                break
    first = next(one for one in seen if one.frame.at.epoch == 1)
    assert first.warming_up
    assert all(len(epochs) == 1 for _, epochs in predictor.spans)
    assert all(abs(m[-1] - m[0] - 0.48) < 0.11 for m, _ in predictor.spans)


def test_a_lost_source_raises_after_its_frames():
    source = LiveSource("tcp://127.0.0.1:1", retries=1, backoff_cap_s=0.1)
    with _stream(source) as stream, pytest.raises(SourceLostError):
        next(iter(stream))


def test_every_frame_of_a_film_is_forecast_when_it_need_not_keep_up(films):
    with _stream(str(films / "clip.mp4"), realtime=False) as stream:
        steps = list(stream)
    assert [one.frame.at.index for one in steps] == list(range(100))
    assert sum(not one.warming_up for one in steps) > 80


def test_closing_while_nothing_comes_does_not_hang(tmp_path):
    stream = _stream(LiveSource("udp://127.0.0.1:9", open_timeout_s=1.0))
    threading.Timer(0.3, stream.interrupt).start()
    began_s = time.monotonic()
    assert list(stream) == []
    assert time.monotonic() - began_s < 8


def test_names_and_defaults_are_enough():
    import forecast

    with forecast.open_stream("lavfi:testsrc=size=64x32:rate=25", horizons_s=[0.18, 0.53]) as live:
        step = next(one for one in live if not one.warming_up)
    assert set(step.forecast) == {0.18, 0.53}
    assert int(step.forecast[0.53].labels.max()) < 19


def test_a_live_source_is_a_frame_source():
    assert isinstance(LiveSource("-"), FrameSource)


def test_an_interrupt_before_the_first_frame_is_not_forgotten():
    stream = _stream("lavfi:testsrc=size=64x32:rate=25")
    stream.interrupt()
    assert list(stream) == []
    with stream:
        assert len(list(islice(stream, 3))) == 3
    assert len(list(islice(stream, 3))) == 3


_BAD_HORIZONS = [[-0.2], [0.0], [math.nan], [math.inf], [], [0.5, 0.2], [0.2, 0.2]]


@pytest.mark.parametrize("horizons_s", _BAD_HORIZONS)
def test_bad_horizons_are_one_clear_error_before_anything_is_opened(horizons_s):
    with pytest.raises(UsageError, match="horizon"):
        open_stream("-", segmenter=RedIsCar(), predictor=CopyFour(), horizons_s=horizons_s)


@pytest.mark.parametrize("words", [["--horizons", "nan"], ["--read-timeout", "nan"]])
def test_a_time_that_is_no_number_is_one_clear_error(words, capsys):
    assert main(["stream", "lavfi:testsrc=size=64x32:rate=25", *words]) == 2
    assert "nan" in capsys.readouterr().err
    with pytest.raises(UsageError, match="read_timeout_s is nan"):
        LiveSource("-", read_timeout_s=math.nan)


def test_a_path_is_an_address(films):
    with _stream(films / "clip.mp4", realtime=False) as stream:
        assert len(list(islice(stream, 3))) == 3


def test_where_nothing_is_forecast_nothing_is_warming_up():
    source = "lavfi:testsrc=size=64x32:rate=25"
    with open_stream(source, segmenter=RedIsCar(), predictor=None, horizons_s=[]) as stream:
        assert not any(one.warming_up for one in islice(stream, 20))
    with _stream(source) as stream:
        assert next(iter(stream)).warming_up


def test_steps_say_when_they_were_taken_and_forecasts_when_they_come_true():
    with _stream("lavfi:testsrc=size=64x32:rate=25") as stream:
        step = next(one for one in stream if not one.warming_up)
    assert step.captured_unix_s == pytest.approx(time.time(), abs=5.0)
    for horizon_s, forecast in step.forecast.items():
        assert step.due_unix_s[horizon_s] == step.captured_unix_s + forecast.served_s


def test_labels_come_at_the_size_of_the_picture():
    with _stream("lavfi:testsrc=size=64x32:rate=25") as stream:
        step = next(one for one in stream if not one.warming_up)
    assert frame_labels(step).shape == frame_labels(step, 0.53).shape == (32, 64)
    with pytest.raises(UsageError, match=r"0\.18, 0\.53"):
        frame_labels(step, 7.0)


def _until(happens, timeout_s=20.0):
    deadline_s = time.monotonic() + timeout_s
    while not happens():
        assert time.monotonic() < deadline_s, "never"
        time.sleep(0.01)


def test_the_newest_step_is_there_without_waiting():
    stream = _stream("lavfi:testsrc=size=64x32:rate=25")
    began_s = time.monotonic()
    assert stream.latest() is None
    assert time.monotonic() - began_s < 0.5
    _until(lambda: stream.latest() is not None)
    first = stream.latest().frame.at.index
    _until(lambda: stream.latest().frame.at.index > first)
    stream.close()
    stream.close()


def test_a_listener_is_told_of_every_step_and_its_fault_is_not_lost():
    told = []

    def listener(step):
        told.append(step.frame.at.index)
        if len(told) == 3:
            raise ValueError("mine")

    with _stream("lavfi:testsrc=size=64x32:rate=25") as stream:
        stream.start(listener)
        with pytest.raises(ValueError, match="mine"):
            _until(lambda: stream.latest() is None and False)
    assert told == sorted(set(told))
    assert len(told) == 3


def test_what_a_followed_stream_ends_with_is_raised_by_the_newest():
    stream = _stream(LiveSource("tcp://127.0.0.1:1", retries=0, backoff_cap_s=0.1))
    with pytest.raises(SourceLostError):
        _until(lambda: stream.latest() is not None)
    stream.close()


def test_a_stream_may_be_closed_from_another_thread():
    stream = _stream("lavfi:testsrc=size=64x32:rate=25")
    seen = []
    threading.Timer(0.7, stream.close).start()
    for step in stream:
        seen.append(step)
        assert len(seen) < 500
    assert seen


def test_a_step_over_the_budget_is_not_given():
    source = "lavfi:testsrc=size=64x32:rate=25:duration=1.5"
    with _stream(source, takes_s=0.1, latency_budget_s=0.05) as stream:
        assert list(stream) == []
        assert stream.num_late > 2
    with _stream(source, latency_budget_s=30.0) as stream:
        assert list(stream)
        assert stream.num_late == 0
    with pytest.raises(UsageError, match="latency_budget_s"):
        _stream(source, latency_budget_s=math.nan)
