"""Rendered streets as Cityscapes is distributed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from forecast.errors import StorageError, UsageError
from forecast.labels import LABEL_ID_OF_TRAIN_ID, TRAIN_ID_OF_LABEL_ID
from forecast.sources.datasets.cityscapes import open_cityscapes
from forecast.storage.cityscapes_folder import write_cityscapes
from forecast.synthetic.street.source import StreetSource, street_snippets

SIZE = (32, 64)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cityscapes")
    streets = street_snippets(2, first_seed=5, size_hw=SIZE)
    write_cityscapes(folder, streets, split="val", city="street")
    return folder


def test_names_are_the_official_ones(written):
    names = sorted(path.name for path in (written / "gtFine" / "val" / "street").iterdir())
    kinds = ("instanceIds", "labelIds", "labelTrainIds")
    assert names == [f"street_{n:06}_000019_gtFine_{kind}.png" for n in range(2) for kind in kinds]
    sequence = written / "leftImg8bit_sequence" / "val" / "street"
    assert len(list(sequence.glob("street_000001_*_leftImg8bit.png"))) == 30


def test_nothing_half_written_stays(written):
    assert not list(written.rglob(".*"))


def test_the_reader_gets_back_what_was_rendered(written):
    clip = open_cityscapes(written, split="val")[1]
    street = StreetSource(seed=6, size_hw=SIZE)
    assert list(clip.annotated) == [19]
    assert torch.equal(clip.label_map(19).ids, street.label_map(19).ids)
    with clip.open({4}) as frames:
        assert torch.equal(next(frames).rgb, street.frame(4).rgb)


def test_instances_are_sixteen_bit_label_ids_times_a_thousand(written):
    truth = written / "gtFine" / "val" / "street"
    instances = np.asarray(Image.open(truth / "street_000000_000019_gtFine_instanceIds.png"))
    labels = np.asarray(Image.open(truth / "street_000000_000019_gtFine_labelIds.png"))
    assert instances.max() >= 24_000
    assert (np.where(instances >= 1000, instances // 1000, instances) == labels).all()


def test_label_ids_and_train_ids_are_the_official_table():
    labels = pytest.importorskip("cityscapesscripts.helpers.labels").labels
    for label in labels:
        if 0 <= label.id < 256:
            assert TRAIN_ID_OF_LABEL_ID[label.id] == label.trainId
        if 0 <= label.trainId < 19:
            assert LABEL_ID_OF_TRAIN_ID[label.trainId] == label.id


def test_a_snippet_too_short_to_annotate_is_refused(tmp_path):
    short = street_snippets(1, first_seed=0, size_hw=SIZE, num_frames=19)
    with pytest.raises(UsageError, match="frame 19"):
        write_cityscapes(tmp_path, short, split="val", city="street")
    assert not (tmp_path / "gtFine").exists()


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "taken").write_text("")
    streets = street_snippets(1, first_seed=0, size_hw=SIZE, num_frames=20)
    with pytest.raises(StorageError, match="taken"):
        write_cityscapes(tmp_path / "taken", streets, split="val", city="street")
