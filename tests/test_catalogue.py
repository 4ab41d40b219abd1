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
    named = SimpleNamespace(space=space, name="espnetv2-s2.0")
    segmenter = None if space is None else cast("Segmenter", named)
    return build_predictor(name, flow=DisFlow(), segmenter=segmenter, placement=place("cpu"))


@pytest.mark.parametrize(
    ("space", "name"),
    [
        (CITYSCAPES, "flow-warp-blend"),
        (None, "flow-guided-small"),
        (CAMVID, "flow-warp-blend"),
        (VOC, "flow-warp-blend"),
    ],
)
def test_auto_is_what_loses_with_no_segmenter(space: LabelSpace | None, name: str) -> None:
    assert _built(AUTO, space).name == name


@pytest.mark.parametrize("name", ["flow-guided-base", "s2s-dil", "conv-lstm"])
def test_a_predictor_that_is_not_bundled_asks_for_its_weights(name: str) -> None:
    assert name in PREDICTORS
    with pytest.raises(CheckpointError, match=name):
        _built(name, CITYSCAPES)
