from __future__ import annotations

import numpy as np
import pytest

from forecast.errors import SourceError
from forecast.labels import CITYSCAPES, TRAIN_ID_OF_LABEL_ID
from forecast.sources import images
from forecast.sources.datasets.cityscapes import (
    find_splits,
    is_cityscapes,
    open_cityscapes,
)

IDS = np.arange(48, dtype=np.uint8).reshape(6, 8)


@pytest.fixture
def tree(tmp_path, write_picture):
    """Writes snippets (city, sequence, first frame) as they are distributed."""

    def write(*snippets, split="val", kind="labelIds", num_frames=30):
        for city, sequence, first in snippets:
            for number in range(first, first + num_frames):
                name = f"{city}_{sequence:06}_{number:06}_leftImg8bit.png"
                pixels = np.full((6, 8, 3), number % 256, np.uint8)
                write_picture(tmp_path / "leftImg8bit_sequence" / split / city / name, pixels)
            name = f"{city}_{sequence:06}_{first + 19:06}_gtFine_{kind}.png"
            write_picture(tmp_path / "gtFine" / split / city / name, IDS)
        return tmp_path

    return write


def test_the_annotated_frame_is_index_19_of_30(tree):
    (snippet,) = open_cityscapes(tree(("ulm", 3, 0)), split="val")
    assert (snippet.clip, snippet.city) == ("ulm_000003_000019", "ulm")
    assert (snippet.num_frames, snippet.fps, snippet.annotated) == (30, 17.0, (19,))
    with snippet.open({7, 19}) as frames:
        assert [(frame.at.index, int(frame.rgb[0, 0, 0])) for frame in frames] == [(7, 7), (19, 19)]
    assert snippet.label_map(19).at.pts_s == pytest.approx(19 / 17)


def test_long_recordings_hold_several_snippets_by_their_annotations(tree):
    root = tree(("frankfurt", 0, 275), ("frankfurt", 0, 557), ("frankfurt", 1, 2001))
    snippets = open_cityscapes(root, split="val")
    assert [snippet.clip for snippet in snippets] == [
        "frankfurt_000000_000294",
        "frankfurt_000000_000576",
        "frankfurt_000001_002020",
    ]
    with snippets[0].open({0, 29}) as frames:
        assert [int(frame.rgb[0, 0, 0]) for frame in frames] == [275 - 256, 304 - 256]


def test_only_the_frames_asked_for_are_read(tree, monkeypatch):
    read = []
    original = images.read_rgb
    monkeypatch.setattr(images, "read_rgb", lambda path: read.append(path.name) or original(path))
    (snippet,) = open_cityscapes(tree(("ulm", 0, 0)), split="val")
    with snippet.open((7, 10, 13, 16)) as frames:
        list(frames)
    assert [name.split("_")[2] for name in read] == ["000007", "000010", "000013", "000016"]


def test_label_ids_become_train_ids_by_the_official_table():
    labels = pytest.importorskip("cityscapesscripts.helpers.labels")
    table = TRAIN_ID_OF_LABEL_ID
    for label in labels.labels:
        if label.id >= 0:
            expected = label.trainId if 0 <= label.trainId < 19 else CITYSCAPES.void_id
            assert table[label.id] == expected, label.name
    assert (table[34:] == CITYSCAPES.void_id).all()


def test_label_ids_and_train_ids_are_both_read_and_label_ids_win(tree, write_picture):
    root = tree(("ulm", 0, 0), kind="labelTrainIds")
    (snippet,) = open_cityscapes(root, split="val")
    ids = snippet.label_map(19).ids.flatten()
    assert ids[:20].tolist() == [*range(19), 255]
    path = root / "gtFine" / "val" / "ulm" / "ulm_000000_000019_gtFine_labelIds.png"
    write_picture(path, IDS)
    (snippet,) = open_cityscapes(root, split="val")
    assert snippet.label_map(19).ids.flatten()[:9].tolist() == [255] * 7 + [0, 1]


def test_instance_ids_keep_their_16_bits_where_there_are_any(tree, write_picture):
    root = tree(("ulm", 0, 0), ("ulm", 1, 0))
    path = root / "gtFine" / "val" / "ulm" / "ulm_000000_000019_gtFine_instanceIds.png"
    write_picture(path, IDS.astype(np.uint16) * 1000)
    first, second = open_cityscapes(root, split="val")
    ids = first.instance_ids(19)
    assert ids is not None
    assert ids.numpy().max() == 47000
    assert first.instance_ids(18) is None
    assert second.instance_ids(19) is None


def test_missing_frames_are_named_by_snippet_and_counted(tree):
    root = tree(("ulm", 0, 0), ("ulm", 1, 0), ("ulm", 2, 0))
    folder = root / "leftImg8bit_sequence" / "val" / "ulm"
    for number in (3, 4, 5, 9):
        (folder / f"ulm_000001_{number:06}_leftImg8bit.png").unlink()
    with pytest.raises(SourceError) as caught:
        open_cityscapes(root, split="val")
    message = str(caught.value)
    assert "incomplete in 1 of 3 snippets" in message
    assert "ulm_000001_000019 frames 3-5, 9" in message
    assert "\n" not in message


def test_a_missing_city_and_a_missing_split_are_named(tree):
    root = tree(("ulm", 0, 0), ("bonn", 0, 0))
    folder = root / "leftImg8bit_sequence" / "val" / "bonn"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    with pytest.raises(SourceError, match="lacks 1 of the 2 annotated cities: bonn"):
        open_cityscapes(root, split="val")
    with pytest.raises(SourceError, match=r"no Cityscapes split 'train'.* splits there: val"):
        open_cityscapes(root, split="train")


def test_annotations_of_another_kind_are_named(tree):
    root = tree(("ulm", 0, 0), kind="color")
    with pytest.raises(SourceError, match=r"holds no CITY/\*_gtFine_labelIds\.png"):
        open_cityscapes(root, split="val")


def test_without_sequences_each_annotated_frame_is_a_snippet_of_one(tmp_path, write_picture):
    for number in (1, 2):
        name = f"ulm_{number:06}_000019"
        picture = np.full((6, 8, 3), number, np.uint8)
        folder = tmp_path / "leftImg8bit" / "train" / "ulm"
        write_picture(folder / f"{name}_leftImg8bit.png", picture)
        write_picture(tmp_path / "gtFine" / "train" / "ulm" / f"{name}_gtFine_labelIds.png", IDS)
    snippets = open_cityscapes(tmp_path, split="train")
    assert [(one.num_frames, one.annotated) for one in snippets] == [(1, (0,)), (1, (0,))]
    assert find_splits(tmp_path) == ["train"]


def test_only_the_official_layout_is_cityscapes(tree, tmp_path):
    assert not is_cityscapes(tmp_path)
    assert is_cityscapes(tree(("ulm", 0, 0)))


@pytest.mark.real_data
def test_the_real_aachen_frames_are_eight_snippets_of_one(real_data):
    snippets = open_cityscapes(real_data / "cityscapes", split="train")
    assert len(snippets) == 8
    assert {snippet.city for snippet in snippets} == {"aachen"}
    with snippets[0].open() as frames:
        assert next(frames).size_hw == (1024, 2048)
    annotation = snippets[0].label_map(0)
    assert tuple(annotation.ids.shape) == (1024, 2048)
    assert set(annotation.ids.unique().tolist()) <= {*range(19), 255}
    instances = snippets[0].instance_ids(0)
    assert instances is not None
    assert int(instances.numpy().max()) >= 24000
