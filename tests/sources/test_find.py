from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forecast.errors import SourceError, UsageError
from forecast.labels import CAMVID, CITYSCAPES
from forecast.sources.find import find_dataset, find_sources

PICTURE = np.zeros((8, 16, 3), np.uint8)
IDS = np.zeros((8, 16), np.uint8)


@pytest.fixture
def drives(tmp_path, write_film, grey_frames, write_picture):
    for drive in ("one", "two"):
        write_film(_made(tmp_path / "films" / drive) / "front.mkv", grey_frames([1, 2]))
        for number in range(3):
            write_picture(tmp_path / "stills" / drive / "images" / f"{number}.png", PICTURE)
    return tmp_path


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _found(spec, fps=None):
    return [(type(one).__name__, one.clip) for one in find_sources(str(spec), fps=fps)]


def test_a_file_is_one_clip(drives):
    assert _found(drives / "films" / "one" / "front.mkv") == [("VideoSource", "front")]


def test_a_folder_of_films_is_a_clip_each(drives, write_film, grey_frames):
    write_film(drives / "films" / "one" / "rear10.mkv", grey_frames([1]))
    write_film(drives / "films" / "one" / "rear9.mkv", grey_frames([1]))
    expected = [("VideoSource", name) for name in ("front", "rear9", "rear10")]
    assert _found(drives / "films" / "one") == expected


def test_a_folder_of_pictures_is_one_clip_at_the_rate_given(drives):
    (source,) = find_sources(str(drives / "stills" / "one" / "images"), fps=12.0)
    assert (source.clip, source.num_frames, source.fps) == ("images", 3, 12.0)


def test_pictures_without_a_rate_ask_for_it(drives):
    with pytest.raises(UsageError, match="pass --fps"):
        find_sources(str(drives / "stills" / "one" / "images"), fps=None)


@pytest.mark.parametrize("ending", ["*/front.mkv", "*", "*/*.mkv"])
def test_films_of_one_name_are_told_apart_by_their_folders(drives, ending):
    names = [clip for _, clip in _found(drives / "films" / ending)]
    assert names == ["one_front", "two_front"]


@pytest.mark.parametrize("ending", ["*/images", "*/images/*.png"])
def test_folders_of_one_name_are_told_apart_by_their_parents(drives, ending):
    names = [clip for _, clip in _found(drives / "stills" / ending, fps=10.0)]
    assert names == ["one_images", "two_images"]


def test_films_that_differ_in_suffix_alone_keep_it(drives, write_film, grey_frames):
    folder = drives / "films" / "one"
    write_film(folder / "front.mp4", grey_frames([1]))
    assert {clip for _, clip in _found(folder)} == {"front.mkv", "front.mp4"}


def test_a_glob_may_mean_films_and_pictures(drives):
    kinds = {kind for kind, _ in _found(drives / "**" / "*.*", fps=10.0)}
    assert kinds == {"VideoSource", "ImageSource"}


@pytest.mark.parametrize("spec", ["none.mp4", "none/*.mp4"])
def test_what_is_not_there_is_said(tmp_path, spec):
    with pytest.raises(SourceError, match=r"is not there|matches no"):
        find_sources(str(tmp_path / spec), fps=None)


def test_an_address_is_referred_to_stream():
    with pytest.raises(UsageError, match="forecast stream"):
        find_sources("rtsp://camera/1", fps=None)


def test_a_folder_that_is_no_data_set_says_what_was_looked_for(tmp_path):
    with pytest.raises(UsageError, match=r"looked for a data set .cityscapes, camvid.*video files"):
        find_dataset(tmp_path)


def test_films_beside_pictures_must_be_named_apart(drives, write_picture):
    write_picture(drives / "films" / "one" / "thumb.png", PICTURE)
    with pytest.raises(UsageError, match="1 pictures and 1 videos; name one kind"):
        find_dataset(drives / "films" / "one", fps=10.0)


def _cityscapes(root, write_picture, *splits):
    for split in splits:
        name = "ulm_000000_000019"
        write_picture(root / "leftImg8bit" / split / "ulm" / f"{name}_leftImg8bit.png", PICTURE)
        write_picture(root / "gtFine" / split / "ulm" / f"{name}_gtFine_labelIds.png", IDS)
    return root


