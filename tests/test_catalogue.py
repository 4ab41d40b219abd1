"""Names that stand for stages."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from forecast.catalogue import AUTO, PREDICTORS, build_predictor
from forecast.device import place
from forecast.errors import CheckpointError
from forecast.flow.dis import DisFlow
from forecast.labels import CAMVID, CITYSCAPES, VOC, LabelSpace
from forecast.stages import Predictor, Segmenter


def _built(name: str, space: LabelSpace | None) -> Predictor:
    segmenter = None if space is None else cast("Segmenter", SimpleNamespace(space=space))
    return build_predictor(name, flow=DisFlow(), segmenter=segmenter, placement=place("cpu"))


@pytest.mark.parametrize(
    ("space", "name"),
    [
        (CITYSCAPES, "flow-guided-small"),
        (None, "flow-guided-small"),
        (CAMVID, "flow-warp"),
        (VOC, "flow-warp"),
    ],
)
def test_auto_is_the_learned_predictor_where_it_learnt_the_classes(
    space: LabelSpace | None, name: str
) -> None:
    assert _built(AUTO, space).name == name


@pytest.mark.parametrize("name", ["flow-guided-base", "s2s-dil", "conv-lstm"])
def test_a_predictor_that_is_not_bundled_asks_for_its_weights(name: str) -> None:
    assert name in PREDICTORS
    with pytest.raises(CheckpointError, match=name):
        _built(name, CITYSCAPES)
