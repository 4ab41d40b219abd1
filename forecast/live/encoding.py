"""A snapshot as bytes: a JPEG picture, label maps as grey PNGs, and one message that holds all.

A message is a little-endian uint32 (the length of the header), the header (JSON), then the parts
in the header's order. Label maps carry class ids as grey levels; the page colours them, so that
opacity, hidden classes and the horizon cost no traffic.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image

from forecast.labels import LabelSpace
from forecast.live.snapshot import Snapshot

_WIDEST = 960
_QUALITY = 80


def jpeg(rgb: UInt8[ndarray, "H W 3"]) -> bytes:
    """The picture, no wider than a page shows it."""
    image = Image.fromarray(np.ascontiguousarray(rgb))
    if image.width > _WIDEST:
        height = round(image.height * _WIDEST / image.width)
        image = image.resize((_WIDEST, height), Image.Resampling.BOX, reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def label_png(labels: UInt8[ndarray, "h w"]) -> bytes:
    """Class ids as grey levels, exactly."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(labels)).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def coloured_png(labels: UInt8[ndarray, "h w"], space: LabelSpace) -> bytes:
    """Class ids with their colours as a palette."""
    image = Image.fromarray(np.ascontiguousarray(labels))
    image.putpalette(space.palette().tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def message(snapshot: Snapshot, status: Mapping[str, Any]) -> bytes:
    """Everything that a viewer needs for one moment.

    Args:
        snapshot: What to show.
        status: Sent along in the header.
    """
    parts = [("frame", None, "image/jpeg", jpeg(snapshot.rgb))]
    parts.append(("now", None, "image/png", label_png(snapshot.now)))
    for kind, maps in (("forecast", snapshot.forecasts), ("foreseen", snapshot.foreseen)):
        parts += [
            (kind, horizon_s, "image/png", label_png(labels)) for horizon_s, labels in maps.items()
        ]
    header = {
        **status,
        "type": "picture",
        "number": snapshot.number,
        "pts_s": round(snapshot.at.pts_s, 3),
        "index": snapshot.at.index,
        "epoch": snapshot.at.epoch,
        "parts": [
            {"kind": kind, "horizon_s": horizon_s, "media": media, "length": len(content)}
            for kind, horizon_s, media, content in parts
        ],
    }
    head = json.dumps(header).encode()
    contents = b"".join(content for _, _, _, content in parts)
    return struct.pack("<I", len(head)) + head + contents
