"""The live server: a thread of its own that serves channels until it is closed."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from forecast.errors import OpenError, UsageError
from forecast.live.access import Access
from forecast.live.channel import Channel

if TYPE_CHECKING:
    import uvicorn

_STARTING_S = 20.0


def parse_serve(serve: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`; port 0 takes a free one.

    Raises:
        UsageError: It is written otherwise.
    """
    host, colon, port = serve.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise UsageError(f"{serve!r} is no HOST:PORT; write for instance 127.0.0.1:8000")
    return host.strip("[]"), int(port)


class LiveServer:
    """Serves the page; use it in a `with`.

    Args:
        channels: What can be watched; the first is shown unless another is asked for.
        serve: `HOST:PORT`.
        token: What viewers must show; needed unless the host is this machine alone.

    Raises:
        UsageError: The address is malformed, others could reach it without a token, or the `live`
            extra is not installed.
        OpenError: The address cannot be listened on, or the server does not come up.
    """

    def __init__(
        self, channels: Sequence[Channel], *, serve: str, token: str | None = None
    ) -> None:
        host, port = parse_serve(serve)
        access = Access(host, token)
        server = _make_server(channels, access)
        self._socket = _listening(host, port)
        self._server = server
        self._host = host
        self._token = token
        self._thread = threading.Thread(
            target=server.run, kwargs={"sockets": [self._socket]}, name="live page", daemon=True
        )
        self._thread.start()
        self._wait_until_up()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._socket.getsockname()[1]

    @property
    def url(self) -> str:
        """Where the page is; without the token."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}/"

    def close(self) -> None:
        """Say goodbye to the viewers and join the thread; safe to call twice."""
        self._server.should_exit = True
        self._thread.join(5.0)
        if self._thread.is_alive():
            self._server.force_exit = True
            self._thread.join(5.0)
        self._socket.close()

    def __enter__(self) -> LiveServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _wait_until_up(self) -> None:
        deadline_s = time.monotonic() + _STARTING_S
        while not self._server.started:
            found = None
            if not self._thread.is_alive():
                found = "its server ended at once"
            elif time.monotonic() > deadline_s:
                found = f"its server was not up after {_STARTING_S:.0f} s"
            if found is not None:
                self.close()
                raise OpenError(
                    f"the live page could not be served: {found}; the log says why, and without "
                    "--serve the forecast runs on its own"
                )
            time.sleep(0.01)


def _make_server(channels: Sequence[Channel], access: Access) -> uvicorn.Server:
    try:
        import uvicorn

        from forecast.live.routes import Routes
    except ImportError as fault:
        raise UsageError(
            f"the live page needs {fault.name}, which is not installed; "
            "install segmentation-forecast[live]"
        ) from fault
    return uvicorn.Server(
        uvicorn.Config(
            Routes(channels, access).app(),
            ws="websockets-sansio",
            ws_ping_interval=5.0,
            ws_ping_timeout=10.0,
            ws_max_size=65536,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
    )


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as fault:
        raise OpenError(
            f"{host}:{port} cannot be listened on ({fault.strerror}); choose another port"
        ) from fault
