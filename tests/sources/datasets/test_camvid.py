from __future__ import annotations

import numpy as np
import pytest

from forecast.errors import SourceError
from forecast.labels import CAMVID
from forecast.sources.datasets.camvid import find_splits, is_camvid, open_camvid


@pytest.fixture
def write_split(tmp_path, write_picture):
    def write(split, names):
        for name in names:
            write_picture(tmp_path / split / f"{name}.png", np.zeros((8, 12, 3), np.uint8))
            ids = np.arange(96, dtype=np.uint8).reshape(8, 12) % 13
            write_picture(tmp_path / f"{split}annot" / f"{name}.png", ids)
        rows = (f"/S/{split}/{name}.png /S/{split}annot/{name}.png" for name in names)
        (tmp_path / f"{split}.txt").write_text("\n".join(rows) + "\n")
        return tmp_path

    return write


def _names(drive, numbers):
    return [f"{drive}_{number:05}" for number in numbers]


def test_numbers_two_apart_are_one_clip_at_15_hz(write_split):
    (clip,) = open_camvid(write_split("val", _names("0016E5", range(7959, 7979, 2))))
    assert (clip.clip, clip.num_frames, clip.fps) == ("0016E5_07959", 10, 15.0)
    assert clip.annotated == tuple(range(10))
    assert clip.space is CAMVID
    with clip.open({9}) as frames:
        assert next(frames).at.pts_s == pytest.approx(9 / 15)


def test_another_drive_or_step_or_a_hole_begins_a_new_clip(write_split):
    names = [
        *_names("0001TP", [30, 60, 90]),
        *(f"0006R0_f{number:05}" for number in (100, 130, 160, 400, 430, 460)),
        *_names("0016E5", [500, 530, 560, 562, 564]),
    ]
    clips = open_camvid(write_split("train", names), split="train")
    assert [(clip.clip, clip.num_frames, clip.fps) for clip in clips] == [
        ("0001TP_00030", 3, 1.0),
        ("0006R0_00100", 3, 1.0),
        ("0006R0_00400", 3, 1.0),
        ("0016E5_00500", 2, 1.0),
        ("0016E5_00560", 3, 15.0),
    ]


def test_a_label_one_number_late_does_not_cut_the_clip(write_split):
    numbers = [0, 30, 60, 91, 120, 150]
    (clip,) = open_camvid(write_split("train", _names("a", numbers)), split="train")
    assert clip.fps == 1.0
    with clip.open() as frames:
        assert [frame.at.pts_s for frame in frames] == pytest.approx([n / 30 for n in numbers])


def test_the_order_of_the_list_does_not_matter(write_split):
    names = _names("a", range(10, 30, 2))
    (clip,) = open_camvid(write_split("val", names[::-1]))
    assert [path.stem for path in clip.pictures.paths] == names


def test_ids_that_are_no_class_are_void(write_split):
    (clip,) = open_camvid(write_split("val", _names("a", range(0, 6, 2))))
    ids = clip.label_map(1).ids
    assert ids.unique().tolist() == list(range(12))
    assert ids.flatten()[12] == CAMVID.void_id


def test_missing_files_and_splits_are_named(write_split):
    root = write_split("val", _names("a", range(0, 20, 2)))
    (root / "valannot" / "a_00004.png").unlink()
    (root / "val" / "a_00010.png").unlink()
    with pytest.raises(SourceError, match=r"lacks 2 of 20 files: val/a_00010\.png, valannot"):
        open_camvid(root)
    with pytest.raises(SourceError, match="no CamVid split 'test'; splits there: val"):
        open_camvid(root, split="test")


def test_an_annotation_of_another_size_is_an_error(write_split, write_picture):
    root = write_split("val", _names("a", range(0, 6, 2)))
    write_picture(root / "valannot" / "a_00002.png", np.zeros((4, 4), np.uint8))
    (clip,) = open_camvid(root)
    with pytest.raises(SourceError, match=r"a_00002\.png is 4x4 where its picture is 12x8"):
        clip.label_map(1)


def test_only_the_tutorials_layout_is_camvid(write_split, tmp_path):
    assert not is_camvid(tmp_path)
    assert is_camvid(write_split("val", _names("a", [0, 2])))
    assert find_splits(tmp_path) == ["val"]


@pytest.mark.real_data
def test_the_real_val_is_one_clip_of_60_frames_at_15_hz(real_data):
    (clip,) = open_camvid(real_data / "camvid")
    assert (clip.num_frames, clip.fps, len(clip.annotated)) == (60, 15.0, 60)
    with clip.open({59}) as frames:
        last = next(frames)
    assert last.size_hw == (360, 480)
    assert last.at.pts_s == pytest.approx(59 / 15)
    assert set(clip.label_map(30).ids.unique().tolist()) <= set(range(12))


@pytest.mark.real_data
def test_the_real_train_is_five_clips_at_1_hz(real_data):
    clips = open_camvid(real_data / "camvid", split="train")
    assert [clip.num_frames for clip in clips] == [62, 101, 68, 120, 16]
    assert {clip.fps for clip in clips} == {1.0}
