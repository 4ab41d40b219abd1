"""From folders to a file of weights with its card; a run that is there already is continued."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from forecast.checkpoints import load_state, read_card
from forecast.errors import UsageError
from forecast.training.fit import Progress
from pipelines.train_predictor import TrainPredictorSettings, train_predictor
from pipelines.training_clips import prepare

FRAMES, H, W = 12, 32, 64


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two clips of a scene that slides by, each with its labels."""
    found: list[str] = []
    for seed, name in enumerate(("east", "west")):
        root = tmp_path_factory.mktemp("data") / name
        noise = np.random.default_rng(seed)
        labels = noise.integers(0, 19, (4, 16), np.uint8).repeat(8, 0).repeat(8, 1)
        colours = noise.integers(0, 255, (19, 3), np.uint8)
        for part in ("rgb", "label_trainid"):
            (root / part).mkdir(parents=True)
        for index in range(FRAMES):
            seen = labels[:, 4 * index : 4 * index + W]
            Image.fromarray(seen).save(root / "label_trainid" / f"{index:06}.png")
            Image.fromarray(colours[seen]).save(root / "rgb" / f"{index:06}.png")
        found.append(str(root))
    return found


def _train(folders: list[str], out: Path, **settings: object) -> Path:
    chosen = {"steps": 2, "batch": 1, "score_every": 2, "fps": 5.0, "held_out": ("west",)}
    asked = TrainPredictorSettings(**(chosen | settings))  # pyright: ignore[reportArgumentType]
    return train_predictor(folders, asked, out=out, segmenter=None)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("flow-guided-small", {}),
        ("s2s", {"width": 0.3, "unroll": 2}),
        ("x2x", {"width": 0.0625}),
        ("conv-lstm", {"width": 0.125}),
    ],
)
def test_training_leaves_weights_with_a_card(
    folders: list[str], tmp_path: Path, name: str, more: dict[str, object]
) -> None:
    path = _train(folders, tmp_path, predictor=name, **more)
    card = read_card(path)
    assert card.network == name
    assert [one.name for one in card.learnt_from] == ["east", "west"]
    assert "score" in card.scores
    assert load_state(path)


def test_a_finished_run_is_not_run_again(folders: list[str], tmp_path: Path) -> None:
    first = load_state(_train(folders, tmp_path, predictor="conv-lstm", width=0.125))
    told: list[Progress] = []
    settings = TrainPredictorSettings(
        predictor="conv-lstm",
        width=0.125,
        steps=2,
        batch=1,
        score_every=2,
        fps=5.0,
        held_out=("west",),
    )
    again = load_state(
        train_predictor(folders, settings, out=tmp_path, segmenter=None, report=told.append)
    )
    assert told == []
    assert all(bool((first[key] == again[key]).all()) for key in first)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"predictor": "oracle"}, "known: flow-guided-small"),
        ({"steps": 0, "batch": 0}, "steps is 0.*batch is 0"),
        ({"held_out": ("north",)}, "no clip is called 'north'"),
        ({"held_out": ("east", "west")}, "leave at least one"),
        ({"predictor": "s2s", "width": 0.25}, "width of at least 0.297"),
    ],
)
def test_what_cannot_be_is_said(
    folders: list[str], tmp_path: Path, wrong: dict[str, object], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        _train(folders, tmp_path, **wrong)


@pytest.mark.parametrize(
    ("spec", "says"),
    [("street", "street:24"), ("here=much", "DATA=WEIGHT"), ("street:x", "street:24")],
)
def test_a_malformed_spec_is_refused(tmp_path: Path, spec: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        prepare([spec], tmp_path, segmenter=None, grid_hw=(8, 16), fps=None, say=lambda _: None)


def test_unlabelled_pictures_need_a_segmenter(folders: list[str], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name a --segmenter"):
        prepare(
            [str(Path(folders[0]) / "rgb")],
            tmp_path,
            segmenter=None,
            grid_hw=(8, 16),
            fps=5.0,
            say=lambda _: None,
        )
