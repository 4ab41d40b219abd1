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
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit, urlunsplit

from forecast.errors import SourceError, UsageError


class Kind(Enum):
    """What stands at the other end."""

    CAMERA = "camera"
    NETWORK = "network"
    PIPE = "pipe"
    STDIN = "stdin"
    LAVFI = "lavfi"
    FILE = "file"


_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "tcp", "rtp", "srt")
_SECRET_KEY = re.compile(
    r"(pass(word|wd)?|pwd|token|secret|api_?key|key|auth\w*|sig(nature)?|user(name)?|login|session)$",
    re.IGNORECASE,
)
_MASK = "***"

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
        for secret in sorted({self.target, *self.secrets}, key=len, reverse=True):
            hidden = self.shown if secret == self.target else _MASK
            text = text.replace(secret, hidden) if secret else text
        return " ".join(text.split())


def parse_address(address: str, *, container: str | None = None) -> Address:
    """The address, understood.

    Args:
        address: `/dev/video0`, a URL, `-` for standard input, `lavfi:SPEC`, a named pipe or a file.
        container: FFmpeg's name of the format; None guesses it.

    Raises:
        UsageError: The scheme is unknown, or the address is empty.
        SourceError: It names a file, pipe or device that does not exist.
    """
    if not address:
        raise UsageError("the source is empty; give a camera, a URL, a pipe, - or lavfi:SPEC")
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
    return Address(
        kind=Kind.LAVFI, target=spec, shown=f"lavfi:{spec}", clip=_slug(f"lavfi_{spec}"),
        container="lavfi",
    )  # fmt: skip


def _local(path: Path, container: str | None) -> Address:
    try:
        mode = path.stat().st_mode
    except OSError as fault:
        kinds = ", ".join(f"{scheme}://" for scheme in _SCHEMES)
        raise SourceError(
            f"{path} does not exist; give a file, a device such as /dev/video0, a named pipe, "
            f"-, lavfi:SPEC or one of {kinds}"
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
    parts = urlsplit(address)
    scheme = parts.scheme.lower()
    if scheme not in _SCHEMES:
        known = ", ".join(f"{name}://" for name in _SCHEMES)
        raise UsageError(f"{scheme}:// is no source this reads; known: {known}, lavfi:, -, files")
    transport = scheme in ("udp", "tcp", "rtp", "srt")
    options = {**_TRANSPORT, "fflags": "nobuffer"} if transport else _QUICK
    if scheme.startswith("http"):
        options = {}
    if scheme.startswith("rtsp"):
        options = {**options, "rtsp_transport": "tcp"}
    shown = _shown(parts)
    return Address(
        kind=Kind.NETWORK, target=address, shown=shown, clip=_clip(parts),
        container=container, options=options, secrets=_secrets(parts),
    )  # fmt: skip


def _secrets(parts: SplitResult) -> tuple[str, ...]:
    user_info = parts.netloc.rpartition("@")[0]
    name, _, password = user_info.partition(":")
    found = [password, unquote(password), user_info]
    found += [name, unquote(name)] if not password else []
    found += [value for key, value in parse_qsl(parts.query) if _SECRET_KEY.search(key)]
    return tuple(dict.fromkeys(text for text in found if len(text) > 2))


def _shown(parts: SplitResult) -> str:
    user_info, at, host = parts.netloc.rpartition("@")
    netloc = f"{_MASK}@{host}" if at and user_info else host
    pairs = [pair.partition("=") for pair in parts.query.split("&") if pair]
    query = "&".join(
        f"{key}{equals}{_MASK if _SECRET_KEY.search(key) else value}"
        for key, equals, value in pairs
    )
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))


def _clip(parts: SplitResult) -> str:
    host = parts.netloc.rpartition("@")[2]
    return _slug(f"{parts.scheme}_{host}_{parts.path}")


def _slug(text: str) -> str:
    kept = re.sub(r"[^A-Za-z0-9.-]+", "_", text).strip("_.-")
    return kept[:80] or "live"
