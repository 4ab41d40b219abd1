"""`forecast stream`: live sources to forecasts, a page, metrics and files, until told to stop.

Each source has its own threads, networks and files: one that dies leaves the others alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from forecast.api.settings import checked, resolved
from forecast.errors import UsageError
from forecast.live.server import LiveServer
from forecast.provenance import made_with, write_json
from pipelines.progress import console
from pipelines.stopping import raise_if_asked
from pipelines.streaming.outputs import run_folder
from pipelines.streaming.settings import StreamSettings
from pipelines.streaming.worker import StreamWorker, live_source

_log = logging.getLogger("forecast")
_SAY_EVERY_S = 10.0


def stream_camera(addresses: Sequence[str], out: Path | None, settings: StreamSettings) -> int:
    """Forecast every source that was named until it ends, or until interrupted.

    Args:
        addresses: Cameras, URLs, pipes, `-`, `lavfi:SPEC` or files.
        out: Folder for what is saved.
        settings: Everything else.

    Raises:
        UsageError: An address, a name or a setting does not fit.
        SourceError: A source can never be opened; raised when the others have ended.
        SourceLostError: A source stayed away; raised when the others have ended.
    """
    checked(settings)
    if settings.save and out is None:
        raise UsageError(f"--save {','.join(settings.save)} needs a folder: pass --out DIR")
    if not addresses:
        raise UsageError("no source was named; pass a camera, a URL, a pipe, - or lavfi:SPEC")
    if list(addresses).count("-") > 1:
        raise UsageError("- is named twice; standard input can be read only once")
    if out is not None:
        shown = [live_source(address, settings).shown for address in addresses]
        wanted, out = out, run_folder(out)
        if out != wanted:
            console.print(f"{wanted} holds an earlier run; this one goes to {out}", soft_wrap=True)
        _write_run(out, shown, settings)
    with ExitStack() as opened:
        opened.enter_context(_log_lines())
        workers = [StreamWorker(address, out, settings) for address in addresses]
        _number_twins(workers)
        if settings.serve is not None:
            channels = [worker.channel for worker in workers]
            server = LiveServer(channels, serve=settings.serve, token=settings.token)
            opened.callback(server.close)
            hint = "" if settings.token is None else "?token=..."
            console.print(f"watch at {server.url}{hint}")
        try:
            _run(workers, settings.record_for)
        finally:
            for worker in workers:
                worker.stop()
            for worker in workers:
                worker.join()
    _raise_first(workers)
    return 0


def _run(workers: Sequence[StreamWorker], record_for_s: float | None) -> None:
    for worker in workers:
        worker.start()
    began_s = said_s = time.monotonic()
    while any(worker.is_alive for worker in workers):
        time.sleep(0.1)
        raise_if_asked()
        now_s = time.monotonic()
        if record_for_s is not None and now_s - began_s > record_for_s:
            return
        if now_s - said_s > _SAY_EVERY_S:
            said_s = now_s
            for worker in workers:
                console.print(worker.summary(), soft_wrap=True)


def _raise_first(workers: Sequence[StreamWorker]) -> None:
    for worker in workers:
        if worker.fault is not None:
            raise worker.fault


def _number_twins(workers: Sequence[StreamWorker]) -> None:
    """Give sources of one name names of their own, before anything is written."""
    names = [worker.channel.name for worker in workers]
    for number, worker in enumerate(workers):
        if names.count(worker.channel.name) > 1:
            worker.rename(f"{worker.channel.name}-{number + 1}")


def _write_run(out: Path, shown: Sequence[str], settings: StreamSettings) -> None:
    config = resolved(settings)
    config.pop("token", None)
    write_json(out / "run.json", {"sources": list(shown), **made_with(config)})


@contextmanager
def _log_lines() -> Generator[None, None, None]:
    """Shows what the library logs, for as long as the command runs."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    level = _log.level
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    try:
        yield
    finally:
        _log.removeHandler(handler)
        _log.setLevel(level)
