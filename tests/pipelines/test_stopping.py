"""A wish to stop is granted, at once or at the next unit of work."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

import pytest

from pipelines import cli
from pipelines.progress import progress
from pipelines.stopping import HungUp, Terminated, listen, raise_if_asked


@pytest.fixture(autouse=True)
def _handlers_are_put_back() -> Iterator[None]:
    kept = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    # A background job of a shell starts with it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # As does what `nohup` starts.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    listen()
    yield
    listen()
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (signal.SIGINT, KeyboardInterrupt),
        (signal.SIGTERM, Terminated),
        (signal.SIGHUP, HungUp),
    ],
)
def test_a_signal_that_was_lost_ends_the_loop_at_its_next_unit(
    number: signal.Signals, kind: type[KeyboardInterrupt]
) -> None:
    with progress("work", 10) as advance:
        advance()
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(number)
        with pytest.raises(kind):
            advance()


def test_an_ignored_interrupt_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listen()
    signal.raise_signal(signal.SIGINT)
    raise_if_asked()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_what_was_asked_of_an_earlier_command_is_forgotten() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        raise_if_asked()
    listen()
    raise_if_asked()


def test_a_second_kind_of_signal_does_not_break_off_what_the_first_began_to_finish() -> None:
    with pytest.raises(Terminated):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGHUP)
    with pytest.raises(Terminated):
        signal.raise_signal(signal.SIGTERM)


def test_a_command_that_was_interrupted_leaves_no_wish_behind(monkeypatch) -> None:
    def interrupted(*_: object) -> int:
        signal.raise_signal(signal.SIGTERM)
        return 0

    monkeypatch.setattr("pipelines.listings.list_models", interrupted)
    assert cli.main(["models"]) == 143
    raise_if_asked()
