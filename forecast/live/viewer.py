"""One viewer's WebSocket: a snapshot when it has taken the last one, its numbers in between.

A viewer that is slow, paused or gone holds up nobody: it simply is sent nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time

from starlette.websockets import WebSocket, WebSocketDisconnect

from forecast.live.channel import Channel
from forecast.live.snapshot import Snapshot

_STATUS_EVERY_S = 0.5


class Viewer:
    """Talks to one browser."""

    def __init__(self, socket: WebSocket, channel: Channel) -> None:
        self._socket = socket
        self._channel = channel
        self._changed = asyncio.Event()
        self._wants_one = True
        self._sent: Snapshot | None = None
        self._told_s = 0.0

    async def serve(self) -> None:
        """Until the viewer or the server goes."""
        loop = asyncio.get_running_loop()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._changed.set)

        leave = self._channel.listen(wake)
        tasks = [asyncio.create_task(one) for one in (self._receive(), self._send())]
        try:
            _, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()
            with contextlib.suppress(WebSocketDisconnect, RuntimeError, asyncio.CancelledError):
                await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            leave()

    async def _receive(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            # Nobody but our page need be understood: bytes and brackets without end say nothing.
            with contextlib.suppress(ValueError, RecursionError):
                said = json.loads(message.get("text") or "null")
                if isinstance(said, dict) and "ack" in said:
                    if self._sent is not None and not self._wants_one:
                        self._channel.viewed(self._sent)
                    self._wants_one = True
                    self._changed.set()

    async def _send(self) -> None:
        await self._socket.send_json({"type": "hello", **self._channel.description()})
        while True:
            self._changed.clear()
            await self._send_what_is_due()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), _STATUS_EVERY_S)

    async def _send_what_is_due(self) -> None:
        latest = self._channel.latest
        seen = 0 if self._sent is None else self._sent.number
        if self._wants_one and latest is not None and latest.number > seen:
            self._wants_one, self._sent = False, latest
            content = await asyncio.to_thread(self._channel.message, latest)
            await self._socket.send_bytes(content)
            self._told_s = time.monotonic()
        elif time.monotonic() - self._told_s >= _STATUS_EVERY_S:
            await self._socket.send_json(self._channel.numbers())
            self._told_s = time.monotonic()
