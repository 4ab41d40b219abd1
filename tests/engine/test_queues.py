"""What passes between threads keeps its order, its faults and its bounds."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.engine.clock import StageClock
from forecast.engine.queues import Handover, Opener, prefetched
from forecast.engine.write_behind import WriteBehind
from forecast.labels import CAMVID
from forecast.values import Frame, Instant, Segmentation, Step

LAW = settings(deadline=None, max_examples=40)


def counted(length: int, fault_at: int | None = None) -> Opener[int]:
    def numbers() -> Iterator[int]:
        for number in range(length):
            if number == fault_at:
                raise ValueError(f"fault {number}")
            yield number

    return lambda: nullcontext(numbers())


def step(index: int) -> Step:
    at = Instant(clip="a", index=index, pts_s=index / 10)
    return Step(
        frame=Frame(at=at, rgb=torch.zeros(3, 2, 4, dtype=torch.uint8)),
        segmentation=Segmentation(
            at=at, space=CAMVID, size_hw=(2, 4), probs=torch.full((11, 1, 2), 1 / 11)
        ),
        forecast={},
        latency_ms={},
    )


class Kept:
    """A sink that remembers; faulty at one index or on closing."""

    def __init__(self, fault_at: int | None = None, *, fault_on_close: bool = False) -> None:
        self.fault_at = fault_at
        self.fault_on_close = fault_on_close
        self.indices: list[int] = []
        self.num_closed = 0

    def write(self, step: Step) -> None:
        if step.frame.at.index == self.fault_at:
            raise OSError("the disk is full")
        self.indices.append(step.frame.at.index)

    def close(self) -> None:
        self.num_closed += 1
        if self.fault_on_close:
            raise OSError("cannot finalise")


@LAW
@given(length=st.integers(0, 20), depth=st.integers(1, 5), size=st.integers(1, 5))
def test_everything_arrives_in_order_in_full_batches(length: int, depth: int, size: int) -> None:
    before = threading.active_count()
    with prefetched(counted(length), depth=max(depth, size)) as ahead:
        batches = list(iter(lambda: ahead.take(size), []))
    assert [number for batch in batches for number in batch] == list(range(length))
    assert all(len(batch) == size for batch in batches[:-1])
    assert threading.active_count() == before


@LAW
@given(length=st.integers(1, 12), depth=st.integers(1, 4), data=st.data())
def test_a_fault_arrives_after_every_earlier_item(
    length: int, depth: int, data: st.DataObject
) -> None:
    fault_at = data.draw(st.integers(0, length - 1))
    before = threading.active_count()
    taken: list[int] = []

    def take_all() -> None:
        with prefetched(counted(length, fault_at), depth=depth) as ahead:
            for number in ahead:
                taken.append(number)  # noqa: PERF402 - what came before the fault counts

    with pytest.raises(ValueError, match=f"fault {fault_at}"):
        take_all()
    assert taken == list(range(fault_at))
    assert threading.active_count() == before


def test_a_fault_on_opening_arrives() -> None:
    @contextmanager
    def refusing() -> Iterator[Iterator[int]]:
        raise OSError("no such file")
        yield iter(())

    with prefetched(refusing, depth=2) as ahead, pytest.raises(OSError, match="no such file"):
        list(ahead)


def test_the_source_is_closed_in_its_own_thread_when_the_taker_leaves() -> None:
    closed_in: list[str] = []

    @contextmanager
    def endless() -> Iterator[Iterator[int]]:
        try:
            yield iter(int, 1)
        finally:
            closed_in.append(threading.current_thread().name)

    with prefetched(endless, depth=2) as ahead:
        assert next(iter(ahead)) == 0
    assert closed_in == ["forecast-decode"]


def test_no_more_than_the_depth_is_read_ahead() -> None:
    depth, read, full = 3, list[int](), threading.Event()

    def numbers() -> Iterator[int]:
        for number in range(100):
            read.append(number)
            if number == depth:
                full.set()
            yield number

    with prefetched(lambda: nullcontext(numbers()), depth=depth) as ahead:
        assert full.wait(10), "the queue was not filled ahead of its taker"
        assert len(read) == depth + 1
        for number, taken in enumerate(ahead):
            assert taken == number
            assert len(read) <= number + 1 + depth + 1


def test_a_deadline_hands_on_what_is_there() -> None:
    handover: Handover[int] = Handover(8)
    handover.put(1)
    handover.put(2)
    began_s = time.perf_counter()
    assert handover.take(4, deadline_s=0.02) == [1, 2]
    assert 0.015 < time.perf_counter() - began_s < 2


def test_a_batch_larger_than_the_depth_does_not_wait_for_ever() -> None:
    handover: Handover[int] = Handover(2)
    handover.put(1)
    handover.put(2)
    assert handover.take(4) == [1, 2]


def test_a_putter_that_waits_is_told_when_the_taker_leaves() -> None:
    handover: Handover[int] = Handover(1)
    handover.put(1)
    answers: list[bool] = []
    putter = threading.Thread(target=lambda: answers.append(handover.put(2)))
    putter.start()
    putter.join(0.05)
    assert putter.is_alive(), "it did not wait for room"
    handover.leave()
    putter.join(5)
    assert answers == [False]


def test_sinks_get_every_step_and_are_closed_once_the_queue_is_empty() -> None:
    before = threading.active_count()
    first, second = Kept(), Kept()
    writing = WriteBehind([first, second], depth=2)
    for index in range(10):
        writing.write(step(index))
    writing.close()
    writing.close()
    assert first.indices == second.indices == list(range(10))
    assert (first.num_closed, second.num_closed) == (1, 1)
    assert threading.active_count() == before


@LAW
@given(fault_at=st.integers(0, 9), depth=st.integers(1, 12))
def test_a_fault_of_a_sink_is_raised_and_every_sink_finalised(fault_at: int, depth: int) -> None:
    before = threading.active_count()
    faulty, healthy = Kept(fault_at), Kept()
    writing = WriteBehind([healthy, faulty], depth=depth)

    def write_all() -> None:
        try:
            for index in range(10):
                writing.write(step(index))
        finally:
            writing.close()

    with pytest.raises(OSError, match="the disk is full"):
        write_all()
    assert faulty.indices == list(range(fault_at))
    assert healthy.indices[:fault_at] == list(range(fault_at))
    assert (faulty.num_closed, healthy.num_closed) == (1, 1)
    assert threading.active_count() == before


def test_a_sink_that_cannot_finalise_does_not_keep_the_next_from_it() -> None:
    faulty, healthy = Kept(fault_on_close=True), Kept()
    writing = WriteBehind([faulty, healthy])
    with pytest.raises(OSError, match="cannot finalise"):
        writing.close()
    assert healthy.num_closed == 1


def test_what_was_handed_over_is_let_go() -> None:
    class Thing:
        pass

    def things() -> Iterator[Thing]:
        for _ in range(200):
            yield Thing()

    most = 0
    with prefetched(lambda: nullcontext(things()), depth=4) as ahead:
        for _ in ahead:
            gc.collect(0)
            most = max(most, sum(type(one) is Thing for one in gc.get_objects(0)))
    assert most <= 8


def test_the_clock_names_the_busiest_stage() -> None:
    clock = StageClock()
    assert clock.slowest is None
    with clock.timing("decode"):
        time.sleep(0.02)
    clock.add("segment", 1e-4)
    assert clock.slowest is not None
    assert clock.slowest[0] == "decode"
    assert 0 < clock.busy_share["decode"] <= 1