def test_cityscapes_is_anchored_and_its_split_is_val_or_the_only_one(tmp_path, write_picture):
    one = find_dataset(_cityscapes(tmp_path / "a", write_picture, "train"))
    both = find_dataset(_cityscapes(tmp_path / "b", write_picture, "train", "val"))
    assert (one.name, one.split, one.space, one.anchored) == (
        "cityscapes",
        "train",
        CITYSCAPES,
        True,
    )
    assert both.split == "val"
    assert find_dataset(tmp_path / "b", split="train").split == "train"


def test_several_splits_without_val_must_be_named(tmp_path, write_picture):
    root = _cityscapes(tmp_path, write_picture, "train", "extra")
    with pytest.raises(UsageError, match="splits there: extra, train"):
        find_dataset(root)


def test_camvid_is_found_with_its_val(tmp_path, write_picture):
    for number in (1, 3):
        write_picture(tmp_path / "val" / f"a_{number:05}.png", PICTURE)
        write_picture(tmp_path / "valannot" / f"a_{number:05}.png", IDS)
    found = find_dataset(tmp_path)
    assert (found.name, found.split, found.space, found.anchored) == (
        "camvid",
        "val",
        CAMVID,
        False,
    )
    assert len(find_sources(str(tmp_path), fps=None)) == 1


@pytest.fixture
def labelled(tmp_path, write_picture):
    for number in (0, 2, 4):
        write_picture(tmp_path / "clip" / "rgb" / f"{number:06}.jpg", PICTURE)
    write_picture(tmp_path / "clip" / "label_trainid" / "000002.png", IDS)
    return tmp_path / "clip"


def test_labelled_pictures_are_joined_by_name_at_the_rate_given(labelled):
    found = find_dataset(labelled, fps=12.0)
    (clip,) = found.clips
    assert (found.name, found.space, found.anchored) == ("labelled-images", CITYSCAPES, False)
    assert (clip.clip, clip.num_frames, clip.fps, clip.annotated) == ("clip", 3, 12.0, (1,))


def test_labelled_pictures_need_a_rate_and_a_common_name(labelled):
    with pytest.raises(UsageError, match="pass --fps"):
        find_dataset(labelled)
    (labelled / "label_trainid" / "000002.png").rename(labelled / "label_trainid" / "b.png")
    with pytest.raises(UsageError, match="none of one name"):
        find_dataset(labelled, fps=12.0)


def test_labels_may_hold_cityscapes_own_ids(labelled, write_picture):
    (labelled / "label_trainid" / "000002.png").unlink()
    (labelled / "label_trainid").rmdir()
    ids = np.zeros_like(IDS)
    ids[:1] = 26
    write_picture(labelled / "label_ids" / "000002.png", ids)
    (clip,) = find_dataset(labelled, fps=12.0).clips
    assert clip.annotated == (1,)
    car, void = CITYSCAPES.names.index("car"), CITYSCAPES.void_id
    named = clip.label_map(1).ids
    assert (named[:1] == car).all()
    assert (named[1:] == void).all()


def test_plain_pictures_and_films_are_data_sets_without_labels(labelled, drives):
    (labelled / "label_trainid" / "000002.png").unlink()
    (labelled / "label_trainid").rmdir()
    pictures = find_dataset(labelled, fps=12.0)
    film = find_dataset(drives / "films" / "one" / "front.mkv")
    assert (pictures.name, pictures.space, pictures.clips[0].clip) == ("images", None, "clip")
    assert (film.name, film.space, film.split) == ("video", None, None)
    with pytest.raises(UsageError, match="has no splits"):
        find_dataset(labelled, fps=12.0, split="val")


@pytest.mark.real_data
def test_every_real_sequence_is_found_by_one_glob(real_data):
    sources = find_sources(str(real_data / "sequences" / "*"), fps=10.0)
    folders = [one for one in (real_data / "sequences").iterdir() if one.is_dir()]
    assert len({source.clip for source in sources}) == len(sources) == len(folders) > 1
    labelled = find_dataset(real_data / "sequences" / "nvcb_carla_static_labelled", fps=12.0)
    assert len(labelled.clips[0].annotated) == 61
