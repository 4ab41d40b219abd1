"""RTMP, spoken by a small server of our own: FFmpeg's can only be asked to receive."""

from __future__ import annotations

import io
import socket
import struct
import time
from contextlib import suppress
from itertools import islice, pairwise

import pytest

from forecast.sources.live.source import LiveSource

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

_COMMAND, _SET_CHUNK_SIZE = 20, 1
_CHUNK = 65536


class _Conversation:
    """One client, from the handshake to `play` (RTMP 1.0, sections 5 to 7)."""

    def __init__(self, connection):
        self._connection = connection
        self._chunk_size = 128
        self._open = {}
        connection.sendall(b"\x03" + bytes(8 + 1528) + self._read(1537)[1:])
        self._read(1536)
        self.send(_SET_CHUNK_SIZE, struct.pack(">I", _CHUNK), channel=2)

    def wait_until_it_plays(self):
        while True:
            kind, body = self._message()
            if kind == _SET_CHUNK_SIZE:
                self._chunk_size = struct.unpack(">I", body)[0]
            if kind != _COMMAND:
                continue
            name, number = _command(body)
            if name == "connect":
                self._answer("_result", number, _object(code="NetConnection.Connect.Success"))
            elif name == "createStream":
                self._answer("_result", number, b"\x00" + struct.pack(">d", 1.0))
            elif name == "play":
                self._answer("onStatus", 0.0, _object(level="status", code="NetStream.Play.Start"))
                return

    def _answer(self, name, number, value):
        body = _text(name) + b"\x00" + struct.pack(">d", number) + b"\x05" + value
        self.send(_COMMAND, body, channel=3)

    def send(self, kind, body, *, channel, time_ms=0):
        assert len(body) <= _CHUNK, "one chunk a message"
        head = struct.pack(">B", channel) + time_ms.to_bytes(3) + len(body).to_bytes(3)
        head += struct.pack("<BI", kind, 1 if kind in (8, 9, 18) else 0)
        self._connection.sendall(head + body)

    def _message(self):
        """A whole message, put together from its chunks."""
        while True:
            (basic,) = self._read(1)
            channel, form = basic & 63, basic >> 6
            head = self._read((11, 7, 3, 0)[form])
            kind, length, body = self._open.get(channel, (0, 0, b""))
            if form < 2:
                kind, length = head[6], int.from_bytes(head[3:6])
            body += self._read(min(self._chunk_size, length - len(body)))
            done = len(body) == length
            self._open[channel] = (kind, length, b"" if done else body)
            if done:
                return kind, body

    def _read(self, count):
        some = b""
        while len(some) < count:
            more = self._connection.recv(count - len(some))
            if not more:
                raise ConnectionError("the client left")
            some += more
        return some


def _text(text):
    return b"\x02" + struct.pack(">H", len(text)) + text.encode()


def _object(**fields):
    inner = b"".join(
        struct.pack(">H", len(name)) + name.encode() + _text(value)
        for name, value in fields.items()
    )
    return b"\x03" + inner + b"\x00\x00\x09"


def _command(body):
    length = struct.unpack(">H", body[1:3])[0]
    return body[3 : 3 + length].decode(), struct.unpack(">d", body[4 + length : 12 + length])[0]


def _tags(film):
    """Kind, time in milliseconds and body of every tag of an FLV file."""
    place = 9 + 4
    while place < len(film):
        length = int.from_bytes(film[place + 1 : place + 4])
        time_ms = int.from_bytes(film[place + 4 : place + 7])
        yield film[place], time_ms, film[place + 11 : place + 11 + length]
        place += 11 + length + 4


def _play(connection, film, *, stop):
    conversation = _Conversation(connection)
    conversation.wait_until_it_plays()
    began_s = time.monotonic()
    for kind, time_ms, body in _tags(film):
        stop.wait(max(0.0, began_s + time_ms / 1e3 - time.monotonic()))
        if stop.is_set():
            return
        conversation.send(kind, body, channel=6, time_ms=time_ms)


@pytest.fixture
def rtmp(rig, in_background):
    """Serves a film of 30 pictures to one client after another."""
    film = io.BytesIO()
    rig.encode(film, form="flv", count=30)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)

        def serve(*, stop):
            while not stop.is_set():
                with suppress(OSError), server.accept()[0] as connection:
                    connection.settimeout(5.0)
                    _play(connection, film.getvalue(), stop=stop)

        in_background(serve)
        yield f"rtmp://127.0.0.1:{server.getsockname()[1]}/live/street"


@pytest.fixture
def rtmp_before_its_publisher(rig, in_background):
    """Answers the first two clients with a header and no stream, as servers do that wait."""
    film = io.BytesIO()
    rig.encode(film, form="flv", count=30)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)

        def serve(*, stop):
            num_clients = 0
            while not stop.is_set():
                with suppress(OSError), server.accept()[0] as connection:
                    connection.settimeout(5.0)
                    num_clients += 1
                    if num_clients <= 2:
                        _Conversation(connection).wait_until_it_plays()
                    else:
                        _play(connection, film.getvalue(), stop=stop)

        in_background(serve)
        yield f"rtmp://127.0.0.1:{server.getsockname()[1]}/live/street"


def test_a_stream_whose_publisher_comes_later_is_tried_again(rtmp_before_its_publisher):
    source = LiveSource(rtmp_before_its_publisher, backoff_cap_s=0.2, open_timeout_s=2.0)
    with source.open() as frames:
        assert len(list(islice(frames, 5))) == 5


def test_a_stream_over_rtmp_is_opened_again_when_it_ends(rtmp, rig):
    source = LiveSource(rtmp, backoff_cap_s=0.3)
    with source.open() as frames:
        kept = list(islice(frames, 40))
    assert {one.at.epoch for one in kept} == {0, 1}
    for earlier, later in pairwise(kept):
        assert later.at.pts_s > earlier.at.pts_s
        ahead = rig.number_of(later) - rig.number_of(earlier)
        assert ahead == later.at.index - earlier.at.index or later.at.epoch > earlier.at.epoch
    assert source.stats.num_reconnects == 1
