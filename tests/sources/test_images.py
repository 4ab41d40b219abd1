from __future__ import annotations

import numpy as np
import pytest
import torch

from forecast.errors import SourceError
from forecast.sources import images
from forecast.sources.images import ImageSource
from forecast.sources.pictures import images_in


@pytest.fixture
def folder(tmp_path, write_picture):
    for number in (1, 2, 10, 9):
        level = np.full((8, 12, 3), number, np.uint8)
        write_picture(tmp_path / "drive" / f"frame{number}.png", level)
    (tmp_path / "drive" / "notes.txt").write_text("no picture")
    (tmp_path / "drive" / ".frame3.png").write_text("hidden")
    return tmp_path / "drive"


def _levels(source, only=None):
    with source.open(only) as frames:
        return [int(frame.rgb[0, 0, 0]) for frame in frames]


def test_pictures_come_in_natural_order(folder):
    paths = images_in(folder)
    assert [path.name for path in paths] == [f"frame{number}.png" for number in (1, 2, 9, 10)]


def test_times_follow_the_rate_unless_given(folder):
    paths = images_in(folder)
    by_rate = ImageSource(paths, clip="a", fps=4.0)
    by_time = ImageSource(paths, clip="a", fps=None, pts_s=[0.0, 0.1, 0.5, 0.6])
    with by_rate.open() as one, by_time.open() as other:
        assert [frame.at.pts_s for frame in one] == [0, 0.25, 0.5, 0.75]
        assert [frame.at.pts_s for frame in other] == [0, 0.1, 0.5, 0.6]


def test_only_the_files_asked_for_are_read(folder, monkeypatch):
    read = []
    original = images.read_rgb
    monkeypatch.setattr(images, "read_rgb", lambda path: read.append(path.name) or original(path))
    source = ImageSource(images_in(folder), clip="a", fps=4.0)
    assert _levels(source, {1, 3}) == [2, 10]
    assert read == ["frame2.png", "frame10.png"]


def test_the_odd_one_is_named_after_every_earlier_frame(folder, write_picture):
    write_picture(folder / "frame9.png", np.zeros((8, 14, 3), np.uint8))
    source = ImageSource(images_in(folder), clip="a", fps=4.0)
    got = []
    odd = r"frame9\.png is 14x8 where .* 12x8"
    with pytest.raises(SourceError, match=odd), source.open() as frames:
        got.extend(frames)
    assert len(got) == 2


def test_a_picture_cut_short_is_a_fault_after_every_earlier_frame(folder, write_picture):
    noise = np.random.default_rng(0).integers(0, 256, (8, 12, 3)).astype(np.uint8)
    path = write_picture(folder / "frame9.png", noise)
    path.write_bytes(path.read_bytes()[:150])
    source = ImageSource(images_in(folder), clip="a", fps=4.0)
    got = []
    with pytest.raises(SourceError, match=r"frame9\.png is cut short"), source.open() as frames:
        got.extend(frames)
    assert len(got) == 2


def test_a_missing_first_file_cannot_be_entered(folder):
    source = ImageSource([folder / "none.png"], clip="a", fps=4.0)
    with pytest.raises(SourceError, match="is not there"), source.open():
        pytest.fail("entered")


def test_several_pictures_without_a_rate_are_refused(folder):
    with pytest.raises(ValueError, match="needs fps"):
        ImageSource(images_in(folder), clip="a", fps=None)


def test_channels_are_red_green_blue(tmp_path, write_picture):
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[..., 0], pixels[..., 2] = 200, 30
    path = write_picture(tmp_path / "red.png", pixels)
    with ImageSource([path], clip="a", fps=None).open() as frames:
        assert torch.equal(next(frames).rgb, torch.from_numpy(pixels).permute(2, 0, 1))


def test_the_fingerprint_follows_content_and_order(folder):
    paths = images_in(folder)
    one = ImageSource(paths, clip="a", fps=4.0).fingerprint
    assert ImageSource(paths, clip="b", fps=4.0).fingerprint == one
    assert ImageSource(paths[::-1], clip="a", fps=4.0).fingerprint != one
    assert ImageSource(paths, clip="a", fps=5.0).fingerprint != one, "forecasts depend on time"
