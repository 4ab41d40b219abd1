"""Decoded video frames become upright full-range RGB, by the matrix and range they were made with.

Promises every 8-bit colour within one level of the exact conversion, and 10-bit within two.
Does not know files or time; high dynamic range is not tone-mapped. Axes: H W picture.
"""

from __future__ import annotations

import struct
from enum import IntEnum

import numpy as np
import torch
from av import VideoFrame
from av.sidedata.sidedata import SideDataContainer
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from jaxtyping import UInt8
from torch import Tensor

_HD_HEIGHT = 720


class _Tag(IntEnum):
    """What FFmpeg calls a matrix (AVColorSpace, the code points of ITU-T H.273)."""

    BT709 = 1
    FCC = 4
    BT470BG = 5
    SMPTE170M = 6
    SMPTE240M = 7
    BT2020_NCL = 9
    BT2020_CL = 10


_MATRIX: dict[int, Colorspace] = {
    _Tag.BT709: Colorspace.ITU709,
    _Tag.FCC: Colorspace.FCC,
    _Tag.BT470BG: Colorspace.ITU601,
    _Tag.SMPTE170M: Colorspace.ITU601,
    _Tag.SMPTE240M: Colorspace.SMPTE240M,
    _Tag.BT2020_NCL: Colorspace.BT2020,
    _Tag.BT2020_CL: Colorspace.BT2020,
}

_GREY_TO_FULL = np.clip(np.round((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)


def matrix_of(frame: VideoFrame) -> Colorspace:
    """The matrix a frame was made with; untagged means BT.709 from 720 lines up, else BT.601."""
    tagged = _MATRIX.get(frame.colorspace)
    if tagged is not None:
        return tagged
    return Colorspace.ITU709 if frame.height >= _HD_HEIGHT else Colorspace.ITU601


def range_of(frame: VideoFrame) -> ColorRange:
    """The range a frame was made with; untagged means limited, except for RGB and `yuvj`."""
    if frame.color_range in (ColorRange.MPEG, ColorRange.JPEG):
        return ColorRange(frame.color_range)
    full = frame.format.is_rgb or frame.format.name.startswith("yuvj")
    return ColorRange.JPEG if full else ColorRange.MPEG


def _display_matrix(frame: VideoFrame) -> tuple[int, int, int, int]:
    # `frame.side_data` would be kept by the frame it refers to: such a circle holds the decoded
    # picture until the garbage collector comes by, which takes minutes.
    side = SideDataContainer(frame).get("DISPLAYMATRIX")  # pyright: ignore[reportCallIssue]
    if side is None:
        return 1, 0, 0, 1
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(side)[:36])
    return a, b, c, d


class RgbConverter:
    """Converts the frames of one stream; keeps the scaler between them."""

    def __init__(self, size_hw: tuple[int, int] | None = None) -> None:
        self._size_hw = size_hw
        """Height and width of the result, upright; None keeps the picture's own."""
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> UInt8[Tensor, "3 H W"]:
        """The frame upright, in full-range RGB.

        A display matrix is honoured to the nearest quarter turn, mirrored or not: it maps (x, y)
        to (a x + c y, b x + d y) (ISO/IEC 14496-12, 6.2.2).
        """
        a, b, c, d = _display_matrix(frame)
        turned = abs(b) > abs(a)
        rgb = self._planar(frame, turned=turned)
        if turned:
            rgb = rgb.transpose(1, 2)
            flip_x, flip_y = c < 0, b < 0
        else:
            flip_x, flip_y = a < 0, d < 0
        axes = [axis for axis, wanted in ((1, flip_y), (2, flip_x)) if wanted]
        return (rgb.flip(axes) if axes else rgb).contiguous()

    def _planar(self, frame: VideoFrame, *, turned: bool) -> UInt8[Tensor, "3 H W"]:
        height, width = self._size_hw or (frame.height, frame.width)
        if turned and self._size_hw is not None:
            height, width = width, height
        kept = (height, width) == (frame.height, frame.width)
        # Planar RGB with accurate rounding is swscale's one path without chroma shortcuts.
        kernel = Interpolation.BILINEAR if kept else Interpolation.AREA
        planar = self._reformatter.reformat(
            frame,
            width=width,
            height=height,
            format="gbrp",
            src_colorspace=matrix_of(frame),
            dst_colorspace=Colorspace.ITU709,
            interpolation=kernel | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT,
            src_color_range=range_of(frame),
            dst_color_range=ColorRange.JPEG,
        )
        rgb = np.empty((3, height, width), np.uint8)
        for channel, plane in zip((1, 2, 0), planar.planes, strict=False):
            rows = np.frombuffer(plane, np.uint8)  # pyright: ignore[reportCallIssue,reportArgumentType]
            rows = rows.reshape(-1, plane.line_size)  # rows stride
            rgb[channel] = rows[:height, :width]
        # swscale takes every grey picture for full range, whatever it is told.
        if frame.format.name.startswith("gray") and range_of(frame) == ColorRange.MPEG:
            rgb = _GREY_TO_FULL[rgb]
        return torch.from_numpy(rgb)
