"""What the live server answers: the page, its WebSocket, health, metrics, the newest forecast."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from forecast.live.access import Access
from forecast.live.channel import Channel
from forecast.live.encoding import coloured_png, label_png
from forecast.live.metrics import metrics_text
from forecast.live.page import content_security_policy, favicon, page_html
from forecast.live.snapshot import Snapshot
from forecast.live.viewer import Viewer

_Handler = Callable[[Request], Awaitable[Response]]


class Routes:
    """Handlers over a list of channels."""

    def __init__(self, channels: Sequence[Channel], access: Access) -> None:
        self._channels = {channel.name: channel for channel in channels}
        self._access = access

    def app(self) -> Starlette:
        """The web application."""
        guarded = self._guarded
        return Starlette(
            routes=[
                Route("/", guarded(self._page)),
                Route("/favicon.svg", self._favicon),
                Route("/favicon.ico", self._favicon),
                Route("/healthz", self._health),
                Route("/metrics", guarded(self._metrics)),
                Route("/api/sources", guarded(self._sources)),
                Route("/api/latest", guarded(self._latest)),
                Route("/api/latest.png", guarded(self._latest_png)),
                WebSocketRoute("/ws", self._watch),
            ]
        )

    def _guarded(self, handler: _Handler) -> _Handler:
        async def answer(request: Request) -> Response:
            if not self._access.knows_host(request.headers):
                return PlainTextResponse("this server goes by another name\n", 421)
            if not self._access.shows_token(request.query_params, request.headers):
                return PlainTextResponse("the token is missing or wrong: add ?token=...\n", 401)
            return await handler(request)

        return answer

    async def _page(self, request: Request) -> Response:
        headers = {
            "Content-Security-Policy": content_security_policy(),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }
        page = Response(page_html(), media_type="text/html", headers=headers)
        if token := request.query_params.get("token"):
            # The page takes it out of the address bar, and must still be found when loaded again.
            page.set_cookie(
                self._access.cookie_name(request.headers), quote(token, safe=""),
                httponly=True, samesite="strict",
            )  # fmt: skip
        return page

    async def _favicon(self, _: Request) -> Response:
        return Response(favicon(), media_type="image/svg+xml")

    async def _health(self, request: Request) -> Response:
        found = {name: channel.status for name, channel in self._channels.items()}
        states = {name: status.state for name, status in found.items()}
        unwritten = {name: status.unwritten for name, status in found.items() if status.unwritten}
        alive = any(state in ("live", "connecting") for state in states.values())
        healthy = alive and not unwritten
        told: dict[str, Any] = {"healthy": healthy}
        # Whoever asks may know whether we live; what we look at is for those who may look.
        if self._access.knows_host(request.headers) and self._access.shows_token(
            request.query_params, request.headers
        ):
            told |= {"sources": states, **({"unwritten": unwritten} if unwritten else {})}
        return JSONResponse(told, 200 if healthy else 503)

    async def _metrics(self, _: Request) -> Response:
        return Response(
            metrics_text(list(self._channels.values())), media_type="text/plain; version=0.0.4"
        )

    async def _sources(self, _: Request) -> Response:
        return JSONResponse([channel.description() for channel in self._channels.values()])

    async def _latest(self, request: Request) -> Response:
        channel = self._channel(request.query_params.get("source"))
        if channel is None:
            return self._unknown()
        return JSONResponse({**channel.numbers(), "latest": _as_json(channel.latest)})

    async def _latest_png(self, request: Request) -> Response:
        channel = self._channel(request.query_params.get("source"))
        snapshot = None if channel is None else channel.latest
        if channel is None or snapshot is None:
            return self._unknown()
        labels = _labels_at(snapshot, request.query_params.get("horizon_s"))
        if labels is None:
            return PlainTextResponse("no forecast of that horizon is ready\n", 404)
        return Response(coloured_png(labels, snapshot.space), media_type="image/png")

    async def _watch(self, socket: WebSocket) -> None:
        allowed = (
            self._access.knows_host(socket.headers)
            and self._access.is_own_page(socket.headers)
            and self._access.shows_token(socket.query_params, socket.headers)
        )
        channel = self._channel(socket.query_params.get("source"))
        if not allowed or channel is None:
            await socket.close(1008)
            return
        await socket.accept()
        await Viewer(socket, channel).serve()

    def _channel(self, name: str | None) -> Channel | None:
        return next(iter(self._channels.values())) if not name else self._channels.get(name)

    def _unknown(self) -> Response:
        known = ", ".join(self._channels)
        return PlainTextResponse(
            f"no such source, or nothing from it yet; there are: {known}\n", 404
        )


def _labels_at(snapshot: Snapshot, horizon_s: str | None) -> Any:
    if horizon_s is None:
        return snapshot.now
    return next(
        (labels for one, labels in snapshot.forecasts.items() if f"{one:g}" == horizon_s), None
    )


def _as_json(snapshot: Snapshot | None) -> dict[str, Any] | None:
    if snapshot is None:
        return None
    return {
        "number": snapshot.number,
        "index": snapshot.at.index,
        "pts_s": snapshot.at.pts_s,
        "epoch": snapshot.at.epoch,
        "captured_unix_s": snapshot.captured_unix_s,
        "space": snapshot.space.name,
        "classes": list(snapshot.space.names),
        "now_png": _base64(snapshot.now),
        "forecasts": [
            {
                "horizon_s": horizon_s,
                "served_s": snapshot.served_s[horizon_s],
                "due_unix_s": snapshot.due_unix_s(horizon_s),
                "copied": horizon_s in snapshot.copied,
                "labels_png": _base64(labels),
            }
            for horizon_s, labels in snapshot.forecasts.items()
        ],
    }


def _base64(labels: Any) -> str:
    return base64.b64encode(label_png(labels)).decode()
