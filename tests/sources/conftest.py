"""Small films and pictures that the tests of sources read back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

TICK = Fraction(1, 1000)


def _write_film(
    path: Path,
    frames: Sequence[av.VideoFrame],
    *,
    pts_ms: Sequence[int] | None = None,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
) -> Path:
    """Frames without loss, at the times given (else 25 a second)."""
    pts_ms = [40 * index for index in range(len(frames))] if pts_ms is None else pts_ms
    lossless = {"qp": "0", "g": "5"} if codec == "libx264" else {}
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=25, options=lossless)
        first = frames[0]
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, first.format.name
        stream.codec_context.time_base = TICK
        stream.codec_context.colorspace = first.colorspace
        stream.codec_context.color_range = first.color_range
        for frame, at_ms in zip(frames, pts_ms, strict=True):
            frame.pts, frame.time_base = at_ms, TICK
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _grey_frames(levels: Sequence[int], size_hw: tuple[int, int] = (32, 64)) -> list[av.VideoFrame]:
    """One even grey picture a level, full range, so that a level survives as it is."""
    frames: list[av.VideoFrame] = []
    for level in levels:
        rgb = np.full((*size_hw, 3), level, np.uint8)
        frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(
            format="yuv444p", dst_colorspace=5, dst_color_range=2
        )
        frame.colorspace, frame.color_range = 5, 2
        frames.append(frame)
    return frames


def _noise_frames(count: int) -> list[av.VideoFrame]:
    """Pictures that do not compress, so that a cut file loses many of them."""
    generator = np.random.default_rng(0)
    return [
        av.VideoFrame.from_ndarray(
            generator.integers(0, 256, (48, 64), np.uint8).astype(np.uint8), "gray"
        ).reformat(format="yuv420p")
        for _ in range(count)
    ]


def _write_picture(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def write_film() -> Callable[..., Path]:
    return _write_film


@pytest.fixture
def grey_frames() -> Callable[..., list[av.VideoFrame]]:
    return _grey_frames


@pytest.fixture
def noise_frames() -> Callable[[int], list[av.VideoFrame]]:
    return _noise_frames


@pytest.fixture
def write_picture() -> Callable[[Path, np.ndarray], Path]:
    return _write_picture
