"""What a person may name as data, and where it is looked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from forecast.errors import SourceError, UsageError
from forecast.specs import (
    Spec,
    StreetShape,
    dataset_of,
    located,
    parsed,
    sources_of,
    training_sources,
)


def _pictures(folder: Path, count: int = 2) -> Path:
    folder.mkdir(parents=True)
    for index in range(count):
        Image.new("RGB", (64, 32), (index, 0, 0)).save(folder / f"{index:06}.png")
    return folder


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("drive", Spec(name="drive", fps=7.0)),
        ("drive=2", Spec(name="drive", fps=7.0, weight=2.0)),
        ("drive@12.5", Spec(name="drive", fps=12.5)),
        ("a/drive@15=0.5", Spec(name="a/drive", fps=15.0, weight=0.5)),
        ("street:1000-1023=0.35", Spec(name="street", split="1000-1023", fps=7.0, weight=0.35)),
        ("cityscapes:val", Spec(name="cityscapes", split="val", fps=7.0)),
        ("runs=3/drive", Spec(name="runs=3/drive", fps=7.0)),
    ],
)
def test_a_spec_has_a_name_a_split_a_rate_and_a_weight(text: str, spec: Spec):
    assert parsed(text, fps=7.0, weighed=True) == spec


@pytest.mark.parametrize("text", ["here=much", "here=0", "here@fast", "here@-1=2"])
def test_a_rate_or_weight_that_is_no_number_is_refused(text: str):
    with pytest.raises(UsageError, match="no number above 0; write DATA=WEIGHT"):
        parsed(text, fps=None)


def test_a_weight_means_nothing_outside_training():
    with pytest.raises(UsageError, match="only training knows"):
        parsed("drive=2")


@pytest.mark.parametrize("text", ["street:x", "street:9-3", "street:1-2-3", "street:-4"])
def test_streets_are_named_by_their_seeds(text: str):
    with pytest.raises(UsageError, match="such as street:7 or street:1000-1023"):
        sources_of(parsed(text))


@pytest.mark.parametrize("text", ["street", "street:7", "street:999-1001"])
def test_streets_that_judge_are_not_learnt_from(text: str):
    with pytest.raises(UsageError, match="below 1000 judge"):
        training_sources(parsed(text))


def test_a_street_is_the_same_street_in_every_command():
    shape = StreetShape(num_frames=20)
    (processed,) = sources_of(parsed("street:1007"))
    (evaluated,) = dataset_of(parsed("street:1007"), shape=shape).clips
    (taught,) = training_sources(parsed("street:1007"))
    assert processed.clip == evaluated.clip == taught.clip == "street_001007"
    with processed.open(only=[0]) as first, evaluated.open(only=[0]) as second:
        assert torch.equal(next(first).rgb, next(second).rgb)


def test_a_name_that_is_not_here_is_looked_for_below_the_data_folder(tmp_path, monkeypatch):
    _pictures(tmp_path / "data" / "sequences" / "drive")
    monkeypatch.delenv("FORECAST_DATA", raising=False)
    with pytest.raises(SourceError, match="FORECAST_DATA is not set"):
        training_sources(parsed("sequences/drive", fps=5.0))
    monkeypatch.setenv("FORECAST_DATA", str(tmp_path / "data"))
    (source,) = training_sources(parsed("sequences/drive", fps=5.0))
    assert (source.clip, source.fps) == ("drive", 5.0)
    assert located("sequences/dr*") == str(tmp_path / "data" / "sequences/dr*")
    with pytest.raises(SourceError, match=r"nor below .*data \(FORECAST_DATA\)"):
        training_sources(parsed("sequences/north", fps=5.0))


def test_what_is_here_comes_before_the_data_folder(tmp_path, monkeypatch):
    _pictures(tmp_path / "data" / "drive")
    _pictures(tmp_path / "here" / "drive")
    monkeypatch.setenv("FORECAST_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path / "here")
    assert located("drive") == "drive"


def test_of_a_data_set_with_splits_train_teaches(tmp_path):
    for split, first in (("train", 0), ("val", 100)):
        for part in (split, f"{split}annot"):
            (tmp_path / part).mkdir()
            for number in range(first, first + 3):
                Image.new("L", (64, 32)).save(tmp_path / part / f"0001TP_{number:06}.png")
        names = [f"{split}/0001TP_{number:06}.png" for number in range(first, first + 3)]
        (tmp_path / f"{split}.txt").write_text("\n".join(names))
    (taught,) = training_sources(parsed(str(tmp_path), fps=None))
    (judged,) = training_sources(parsed(f"{tmp_path}:val", fps=None))
    assert (judged.clip, taught.clip) == ("0001TP_00100", "0001TP_00000")


def test_a_folder_without_splits_has_none_to_name(tmp_path):
    _pictures(tmp_path / "drive")
    with pytest.raises(UsageError, match="has no splits, so no 'val'"):
        training_sources(parsed(f"{tmp_path / 'drive'}:val", fps=5.0))


def test_stills_are_the_annotated_pictures_of_the_training_split(tmp_path):
    for folder in ("train", "trainannot"):
        _pictures(tmp_path / folder, 2)
    for old in tmp_path.glob("*/*.png"):
        old.rename(old.with_name(f"0016E5_{old.name[1:]}"))
    names = [path.name for path in sorted((tmp_path / "train").iterdir())]
    lines = [f"/x/train/{name} /x/trainannot/{name}\n" for name in names]
    (tmp_path / "train.txt").write_text("".join(lines))
    clips = [one.clip for one in training_sources(parsed(f"{tmp_path}:stills", fps=None))]
    assert len(clips) == 2
    assert all("_still_" in one for one in clips)


@pytest.mark.parametrize("text", ["street:7", "drive@5", "drive"])
def test_what_a_run_records_can_be_named_from_any_folder(text, tmp_path, monkeypatch):
    _pictures(tmp_path / "drive")
    monkeypatch.chdir(tmp_path)
    spec = parsed(text, fps=5.0)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.delenv("FORECAST_DATA", raising=False)
    lasting = replace(
        spec, name=spec.name if spec.is_rendered else str(tmp_path / spec.name)
    ).lasting
    (found,) = sources_of(parsed(lasting))
    assert found.clip == ("street_000007" if spec.is_rendered else "drive")
