from __future__ import annotations

import gc

import av
import numpy as np
import pytest

from forecast.sources.colour import RgbConverter
from forecast.sources.video import VideoSource

# Kr and Kb of ITU-R BT.709, BT.601 and BT.2020, by FFmpeg's tag.
COEFFICIENTS = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
COLOURS = np.array(
    [
        [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]],
        [[0, 0, 0], [128, 128, 128], [200, 30, 90], [20, 180, 240]],
    ],
    np.float64,
)


def _planes(rgb, matrix, *, full, bits):
    """Y, U and V by the definition of the standards, rounded once."""
    red, blue = COEFFICIENTS[matrix]
    unit = rgb / 255
    luma = unit @ np.array([red, 1 - red - blue, blue])
    chroma = [
        (unit[..., 2] - luma) / (2 * (1 - blue)),
        (unit[..., 0] - luma) / (2 * (1 - red)),
    ]
    scale, most = 2 ** (bits - 8), 2**bits - 1
    span_y, start_y, span_c = (most, 0, most) if full else (219 * scale, 16 * scale, 224 * scale)
    values = [luma * span_y + start_y, *(one * span_c + 128 * scale for one in chroma)]
    return [np.clip(np.round(one), 0, most) for one in values]


def _frame(pixel_format, matrix, *, full, tag_matrix=True, tag_range=True, size_hw=(32, 64)):
    """Blocks of known colours, 16 pixels or more a side."""
    height, width = size_hw
    rgb = COLOURS.repeat(height // 2, 0).repeat(width // 4, 1)
    bits = 10 if "10" in pixel_format else 8
    frame = av.VideoFrame(width, height, pixel_format)
    halved = {"420": (2, 2), "422": (1, 2), "444": (1, 1)}[pixel_format[3:6]]
    for index, values in enumerate(_planes(rgb, matrix, full=full, bits=bits)):
        step_y, step_x = (1, 1) if index == 0 else halved
        values = values[::step_y, ::step_x].astype(np.uint16 if bits > 8 else np.uint8)
        plane = frame.planes[index]
        rows = np.zeros((plane.height, plane.line_size), np.uint8)
        stored = np.ascontiguousarray(values).view(np.uint8)
        rows[:, : stored.shape[1]] = stored
        plane.update(rows.tobytes())
    frame.colorspace = matrix if tag_matrix else 2
    frame.color_range = (2 if full else 1) if tag_range else 0
    return frame


def _worst(rgb, size_hw=(32, 64)):
    """Largest error in the middle of the blocks, where chroma was not blended."""
    height, width = size_hw
    middle = rgb.numpy()[:, height // 4 :: height // 2, width // 8 :: width // 4]
    return np.abs(middle.transpose(1, 2, 0).astype(int) - COLOURS).max()


@pytest.mark.parametrize(
    "pixel_format", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv444p10le"]
)
@pytest.mark.parametrize("matrix", [1, 5, 6, 9])
@pytest.mark.parametrize("full", [False, True])
def test_known_colours_come_back_within_two_levels(pixel_format, matrix, full):
    assert _worst(RgbConverter()(_frame(pixel_format, matrix, full=full))) <= 2


@pytest.mark.parametrize(("height", "matrix"), [(576, 5), (720, 1), (1080, 1)])
def test_untagged_is_bt709_from_720_lines_up_and_limited(height, matrix):
    size_hw = (height, 64)
    frame = _frame(
        "yuv420p", matrix, full=False, tag_matrix=False, tag_range=False, size_hw=size_hw
    )
    assert _worst(RgbConverter()(frame), size_hw) <= 2


@pytest.mark.parametrize(
    ("pixel_format", "full"), [("yuv420p", False), ("yuv420p10le", False), ("yuv444p", True)]
)
@pytest.mark.parametrize("matrix", [1, 6])
def test_tags_and_colours_survive_a_lossless_file(tmp_path, write_film, pixel_format, full, matrix):
    frame = _frame(pixel_format, matrix, full=full)
    path = write_film(tmp_path / "colours.mkv", [frame], codec="ffv1")
    with VideoSource(path).open() as frames:
        assert _worst(next(frames).rgb) <= 2


@pytest.mark.parametrize("pixel_format", ["rgb24", "bgr24", "gbrp", "bgr0", "rgba"])
def test_stored_rgb_is_not_touched(pixel_format):
    rgb = np.random.default_rng(0).integers(0, 256, (16, 24, 3)).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=pixel_format)
    converted = RgbConverter()(frame).numpy().transpose(1, 2, 0)
    assert np.abs(converted.astype(int) - rgb).max() == 0


@pytest.mark.parametrize(("tag", "black", "white"), [(1, 16, 235), (2, 0, 255)])
def test_grey_pictures_follow_their_range(tag, black, white):
    stored = np.full((16, 32), black, np.uint8)
    stored[:, 16:] = white
    frame = av.VideoFrame.from_ndarray(stored, "gray")
    frame.color_range = tag
    converted = RgbConverter()(frame)
    assert int(converted[:, :, :8].max()) <= 1
    assert int(converted[:, :, 24:].min()) >= 254


def test_a_converted_picture_is_freed_at_once(tmp_path, write_film):
    path = write_film(tmp_path / "film.mkv", [_frame("yuv420p", 1, full=False)] * 3, codec="ffv1")
    with av.open(str(path)) as container:
        pictures = container.decode(video=0)
        convert = RgbConverter()
        gc.collect()
        gc.disable()
        try:
            for _ in range(3):
                convert(next(pictures))
            # What only the collector can free is a decoded picture held for minutes.
            assert gc.collect() == 0
        finally:
            gc.enable()
