"""Ctrl-C, SIGTERM and SIGHUP end a command even where the exception they raise is lost.

Python drops what a signal raises inside a finaliser or a callback of foreign code; long loops
therefore ask again after each unit of work.
"""

from __future__ import annotations

import signal
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived; outputs are finalised as for Ctrl-C."""


class HungUp(KeyboardInterrupt):
    """SIGHUP arrived: the terminal was closed; outputs are finalised as for Ctrl-C."""


_KINDS: dict[int, type[KeyboardInterrupt]] = {
    signal.SIGINT: KeyboardInterrupt,
    signal.SIGTERM: Terminated,
}
if hasattr(signal, "SIGHUP"):  # Windows has none.
    _KINDS[signal.SIGHUP] = HungUp
_asked: list[type[KeyboardInterrupt]] = []


def listen() -> None:
    """From now on these signals raise and are remembered; what was asked before is forgotten.

    One that is ignored, as by a background job of a shell or under nohup, stays ignored.
    """
    forget()
    for number in _KINDS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _ask)


def forget() -> None:
    """A command has ended: what it was asked is no wish of the next one in this process."""
    _asked.clear()


def raise_if_asked() -> None:
    """Raise what a signal asked for, if one did.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed since `listen`.
        Terminated: SIGTERM came since then.
        HungUp: SIGHUP came since then.
    """
    if _asked:
        raise _asked[0]


def _ask(number: int, _: FrameType | None) -> None:
    kind = _KINDS[number]
    # SIGTERM and SIGHUP come together when a session ends: the second would break off what the
    # first has begun to finish. The same one again is someone who does not want to wait.
    again = bool(_asked) and kind not in _asked
    _asked.append(kind)
    if not again:
        raise kind
