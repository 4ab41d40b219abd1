"""One picture of an overlay: what is now at the left, what will be at the right.

The right half shows the current frame dimmed and grey, the forecast in colours over it, and in
white where moving things are now: the distance between the two is what the forecast says.
Does not know files. Axes: H W picture, h w any grid.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import UInt8, UInt16
from numpy.typing import NDArray

from forecast.labels import LabelSpace
from forecast.storage.lettering import INK, caption, legend, notice

_NOW_OPACITY = 0.5
_AHEAD_OPACITY = 0.62
_PANEL_WIDTHS = (480, 960)
_RULE_PX = 4
_LEAST_OUTLINED = 2e-4
"""Share of the picture below which a shape is speckle and gets no outline."""


class Overlay:
    """Draws pictures of one size for frames of any size."""

    def __init__(self, space: LabelSpace, *, size_hw: tuple[int, int]) -> None:
        """Ready to draw.

        Args:
            space: What labels mean.
            size_hw: Size of the first frame; the picture's size follows from it.
        """
        height, width = size_hw
        self._panel_width = 2 * (min(max(width, _PANEL_WIDTHS[0]), _PANEL_WIDTHS[1]) // 2)
        self._panel_height = max(2, 2 * round(self._panel_width * height / width / 2))
        self._strip_height = 2 * max(14, round(self._panel_width * 0.021))
        self._space = space
        self._palette = space.palette()
        self._moving = np.isin(np.arange(space.num_ids), space.moving_ids)
        self._width = 2 * self._panel_width + _RULE_PX
        self._legend = legend(space, width=self._width, line_height=round(self._strip_height * 0.8))

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width of every picture; both even."""
        height = self._strip_height + self._panel_height + self._legend.shape[0]
        return height, self._width

    def draw(
        self,
        rgb: UInt8[np.ndarray, "H W 3"],
        labels: UInt8[np.ndarray, "h w"] | UInt16[np.ndarray, "h w"],
        ahead: UInt8[np.ndarray, "h2 w2"] | None,
        *,
        title: str,
        time: str,
        ahead_title: str,
    ) -> UInt8[np.ndarray, "H2 W2 3"]:
        """The whole picture.

        Args:
            rgb: The current frame.
            labels: What is now.
            ahead: What will be; None while there is no forecast.
            title: Over the left half.
            time: Beside it.
            ahead_title: Over the right half.
        """
        frame = self._fitted(rgb, cv2.INTER_AREA)
        now = self._fitted(labels.astype(np.uint8), cv2.INTER_NEAREST)
        left = self._panel(caption_of=(title, time), body=self._coloured(frame, now, _NOW_OPACITY))
        grey = cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB) // 2
        if ahead is None:
            body, detail = self._noticed(grey, "warming up"), "no forecast yet"
        else:
            later = self._fitted(ahead, cv2.INTER_NEAREST)
            body = self._outlined(self._coloured(grey, later, _AHEAD_OPACITY), now)
            detail = "white: where moving things are now"
        right = self._panel(caption_of=(ahead_title, detail), body=body)
        rule = np.full((left.shape[0], _RULE_PX, 3), INK, np.uint8)
        return np.vstack([np.hstack([left, rule, right]), self._legend])

    def _fitted(self, picture: NDArray[np.uint8], interpolation: int) -> NDArray[np.uint8]:
        size = (self._panel_width, self._panel_height)
        if picture.shape[1::-1] == size:
            return picture
        grows = picture.shape[1] < size[0]
        rule = cv2.INTER_LINEAR if grows and interpolation == cv2.INTER_AREA else interpolation
        return np.asarray(cv2.resize(picture, size, interpolation=rule), np.uint8)

    def _coloured(
        self, picture: NDArray[np.uint8], labels: NDArray[np.uint8], opacity: float
    ) -> NDArray[np.uint8]:
        colours = self._palette[labels]
        blended = np.asarray(cv2.addWeighted(picture, 1 - opacity, colours, opacity, 0), np.uint8)
        return self._edged(blended, labels)

    def _edged(self, picture: NDArray[np.uint8], labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        edge = cv2.morphologyEx(labels, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)) > 0
        picture[edge] = picture[edge] // 4 * 3
        return picture

    def _outlined(self, picture: NDArray[np.uint8], labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        moving = self._moving[labels].astype(np.uint8)
        shapes, _ = cv2.findContours(moving, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        least = _LEAST_OUTLINED * labels.size
        shapes = [shape for shape in shapes if cv2.contourArea(shape) >= least]
        cv2.drawContours(picture, shapes, -1, (255, 255, 255), 1, cv2.LINE_AA)
        return picture

    def _noticed(self, picture: NDArray[np.uint8], words: str) -> NDArray[np.uint8]:
        plate = notice(words, width=self._panel_width, height=self._panel_height)
        height, width = min(plate.shape[0], picture.shape[0]), plate.shape[1]
        top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
        picture[top : top + height, left : left + width] = plate[:height]
        return picture

    def _panel(self, *, caption_of: tuple[str, str], body: NDArray[np.uint8]) -> NDArray[np.uint8]:
        title, detail = caption_of
        strip = caption(title, detail, width=self._panel_width, height=self._strip_height)
        return np.vstack([strip, body])
