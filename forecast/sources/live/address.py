"""What a live address means: its kind, how FFmpeg is asked for it, and how it is written down.

Promises that nothing shown, logged or used as a file name carries a password or a token.
Opens nothing.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

import av

from forecast.errors import SourceError, UsageError
from forecast.sources.live.secrets import MASK, hidden, hidden_address, secrets_of


class Kind(Enum):
    """What stands at the other end."""

    CAMERA = "camera"
    NETWORK = "network"
    PIPE = "pipe"
    STDIN = "stdin"
    LAVFI = "lavfi"
    FILE = "file"


_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "tcp")

# Enough to find the codec, too little to wait for: the first frame then comes 1 s sooner.
_QUICK = {
    "probesize": "32768",
    "analyzeduration": "1000",
    "fpsprobesize": "0",
    "fflags": "nobuffer",
}
# A transport stream names its codec in its first tables, which may come half a second late.
_TRANSPORT = {
    "probesize": "500000",
    "analyzeduration": "300000",
    "fpsprobesize": "0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a live source is, parsed once."""

    kind: Kind
    target: str = field(repr=False)
    """What FFmpeg opens; may hold credentials, so it is never shown."""
    shown: str
    """The address as a person may see it: credentials are `***`."""
    clip: str
    """A file name for it, without credentials."""
    container: str | None = None
    """FFmpeg's name of the format where it cannot be guessed."""
    options: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Texts that must never be shown."""

    @property
    def is_live(self) -> bool:
        """Whether it goes on without us: what is not read in time is gone."""
        return self.kind in (Kind.CAMERA, Kind.NETWORK, Kind.PIPE)

    def masked(self, text: str) -> str:
        """A text of one line in which every secret is `***`."""
        text = text if self.target == "-" else text.replace(self.target, self.shown)
        for secret in self.secrets:
            text = text.replace(secret, MASK)
        return hidden(" ".join(text.split()))


def parse_address(address: str, *, container: str | None = None) -> Address:
    """The address, understood.

    Args:
        address: `/dev/video0`, a URL, `-` for standard input, `lavfi:SPEC`, a named pipe or a file.
        container: FFmpeg's name of the format; None guesses it.

    Raises:
        UsageError: It is empty or malformed, or its scheme or the container is unknown.
        SourceError: It names a file, pipe or device that does not exist.
    """
    if not address.strip():
        raise UsageError("the source is empty; give a camera, a URL, a pipe, - or lavfi:SPEC")
    if container is not None and container not in av.formats_available:
        raise UsageError(
            f"{container!r} is no format that FFmpeg reads; write for instance "
            "--container mpegts, h264, mjpeg, matroska or mov, or leave it out"
        )
    if address == "-":
        return Address(
            kind=Kind.STDIN, target="-", shown="stdin", clip="stdin", container=container,
            options=_TRANSPORT,
        )  # fmt: skip
    if address.startswith("lavfi:"):
        return _lavfi(address.removeprefix("lavfi:"))
    if "://" in address and not address.startswith("file://"):
        return _url(address, container)
    return _local(Path(address.removeprefix("file://")), container)


def _lavfi(spec: str) -> Address:
    if not spec:
        raise UsageError("lavfi: needs a filter graph, for instance lavfi:testsrc=size=640x360")
    address = f"lavfi:{spec}"
    first = re.match(r"\W*(\w*)", spec)
    return Address(
        kind=Kind.LAVFI, target=spec, shown=hidden_address(address),
        clip=_slug(f"lavfi_{first[1] if first else ''}"), container="lavfi",
        secrets=secrets_of(address),
    )  # fmt: skip


def _local(path: Path, container: str | None) -> Address:
    try:
        mode = path.stat().st_mode
    except OSError as fault:
        kinds = ", ".join(f"{scheme}://" for scheme in _SCHEMES)
        raise SourceError(
            f"{hidden_address(os.fspath(path))} does not exist; give a file, a device such as "
            f"/dev/video0, a named pipe, -, lavfi:SPEC or one of {kinds}"
        ) from fault
    if stat.S_ISDIR(mode):
        raise SourceError(f"{path} is a folder; a live source is one file, device or URL")
    kind = Kind.PIPE if stat.S_ISFIFO(mode) else Kind.FILE
    options: Mapping[str, str] = _TRANSPORT if kind is Kind.PIPE else {}
    if stat.S_ISCHR(mode) and path.name.startswith("video"):
        kind, container, options = Kind.CAMERA, container or "v4l2", {}
    return Address(
        kind=kind, target=os.fspath(path), shown=os.fspath(path), clip=_slug(path.stem),
        container=container, options=options,
    )  # fmt: skip


def _url(address: str, container: str | None) -> Address:
    scheme, place = _checked(address)
    transport = scheme in ("udp", "tcp")
    options = {**_TRANSPORT, "fflags": "nobuffer"} if transport else _QUICK
    if scheme.startswith("http"):
        options = {}
    if scheme.startswith("rtsp"):
        options = {**options, "rtsp_transport": "tcp"}
    return Address(
        kind=Kind.NETWORK, target=address, shown=hidden_address(address),
        clip=_slug(f"{scheme}_{place}"), container=container, options=options,
        secrets=secrets_of(address),
    )  # fmt: skip


def _checked(address: str) -> tuple[str, str]:
    """Scheme, and host with port; nothing of the path, which may hold a secret.

    Raises:
        UsageError: FFmpeg would take it apart elsewhere than was meant, or not at all.
    """
    scheme = address.partition("://")[0].lower()
    if scheme not in _SCHEMES:
        known = ", ".join(f"{name}://" for name in _SCHEMES)
        name = f"{scheme}://" if scheme.isalnum() else "this"
        raise UsageError(f"{name} is no source this reads; known: {known}, lavfi:, -, files")
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise _malformed(address, "its host and port (1 to 65535) cannot be made out") from None
    if port == 0 or any(sign.isspace() for sign in parts.netloc):
        raise _malformed(address, "its port is 0" if port == 0 else "its host holds a space")
    if not parts.hostname and not (scheme in ("udp", "tcp") and port):
        raise _malformed(address, "it names no host")
    # Behind an @ further on: what stands before it may be half a password.
    return scheme, re.split(r"[/?#]", address.rpartition("@")[2].rpartition("//")[2])[0]


def _malformed(address: str, reason: str) -> UsageError:
    return UsageError(
        f"{hidden_address(address)} is no address: {reason}; write SCHEME://USER:PASSWORD@HOST:PORT"
        "/PATH, and in the password %40 for @, %3A for :, %2F for /, %3F for ?, %23 for #, %25 for "
        "%, %5B and %5D for [ and ], %20 for a space"
    )


def _slug(text: str) -> str:
    kept = re.sub(r"[^A-Za-z0-9.-]+", "_", text).strip("_.-")
    return kept[:60] or "live"
