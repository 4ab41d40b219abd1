"""From reader to consumer."""

from __future__ import annotations

import threading

import pytest

from forecast.engine.policy_queue import HandOver


def test_latest_keeps_only_the_newest_and_counts_the_overtaken():
    handover = HandOver("latest")
    assert [handover.put(i) for i in range(4)] == [0, 1, 1, 1]
    assert handover.take(0.0) == 3
    assert handover.take(0.0) is None


def test_every_drops_nothing_and_makes_the_reader_wait():
    handover = HandOver("every", capacity=2)
    reader = threading.Thread(target=lambda: [handover.put(i) for i in range(10)])
    reader.start()
    assert [handover.take(1.0) for _ in range(10)] == list(range(10))
    reader.join(1.0)
    assert not reader.is_alive()


def test_an_error_arrives_after_every_item():
    handover = HandOver("every")
    handover.put(1)
    handover.finish(ValueError("gone"))
    assert handover.take(0.0) == 1
    with pytest.raises(ValueError, match="gone"):
        handover.take(0.0)


def test_finishing_wakes_a_reader_that_waits():
    handover = HandOver("every", capacity=1)
    handover.put(1)
    reader = threading.Thread(target=handover.put, args=(2,))
    reader.start()
    handover.finish()
    reader.join(1.0)
    assert not reader.is_alive()


def test_abandoned_it_gives_nothing_more_not_even_an_error():
    handover = HandOver("every")
    handover.put(1)
    handover.finish(ValueError("gone"))
    handover.abandon()
    assert handover.take(0.0) is None
    assert handover.exhausted
