"""An overlay video, now beside forecast: H.264 in fragmented MP4, with true timestamps.

Promises that what was written before a crash plays after it: a fragment is closed with each key
frame, about once a second. Memory is bounded; variable frame rates survive.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from jaxtyping import UInt8, UInt16

from forecast.files import storage_faults
from forecast.geometry.deciding import grid_labels, picture_labels
from forecast.labels import LabelSpace
from forecast.storage.overlay import Overlay
from forecast.values import Frame, Step

_TICKS_PER_S = 90_000
_KEY_FRAME_EVERY = 25
_ENCODING = {"preset": "veryfast", "crf": "21", "bf": "0", "rc-lookahead": "8"}
_FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}


class OverlayVideo:
    """A sink that draws each step and appends it to a video."""

    def __init__(
        self,
        path: Path,
        *,
        space: LabelSpace,
        horizon_s: float | None = None,
        segmenter: str = "",
        predictor: str = "forecast",
    ) -> None:
        """Nothing is written before the first step.

        Args:
            path: Of the MP4; its folder is made if there is none.
            space: What labels mean.
            horizon_s: Which horizon to show, as it was asked for; None for the longest.
            segmenter: Name shown over the left half.
            predictor: Name shown over the right half.
        """
        self._path = path
        self._space = space
        self._horizon_s = horizon_s
        self._segmenter = segmenter
        self._predictor = predictor
        self._overlay: Overlay | None = None
        self._output: OutputContainer | None = None
        self._stream: av.VideoStream | None = None
        self._last_tick = -1
        self._shift = 0

    def write(self, step: Step) -> None:
        """Append one step.

        Raises:
            StorageError: The disk is full or gone.
        """
        asked = self._horizon_s
        if asked is None and step.forecast:
            asked = max(step.forecast)
        forecast = None if asked is None else step.forecast.get(asked)
        self.write_labels(
            step.frame,
            picture_labels(step.segmentation),
            None if forecast is None else grid_labels(forecast),
            served_s=asked if forecast is None else forecast.served_s,
        )

    def write_labels(
        self,
        frame: Frame,
        labels: UInt8[np.ndarray, "h w"] | UInt16[np.ndarray, "h w"],
        ahead: UInt8[np.ndarray, "h2 w2"] | None,
        *,
        served_s: float | None,
    ) -> None:
        """Append one frame with labels on any grid, as a recording keeps them.

        Args:
            frame: The current frame.
            labels: What is now.
            ahead: What will be; None while there is no forecast.
            served_s: How far ahead that is; None if nothing is forecast.
        """
        if self._overlay is None:
            self._overlay = Overlay(self._space, size_hw=frame.size_hw)
        served = "forecast" if served_s is None else f"+{served_s:.2f} s"
        picture = self._overlay.draw(
            np.ascontiguousarray(frame.rgb.cpu().numpy().transpose(1, 2, 0)),
            labels,
            ahead,
            title=f"now  {self._segmenter}".strip(),
            time=f"{frame.at.pts_s:.2f} s",
            ahead_title=f"{served}  {self._predictor}",
        )
        with storage_faults(self._path):
            self._encode(picture, frame.at.pts_s)

    def close(self) -> None:
        """Flush the encoder and the last fragment."""
        output, self._output = self._output, None
        if output is None or self._stream is None:
            return
        with storage_faults(self._path):
            try:
                output.mux(self._stream.encode(None))
            finally:
                output.close()

    def _open(self, height: int, width: int) -> av.VideoStream:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        output = av.open(str(self._path), "w", format="mp4", options=_FRAGMENTED)
        self._output = output
        stream = output.add_stream("libx264", options=_ENCODING)
        stream.height, stream.width = height, width
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = stream.time_base = Fraction(1, _TICKS_PER_S)
        context.gop_size = _KEY_FRAME_EVERY
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        return stream

    def _encode(self, picture: UInt8[np.ndarray, "H W 3"], pts_s: float) -> None:
        if self._stream is None or self._output is None:
            self._stream = self._open(*picture.shape[:2])
        assert self._output is not None
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
        )
        frame.pts = self._tick(pts_s)
        frame.time_base = Fraction(1, _TICKS_PER_S)
        self._output.mux(self._stream.encode(frame))

    def _tick(self, pts_s: float) -> int:
        tick = round(pts_s * _TICKS_PER_S)
        # A new epoch counts from 0 again; the video goes on where it was.
        if tick + self._shift <= self._last_tick:
            self._shift = self._last_tick + _TICKS_PER_S // 25 - tick
        self._last_tick = tick + self._shift
        return self._last_tick
