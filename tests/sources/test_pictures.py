from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from forecast.errors import SourceError
from forecast.sources.pictures import read_ids, read_rgb, require_files, size_hw_of, some_names


def test_grey_alpha_and_palette_pictures_become_rgb(tmp_path):
    grey = Image.fromarray(np.full((4, 6), 77, np.uint8))
    for mode, name in (("L", "a.png"), ("RGBA", "b.png"), ("P", "c.png")):
        grey.convert(mode).save(tmp_path / name)
        rgb = read_rgb(tmp_path / name)
        assert tuple(rgb.shape) == (3, 4, 6)
        assert rgb.unique().tolist() == [77]


def test_exif_orientation_is_honoured(tmp_path):
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to see it upright
    Image.fromarray(pixels).save(tmp_path / "phone.png", exif=exif)
    rgb = read_rgb(tmp_path / "phone.png")
    assert tuple(rgb.shape) == (3, 16, 8)
    assert int(rgb[:, :8].min()) == 255
    assert int(rgb[:, 8:].max()) == 0


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_picture_without_its_end_is_an_error(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-1500])
    with pytest.raises(SourceError, match="cut short"):
        read_rgb(path)


@pytest.mark.parametrize(("stored", "said"), [(b"", "is empty"), (b"words", "no picture")])
def test_what_is_no_picture_is_an_error(tmp_path, stored, said):
    path = tmp_path / "a.png"
    path.write_bytes(stored)
    with pytest.raises(SourceError, match=said):
        read_rgb(path)
    with pytest.raises(SourceError, match="no label map"):
        read_ids(path)


def test_ids_are_as_stored_in_8_bits_16_bits_and_palettes(tmp_path):
    eight = np.arange(24, dtype=np.uint8).reshape(4, 6)
    sixteen = eight.astype(np.uint16) * 1000
    Image.fromarray(eight).save(tmp_path / "8.png")
    Image.fromarray(sixteen).save(tmp_path / "16.png")
    palette = Image.fromarray(eight, mode=None).convert("P")
    palette.putdata(eight.ravel().tolist())
    palette.putpalette([value for index in range(256) for value in (255 - index, 7, index)])
    palette.save(tmp_path / "p.png")
    assert (read_ids(tmp_path / "8.png") == eight).all()
    assert (read_ids(tmp_path / "16.png") == sixteen).all()
    assert (read_ids(tmp_path / "p.png") == eight).all()
    assert size_hw_of(tmp_path / "p.png") == (4, 6)


def test_a_coloured_label_map_is_an_error(tmp_path):
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(SourceError, match="3 channels"):
        read_ids(tmp_path / "a.png")


def test_missing_files_are_named_and_counted(tmp_path):
    paths = [tmp_path / f"{index}.png" for index in range(9)]
    paths[0].touch()
    with pytest.raises(SourceError, match=r"lacks 8 of 9 files: 1\.png, .* and 3 more; get them"):
        require_files(paths, root=tmp_path, remedy="get them")
    assert some_names(range(3)) == "0, 1, 2"
