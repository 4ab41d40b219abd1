"""Labels as pictures, and pictures as bytes that a page can carry.

Axes: H W picture, 3 sRGB, h w and hp wp the grids of labels.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from io import BytesIO

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from forecast.geometry.resize import resize_labels
from forecast.labels import LabelSpace
from forecast.report.contents import Picture, PictureRow

LARGEST_WIDTH = 512
_WRONG = np.array([226, 58, 46], np.float32)


def colourise(ids: UInt8[np.ndarray, "H W"], space: LabelSpace) -> UInt8[np.ndarray, "H W 3"]:
    """Every pixel in its class's colour; void is black."""
    return space.palette()[ids]


def overlay(
    rgb: UInt8[np.ndarray, "H W 3"],
    ids: UInt8[np.ndarray, "h w"],
    space: LabelSpace,
    *,
    alpha: float = 0.55,
) -> UInt8[np.ndarray, "H W 3"]:
    """The picture tinted by its labels.

    Args:
        rgb: The picture; labels of another size are sampled to it by nearest neighbour.
        ids: Class ids; where they are void the picture shows through.
        space: Gives the colours.
        alpha: Share of the label's colour, 0 to 1.
    """
    fitted = resize_labels(ids, (rgb.shape[0], rgb.shape[1]))
    tinted = (1 - alpha) * rgb.astype(np.float32) + alpha * colourise(fitted, space)
    is_class = (fitted < space.num_classes)[..., None]
    return np.where(is_class, np.rint(tinted).astype(np.uint8), rgb)


def wrong_pixels(
    target_ids: UInt8[np.ndarray, "h w"],
    predicted_ids: UInt8[np.ndarray, "hp wp"],
    space: LabelSpace,
    rgb: UInt8[np.ndarray, "H W 3"],
) -> UInt8[np.ndarray, "H W 3"]:
    """The picture in pale grey with wrong pixels in red and void ones darkened."""
    size_hw = (rgb.shape[0], rgb.shape[1])
    target, predicted = resize_labels(target_ids, size_hw), resize_labels(predicted_ids, size_hw)
    grey = rgb.astype(np.float32).mean(axis=2, keepdims=True).repeat(3, axis=2)
    shown = 96 + 0.6 * grey
    counted = target != space.void_id
    shown[~counted] *= 0.55
    shown[counted & (target != predicted)] = _WRONG
    return np.rint(shown).clip(0, 255).astype(np.uint8)


def picture_row(
    *,
    clip: str,
    origin_index: int,
    horizon_s: float,
    origin_rgb: UInt8[np.ndarray, "H W 3"],
    target_rgb: UInt8[np.ndarray, "H W 3"],
    target_ids: UInt8[np.ndarray, "h w"],
    predicted_ids: Mapping[str, UInt8[np.ndarray, "hp wp"]],
    space: LabelSpace,
) -> PictureRow:
    """The frame now, the truth at the horizon, and each forecast drawn over the real future.

    Args:
        clip: Name of the clip.
        origin_index: Source index of the frame that forecasts start from.
        horizon_s: Time from there to the target.
        origin_rgb: The frame at the origin.
        target_rgb: The real frame at the horizon.
        target_ids: Its labels.
        predicted_ids: What each predictor said, by name, at the target's size.
        space: What the ids mean.
    """
    future, origin = shrunk(target_rgb), shrunk(origin_rgb)
    pictures = [
        Picture(caption="now", rgb=origin),
        Picture(caption="truth", rgb=overlay(future, target_ids, space)),
    ]
    for name, ids in predicted_ids.items():
        wrong = wrong_pixels(target_ids, ids, space, future)
        pictures.append(Picture(caption=name, rgb=overlay(future, ids, space), wrong_rgb=wrong))
    return PictureRow(
        clip=clip, origin_index=origin_index, horizon_s=horizon_s, pictures=tuple(pictures)
    )


def shrunk(
    rgb: UInt8[np.ndarray, "H W 3"], width: int = LARGEST_WIDTH
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture at most `width` pixels wide, averaged down."""
    if rgb.shape[1] <= width:
        return rgb
    height = max(1, round(rgb.shape[0] * width / rgb.shape[1]))
    small = Image.fromarray(rgb).resize((width, height), Image.Resampling.BOX)
    return np.asarray(small, np.uint8)


def data_uri(rgb: UInt8[np.ndarray, "H W 3"]) -> str:
    """The picture as WebP inside an address, at most LARGEST_WIDTH wide."""
    buffer = BytesIO()
    Image.fromarray(shrunk(rgb)).save(buffer, "WEBP", quality=82, method=4)
    return f"data:image/webp;base64,{b64encode(buffer.getvalue()).decode()}"
