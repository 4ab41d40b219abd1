"""Data sets in their true formats, as they are typed: read, scored against themselves, counted."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from forecast.errors import SourceError
from forecast.labels import CAMVID, PASCAL_CONTEXT_59, PASCAL_CONTEXT_60, STANFORD, VOC
from forecast.sources.datasets.table import DATASETS, kind_of
from forecast.sources.find import find_dataset
from pipelines import cli

SIZES = [(24, 32), (32, 20), (16, 48)]
OTHER_ORDER = sorted(PASCAL_CONTEXT_59.names)
"""That of the PNGs that mmsegmentation makes: by name."""


def _picture(path, size_hw):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(path.name)).integers(0, 256, (*size_hw, 3))
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def _text(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def _ids(values, size_hw):
    """Stripes of the values, left to right."""
    columns = np.arange(size_hw[1]) * len(values) // size_hw[1]
    return np.repeat(np.asarray(values)[columns][None], size_hw[0], axis=0)


def _palette_png(path, ids, space):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(ids.astype(np.uint8), "P")
    picture.putpalette(space.palette().tobytes())
    picture.save(path)


@pytest.fixture
def voc(tmp_path):
    home = tmp_path / "VOCdevkit" / "VOC2012"
    for split, names in {"train": ["a", "b"], "val": ["c", "d", "e"]}.items():
        _text(home / "ImageSets/Segmentation" / f"{split}.txt", names)
        for name, size_hw in zip(names, SIZES, strict=False):
            _picture(home / "JPEGImages" / f"{name}.jpg", size_hw)
            ids = _ids([0, 255, 15, 20], size_hw)
            _palette_png(home / "SegmentationClass" / f"{name}.png", ids, VOC)
    return tmp_path


def _sbd(root, names):
    for split, members in names.items():
        _text(root / f"{split}.txt", members)
        for name in members:
            _picture(root / "img" / f"{name}.jpg", SIZES[0])
            ids = _ids([0, 15, 20], SIZES[0]).astype(np.uint8)
            (root / "cls").mkdir(exist_ok=True)
            savemat(root / "cls" / f"{name}.mat", {"GTcls": {"Segmentation": ids}})
    return root


def _context_mats(root):
    wide = [f"thing{one}" for one in range(459)]
    wide[7], wide[100], wide[458] = "bedcloth", "dining table", "sky"
    for place, name in zip(
        [one for one in range(459) if one not in (7, 100, 458)],
        [one for one in OTHER_ORDER if one not in ("bedclothes", "table", "sky")],
        strict=False,
    ):
        wide[place] = name
    _text(root / "labels.txt", [f"{one}: {name}" for one, name in enumerate(wide, start=1)])
    for split, name in (("train", "a"), ("val", "b")):
        _text(root / "ImageSets/SegmentationContext" / f"{split}.txt", [name])
        _picture(root / "JPEGImages" / f"{name}.jpg", SIZES[0])
        ids = _ids([0, 8, 101, 300, 459], SIZES[0]).astype(np.uint16)
        (root / "trainval").mkdir(exist_ok=True)
        savemat(root / "trainval" / f"{name}.mat", {"LabelMap": ids})
    return root


def _context_pngs(root, listed):
    _text(root / "ImageSets/SegmentationContext/val.txt", ["b"])
    _picture(root / "JPEGImages/b.jpg", SIZES[0])
    ids = _ids([0, 1, 2, 59], SIZES[0])
    _palette_png(root / "SegmentationClassContext/b.png", ids, PASCAL_CONTEXT_60)
    if listed is not None:
        lines = [f"{one}: {name}" for one, name in enumerate(listed, start=1)]
        _text(root / "SegmentationClassContext/59_labels.txt", lines)
    return root


@pytest.fixture
def stanford(tmp_path):
    for index in range(11):
        size_hw = SIZES[index % 3]
        _picture(tmp_path / "images" / f"{index:07}.jpg", size_hw)
        rows = _ids([-1, 0, 7], size_hw)
        lines = [" ".join(str(one) for one in row) for row in rows]
        _text(tmp_path / "labels" / f"{index:07}.regions.txt", lines)
    return tmp_path


@pytest.fixture
def colours(tmp_path):
    root = tmp_path / "CamVid"
    for number in (30, 60):
        name = f"0016E5_{number:05}"
        _picture(root / "701_StillsRaw_full" / f"{name}.png", (12, 16))
        drawn = [(128, 0, 192), (64, 64, 0), (0, 0, 0), (192, 128, 64)]
        pixels = np.array(drawn, np.uint8)[_ids([0, 1, 2, 3], (12, 16))]
        path = root / "LabeledApproved_full" / f"{name}_L.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
    return root


def _stripes(dataset, index=0):
    """The ids of one row of an annotation, one a stripe."""
    row = dataset.clips[0].label_map(index).ids.numpy()[0]
    changes = np.flatnonzero(np.diff(row.astype(np.int64))) + 1
    return [int(one) for one in row[[0, *changes]]]


def _score(root, out, *words):
    told = ["evaluate", str(root), "-o", str(out), "--segmenter", "annotations", *words]
    assert cli.main(told) == 0
    return json.loads((out / "report.json").read_text())


def test_voc_is_scored_by_21_classes_without_the_border(voc, tmp_path):
    report = _score(voc, tmp_path / "out", "--extras", "accuracy,per-image,components")
    (row,) = report["results"]
    assert (row["predictor"], row["miou"], row["num_origins"]) == ("ceiling", 1.0, 3)
    assert report["classes"] == list(VOC.names)
    assert [name for name, value in row["per_class"].items() if value is not None] == [
        "background",
        "person",
        "tv monitor",
    ]
    with np.load(tmp_path / "out" / "sums.npz") as sums:
        # A quarter of each picture is border.
        assert sums["confusion_0"].sum() == sum(h * w - h * w // 4 for h, w in SIZES)


def test_single_pictures_have_no_future(voc, tmp_path, capsys):
    words = ["evaluate", str(voc), "-o", str(tmp_path / "out"), "--horizons", "0.2"]
    assert cli.main([*words, "--segmenter", "annotations"]) == 2
    assert "no future to forecast" in capsys.readouterr().err


def test_augmented_pictures_that_judge_are_refused(voc):
    home = voc / "VOCdevkit" / "VOC2012"
    (home / "SegmentationClassAug").mkdir()
    for name in "abc":
        ids = (home / "SegmentationClass" / f"{name}.png").read_bytes()
        (home / "SegmentationClassAug" / f"{name}.png").write_bytes(ids)
    listing = home / "ImageSets/Segmentation/train_aug.txt"
    lines = [f"/JPEGImages/{one}.jpg /SegmentationClassAug/{one}.png" for one in "abc"]
    _text(listing, lines)
    with pytest.raises(SourceError, match="shares 1 of 3 pictures with VOC's val: c"):
        find_dataset(voc, split="train_aug")
    _text(listing, lines[:2])
    assert find_dataset(voc, split="train_aug").clips[0].num_frames == 2


def test_sbd_is_learnt_from_only_where_nothing_of_it_judges(voc, tmp_path):
    apart = _sbd(tmp_path / "alone" / "deep" / "deeper" / "sbd", {"train": ["a"], "val": ["z"]})
    with pytest.raises(SourceError, match="nowhere near to tell"):
        find_dataset(apart, split="train")
    beside = _sbd(voc / "sbd", {"train": ["a", "c"], "val": ["d", "x"]})
    with pytest.raises(SourceError, match="shares 1 of 2 pictures"):
        find_dataset(beside, split="train")
    found = find_dataset(beside, split="train_noval")
    assert [path.stem for path in found.clips[0].pictures.paths] == ["a", "x"]
    assert _stripes(found) == [0, 15, 20]


def test_context_is_told_by_its_list_and_scored_by_59_60_or_459(tmp_path):
    root = _context_mats(tmp_path / "context")
    names = PASCAL_CONTEXT_59
    bedclothes, table, sky = (names.id_of(one) for one in ("bedclothes", "table", "sky"))
    assert _stripes(find_dataset(root)) == [255, bedclothes, table, 255, sky]
    sixty = [0, bedclothes + 1, table + 1, 0, sky + 1]
    assert _stripes(find_dataset(root, split="val-60")) == sixty
    wide = find_dataset(root, split="val-459")
    assert wide.clips[0].label_map(0).ids.numpy().dtype == np.uint16
    assert _stripes(wide) == [65535, 7, 100, 299, 458]
    report = _score(root, tmp_path / "out", "--split", "val-459", "--extras", "all")
    (row,) = report["results"]
    assert row["miou"] == 1.0
    assert row["extras"]["pixel_accuracy"] == 1.0
    assert len(report["classes"]) == 459


@pytest.mark.parametrize("order", [list(PASCAL_CONTEXT_59.names), OTHER_ORDER])
def test_the_two_orders_of_the_59_mean_the_same_classes(tmp_path, order):
    found = find_dataset(_context_pngs(tmp_path, order))
    wanted = [PASCAL_CONTEXT_59.id_of(order[one]) for one in (0, 1, 58)]
    assert _stripes(found) == [255, *wanted]


def test_ids_without_a_list_are_not_guessed(tmp_path):
    with pytest.raises(SourceError, match="no list that tells which; put the list"):
        find_dataset(_context_pngs(tmp_path, None))
    _context_pngs(tmp_path, [*OTHER_ORDER[:-1], "unicorn"])
    with pytest.raises(SourceError, match="lacks wood, and has unicorn"):
        find_dataset(tmp_path)


def test_ids_less_one_in_16_bits_are_read(tmp_path):
    _text(tmp_path / "labels.txt", [f"{one}: thing{one}" for one in range(1, 460)])
    _picture(tmp_path / "images/validation/b.jpg", SIZES[0])
    path = tmp_path / "annotations_ctx459/validation/b.png"
    path.parent.mkdir(parents=True)
    Image.fromarray(_ids([65535, 0, 458], SIZES[0]).astype(np.uint16)).save(path)
    assert _stripes(find_dataset(tmp_path, split="val-459")) == [65535, 0, 458]


def test_stanford_has_five_folds_that_share_nothing_and_miss_nothing(stanford, tmp_path):
    parts = [find_dataset(stanford, split=f"fold{one}").clips[0] for one in range(5)]
    names = [path.stem for part in parts for path in part.pictures.paths]
    assert len(names) == len(set(names)) == 11
    taught = find_dataset(stanford, split="train0").clips[0].pictures.paths
    assert len(taught) == 11 - parts[0].num_frames
    assert not {path.stem for path in taught} & {one.stem for one in parts[0].pictures.paths}
    report = _score(stanford, tmp_path / "out")
    assert report["results"][0]["miou"] == 1.0
    assert report["protocol"]["split"] == "fold0"
    assert _stripes(find_dataset(stanford)) == [255, 0, 7]


def test_a_matrix_with_a_short_row_is_one_clear_line(stanford):
    path = next((stanford / "labels").glob("*.regions.txt"))
    path.write_text("0 1 2\n0 1\n")
    found = [find_dataset(stanford, split=f"fold{one}").clips[0] for one in range(5)]
    with pytest.raises(SourceError, match="is no matrix of whole numbers"):
        [clip.label_map(index) for clip in found for index in clip.annotated]


def test_camvid_colours_collapse_to_the_eleven(colours):
    found = find_dataset(colours)
    names = [CAMVID.names[one] if one < 11 else "void" for one in _stripes(found)]
    assert names == ["road", "pedestrian", "void", "pedestrian"]
    assert (found.split, found.clips[0].fps, found.drive_parts) == ("all", 1.0, 1)


def test_a_colour_that_is_no_class_is_refused(colours):
    path = next((colours / "LabeledApproved_full").iterdir())
    Image.new("RGB", (16, 12), (1, 2, 3)).save(path)
    with pytest.raises(SourceError, match=r"colour \(1, 2, 3\)"):
        find_dataset(colours).clips[0].label_map(0)


def test_check_counts_and_names_what_is_missing(voc, colours, capsys):
    assert cli.main(["datasets", "check", str(voc)]) == 0
    home = voc / "VOCdevkit" / "VOC2012"
    (home / "SegmentationClass" / "d.png").unlink()
    assert cli.main(["datasets", "check", str(voc)]) == 3
    said = " ".join(capsys.readouterr().out.split())
    assert "val 3 2 1449 1" in said
    assert "missing: VOCdevkit/VOC2012/SegmentationClass/d.png" in said
    assert cli.main(["datasets", "check", str(colours / "LabeledApproved_full")]) == 2


def test_check_compares_the_table_of_colours_with_segnets_labels(colours, capsys):
    for number, ids in ((30, [3, 9, 11, 9]), (60, [3, 9, 0, 0])):
        path = colours / "valannot" / f"0016E5_{number:05}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(_ids(ids, (6, 8)).astype(np.uint8)).save(path)
    assert cli.main(["datasets", "check", str(colours)]) == 0
    # Of six stripes that count in both, one differs.
    assert "83.33 % of pixels agree" in " ".join(capsys.readouterr().out.split())


def test_the_list_names_every_data_set_with_its_terms(capsys):
    assert cli.main(["datasets"]) == 0
    said = capsys.readouterr().out
    for name, kind in DATASETS.items():
        assert name in said
        assert kind.terms
        assert kind.origin


def test_a_folder_of_anything_else_is_no_data_set(tmp_path):
    assert kind_of(tmp_path) is None


def test_stanfords_classes_are_eight():
    assert STANFORD.num_classes == 8


@pytest.mark.real_data
def test_camvid_as_it_lies_is_whole(real_data, capsys):
    assert cli.main(["datasets", "check", str(real_data / "camvid")]) == 0
    assert "train 367 367 367 0" in " ".join(capsys.readouterr().out.split())
