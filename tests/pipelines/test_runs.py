"""The committed run files: sound, free of this machine, and ready to start."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from forecast.api.settings import checked
from forecast.checkpoints import bundled_card, bundled_names, read_card
from forecast.specs import parsed
from pipelines import cli
from pipelines.config import read_toml
from pipelines.train_settings import TrainPredictorSettings, TrainSegmenterSettings

RUNS = Path(cli.__file__).parent / "runs"
FILES = sorted(RUNS.glob("*.toml"))
TABLES = {"predictor": TrainPredictorSettings, "segmenter": TrainSegmenterSettings}
JUDGED = ("camvid:val", "0aef6f94", "car_input_city", "kitti", "ar_3", "yolop", "solidWhiteRight")
"""docs/splits.md: never trained on, never chosen by."""


def _settings(path: Path):
    ((kind, table),) = tomllib.loads(path.read_text())["train"].items()
    values = {
        key: tuple(value) if isinstance(value, list) else value for key, value in table.items()
    }
    return TABLES[kind](**values)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_run_file_is_sound(path: Path):
    read_toml(path, {f"train.{name}": one for name, one in TABLES.items()})
    settings = checked(_settings(path))
    named = [parsed(one, fps=settings.fps, weighed=True) for one in settings.data]
    assert len(named) >= 2
    assert not any(Path(one.name).is_absolute() for one in named)
    assert not any(Path(one).is_absolute() for one in settings.teacher_weights)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_run_file_never_names_what_judges(path: Path):
    settings = _settings(path)
    assert not [
        name for name in (*settings.data, *settings.held_out) for one in JUDGED if one in name
    ]


def test_every_bundled_file_has_a_run_that_makes_its_network():
    made = {
        settings.predictor if isinstance(settings, TrainPredictorSettings) else settings.network
        for settings in (_settings(path) for path in FILES)
    }
    assert {bundled_card(name).name for name in bundled_names()} <= made


def _clip(folder: Path, seed: int) -> None:
    noise = np.random.default_rng(seed)
    labels = noise.integers(0, 19, (4, 16), np.uint8).repeat(8, 0).repeat(8, 1)
    colours = noise.integers(0, 255, (19, 3), np.uint8)
    for part in ("rgb", "label_trainid"):
        (folder / part).mkdir(parents=True)
    for index in range(12):
        seen = labels[:, 4 * index : 4 * index + 64]
        Image.fromarray(seen).save(folder / "label_trainid" / f"{index:06}.png")
        Image.fromarray(colours[seen]).save(folder / "rgb" / f"{index:06}.png")


@pytest.mark.parametrize("name", ["flow-guided-small", "flow-rollout-small", "s2s", "s2s-unrolled"])
def test_a_run_starts_on_other_data(tmp_path: Path, name: str):
    """Flags win over the file: the data, who judges, and how long."""
    for seed, clip in enumerate(("east", "west")):
        _clip(tmp_path / clip, seed)
    words = ["train", "predictor", "--config", str(RUNS / f"{name}.toml")]
    data = [str(tmp_path / "east"), f"{tmp_path / 'west'}=2"]
    flags = ["--held-out", "west", "--without", "", "--fps", "5", "--steps", "1", "--batch", "1"]
    assert cli.main([*words, *data, *flags, "-o", str(tmp_path / "out")]) == 0
    (weights,) = (tmp_path / "out").glob("*.safetensors")
    card = read_card(weights)
    settings = _settings(RUNS / f"{name}.toml")
    assert card.recipe["learning_rate"] == str(settings.learning_rate)
    assert card.recipe["held_out"] == "west"


def test_data_that_replaces_a_list_must_say_who_judges(tmp_path: Path, capsys):
    for seed, clip in enumerate(("east", "west")):
        _clip(tmp_path / clip, seed)
    words = ["train", "predictor", "--config", str(RUNS / "s2s.toml"), "-o", str(tmp_path / "out")]
    assert cli.main([*words, str(tmp_path / "east"), str(tmp_path / "west"), "--fps", "5"]) == 2
    assert "name some of these with --held-out: east, west" in capsys.readouterr().err
