"""The words and the legend of an overlay video, drawn once where they stay the same.

Does not know frames or forecasts. Axes: H W picture.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from forecast.labels import LabelSpace

INK = (17, 20, 26)
"""Background of strips."""
PAPER = (236, 239, 244)
FAINT = (140, 149, 164)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def caption(title: str, detail: str, *, width: int, height: int) -> UInt8[np.ndarray, "H W 3"]:
    """A strip with a title at the left and a detail at the right."""
    strip = Image.new("RGB", (width, height), INK)
    pen = ImageDraw.Draw(strip)
    margin, middle = height // 2, height / 2
    pen.text((margin, middle), title, PAPER, _font(round(height * 0.52)), anchor="lm")
    pen.text((width - margin, middle), detail, FAINT, _font(round(height * 0.44)), anchor="rm")
    return np.asarray(strip).copy()


def legend(space: LabelSpace, *, width: int, line_height: int) -> UInt8[np.ndarray, "H W 3"]:
    """Swatches and names of all classes, in as many lines as they need; the height is even."""
    font = _font(round(line_height * 0.5))
    margin, swatch = line_height // 2, round(line_height * 0.46)
    gap = round(line_height * 0.28)
    places: list[tuple[int, int]] = []
    left, line = margin, 0
    for name in space.names:
        extent = swatch + gap + round(font.getlength(name)) + 2 * gap
        if left + extent > width and left > margin:
            left, line = margin, line + 1
        places.append((left, line))
        left += extent
    pad = line_height // 4
    height = (line + 1) * line_height + 2 * pad
    strip = Image.new("RGB", (width, height + height % 2), INK)
    pen = ImageDraw.Draw(strip)
    for entry, (left, line) in zip(space.classes, places, strict=True):
        middle = pad + (line + 0.5) * line_height
        box = (left, middle - swatch / 2, left + swatch, middle + swatch / 2)
        pen.rounded_rectangle(box, radius=swatch // 4, fill=entry.colour, outline=(90, 96, 108))
        pen.text((left + swatch + gap, middle), entry.name, FAINT, font, anchor="lm")
    return np.asarray(strip).copy()


def notice(words: str, *, width: int, height: int) -> UInt8[np.ndarray, "H W 3"]:
    """Words on a rounded plate, for the middle of a picture."""
    size = max(12, round(height * 0.06))
    font = _font(size)
    extent = round(font.getlength(words))
    plate = Image.new("RGB", (min(width, extent + 2 * size), 2 * size), INK)
    ImageDraw.Draw(plate).text((plate.width / 2, size), words, PAPER, font, anchor="mm")
    return np.asarray(plate).copy()
