"""Ctrl-C and SIGTERM end a command even where the exception they raise is lost.

Python drops what a signal raises inside a finaliser or a callback of foreign code; long loops
therefore ask again after each unit of work.
"""

from __future__ import annotations

import signal
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived; outputs are finalised as for Ctrl-C."""


_KINDS: dict[int, type[KeyboardInterrupt]] = {
    signal.SIGINT: KeyboardInterrupt,
    signal.SIGTERM: Terminated,
}
_asked: list[type[KeyboardInterrupt]] = []


def listen() -> None:
    """From now on both signals raise and are remembered; what was asked before is forgotten.

    A SIGINT that is ignored, as in a background job of a shell, stays ignored.
    """
    _asked.clear()
    for number in _KINDS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _ask)


def raise_if_asked() -> None:
    """Nothing, or what a signal asked for.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed since `listen`.
        Terminated: SIGTERM came since then.
    """
    if _asked:
        raise _asked[0]


def _ask(number: int, _: FrameType | None) -> None:
    _asked.append(_KINDS[number])
    raise _KINDS[number]
