from pathlib import Path

import pytest
import torch

from forecast.checkpoints import ModelCard, save
from forecast.errors import CheckpointError
from forecast.labels import CAMVID, CITYSCAPES, VOC
from forecast.segmentation.spaces import bare_space, cityscapes_order, space_of


@pytest.mark.parametrize("space", [CITYSCAPES, CAMVID, VOC])
def test_a_file_without_a_card_is_known_by_its_number_of_classes(space):
    assert space_of(Path("weights.pth"), space.num_classes) == space


def test_an_unknown_number_of_classes_gets_a_bare_space():
    space = space_of(Path("weights.pth"), 7)
    assert space.num_classes == len(set(entry.colour for entry in space.classes)) == 7
    assert space == bare_space(7)


def _saved(path: Path, space: str) -> Path:
    card = ModelCard(name="toy", network="toy", space=space, terms="none")
    save(path, {"weight": torch.zeros(1)}, card)
    return path


def test_the_card_says_the_space(tmp_path: Path):
    assert space_of(_saved(tmp_path / "toy.safetensors", "camvid"), 11) == CAMVID


def test_a_card_of_another_number_of_classes_is_refused(tmp_path: Path):
    with pytest.raises(CheckpointError, match="has 19 classes and its card says camvid"):
        space_of(_saved(tmp_path / "toy.safetensors", "camvid"), 19)


def test_classes_are_put_in_order_by_name():
    names = dict(enumerate(reversed(CITYSCAPES.names)))
    assert cityscapes_order(names) == list(range(18, -1, -1))
    assert cityscapes_order({0: "road", 1: "sky"}) is None
