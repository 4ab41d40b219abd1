"""Live sources made on this machine: an RTSP server to kill, freeze and start again."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import av
import numpy as np
import pytest

FPS = 25
NUM_FRAMES = 100
_CELL = 16


def marked_picture(number, size_hw=(96, 160)):
    """A picture that carries its own number as seven black or white cells."""
    height, width = size_hw
    picture = np.full((height, width, 3), 90, np.uint8)
    for bit in range(7):
        picture[:_CELL, bit * _CELL : (bit + 1) * _CELL] = 255 * (number >> bit & 1)
    left = (3 * number) % (width - 40)
    picture[40:80, left : left + 40] = (200, 40, 60)
    return picture


def number_of(frame):
    """The number a picture carries."""
    middle = _CELL // 2
    row = frame.rgb[0, middle, middle : 7 * _CELL : _CELL]
    return sum(int(value > 128) << bit for bit, value in enumerate(row.tolist()))


def encode(target, *, form, count=NUM_FRAMES, size_hw=(96, 160), fps=FPS):
    """Write marked pictures to a file, as H.264."""
    with av.open(target, "w", format=form) as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.height, stream.width, stream.pix_fmt = *size_hw, "yuv420p"
        stream.options = {"g": "10", "bf": "0", "preset": "ultrafast", "tune": "zerolatency"}
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(marked_picture(number % 128, size_hw))
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def transport_stream(folder, *, count=NUM_FRAMES, size_hw=(96, 160)):
    """The bytes of an MPEG transport stream."""
    path = folder / f"{count}_{size_hw[0]}x{size_hw[1]}.ts"
    encode(str(path), form="mpegts", count=count, size_hw=size_hw)
    return path.read_bytes()


def feed(send, stream, *, count, stop):
    """Hand a transport stream over at its own rate, in whole packets of 188 bytes."""
    share = max(1, len(stream) // 188 // count) * 188
    for start in range(0, len(stream), share):
        if stop.is_set():
            return
        try:
            send(stream[start : start + share])
        except OSError:
            return
        stop.wait(1 / FPS)


def free_port(kind=socket.SOCK_STREAM):
    with closing(socket.socket(socket.AF_INET, kind)) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RtspServer:
    """A process that plays a folder's films over RTSP, in a loop."""

    def __init__(self, folder):
        self._folder = folder
        self._process = None
        self.port = free_port()

    def url(self, film="clip.mp4", *, login=""):
        return f"rtsp://{login}127.0.0.1:{self.port}/{film}?play_count=0"

    def start(self):
        code = (
            "import asyncio, aio_rtsp_toolkit.server as server;"
            f"asyncio.run(server.serve({str(self._folder)!r}, host='127.0.0.1', port={self.port}))"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        return self

    def wait_until_up(self, timeout_s=20.0):
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.05)
        raise TimeoutError("the RTSP server did not come up")

    def kill(self):
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def freeze(self):
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self._process.send_signal(signal.SIGCONT)

    def close(self):
        if self._process is not None and self._process.poll() is None:
            self.thaw()
            self.kill()


@pytest.fixture(scope="session")
def films(tmp_path_factory):
    """A folder with `clip.mp4`: 100 numbered pictures at 25 a second."""
    folder = tmp_path_factory.mktemp("films")
    encode(str(folder / "clip.mp4"), form="mp4")
    return folder


@pytest.fixture
def rtsp_server(films):
    server = RtspServer(films).start().wait_until_up()
    yield server
    server.close()


@pytest.fixture
def in_background():
    """Runs a function in a thread with a stop event, joined at the end of the test."""
    stop = threading.Event()
    threads = []

    def run(function, *args, **named):
        thread = threading.Thread(
            target=function, args=args, kwargs={**named, "stop": stop}, daemon=True
        )
        thread.start()
        threads.append(thread)

    yield run
    stop.set()
    for thread in threads:
        thread.join(10)


@pytest.fixture
def nothing_left_behind():
    """Fails if a thread or a file descriptor outlives the test."""

    def counts():
        return {one.name for one in threading.enumerate()}, len(
            list(Path("/proc/self/fd").iterdir())
        )

    threads, descriptors = counts()
    yield
    deadline_s = time.monotonic() + 3
    while time.monotonic() < deadline_s:
        threads_now, descriptors_now = counts()
        if threads_now <= threads and descriptors_now <= descriptors:
            return
        time.sleep(0.05)
    pytest.fail(f"left behind: {threads_now - threads}, {descriptors_now - descriptors} files")


@pytest.fixture
def rig():
    """The functions of this file, for tests: they cannot be imported."""

    class Rig:
        encode = staticmethod(encode)
        feed = staticmethod(feed)
        transport_stream = staticmethod(transport_stream)
        free_port = staticmethod(free_port)
        number_of = staticmethod(number_of)
        marked_picture = staticmethod(marked_picture)
        RtspServer = RtspServer

    return Rig
