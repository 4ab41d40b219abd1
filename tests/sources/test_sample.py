"""The embedded sample opens anywhere and is fully annotated."""

from __future__ import annotations

import pytest

from forecast.errors import SourceError
from forecast.labels import CITYSCAPES
from forecast.sources.sample import SampleSource


def test_every_picture_has_a_label_map_of_its_size():
    sample = SampleSource()
    with sample.open() as frames:
        sizes = {frame.at.index: frame.size_hw for frame in frames}
    assert list(sizes) == list(sample.annotated)
    for index in (0, sample.num_frames - 1):
        ids = sample.label_map(index).ids
        assert tuple(ids.shape) == sizes[index]
        assert int(ids.max()) < CITYSCAPES.num_classes


def test_it_is_long_enough_for_mid_term_forecasts():
    assert SampleSource().num_frames / SampleSource().fps >= 4.0


def test_it_shows_people_and_cars():
    shown = set(SampleSource().label_map(90).ids.unique().tolist())
    assert {CITYSCAPES.id_of("person"), CITYSCAPES.id_of("car")} <= shown


def test_times_are_those_of_the_label_maps():
    sample = SampleSource()
    with sample.open({7}) as frames:
        assert next(frames).at.pts_s == pytest.approx(sample.label_map(7).at.pts_s, abs=1e-3)


def test_a_frame_beyond_the_end_is_named():
    with pytest.raises(SourceError, match="has no frame 999"):
        SampleSource().label_map(999)
