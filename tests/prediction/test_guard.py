"""`auto` never trusts a learned predictor with a segmenter whose habits it may not know."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from forecast.checkpoints import ModelCard, bundled_card
from forecast.labels import CAMVID, CITYSCAPES, LabelSpace
from forecast.prediction import guard
from forecast.prediction.guard import LEARNED, SAFE, gains_with, guarded
from forecast.stages import Segmenter

SCORES = {
    "score": 0.3,
    "dusk~known 0.2 s": -0.1,
    "dusk~known 0.6 s": 0.5,
    "night~loser 0.2 s": -0.4,
    "night~loser 0.6 s": 0.3,
    "night~daring 0.2 s": -0.6,
    "night~daring 0.6 s": 3.0,
    "dusk 0.6 s": 9.0,
}


def _segmenter(name: str, space: LabelSpace = CITYSCAPES) -> Segmenter:
    return cast("Segmenter", SimpleNamespace(name=name, space=space))


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    known = ModelCard(name=LEARNED, network=LEARNED, space="cityscapes", terms="", scores=SCORES)
    monkeypatch.setattr(guard, "bundled_card", lambda name: known)
    monkeypatch.setattr(guard, "bundled_names", lambda: (LEARNED,))


def test_gains_are_those_of_one_segmenter() -> None:
    assert gains_with("known", SCORES) == [-0.1, 0.5]
    assert gains_with("know", SCORES) == []
    assert gains_with("", SCORES) == []


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize(
    ("segmenter", "name"),
    [
        (_segmenter("known"), LEARNED),
        (_segmenter("loser"), SAFE),
        (_segmenter("daring"), SAFE),
        (_segmenter("never-seen"), SAFE),
        (_segmenter("known", CAMVID), SAFE),
        (None, SAFE),
    ],
)
def test_the_learned_one_forecasts_only_where_it_is_known_to_gain(
    segmenter: Segmenter | None, name: str
) -> None:
    assert guarded(segmenter) == name


def test_an_installation_without_its_weights_blends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "bundled_names", lambda: ())
    assert guarded(_segmenter("known")) == SAFE


def test_the_bundled_card_tells_what_was_gained_with_several_segmenters() -> None:
    scores = bundled_card(LEARNED).scores
    known = {name.partition("~")[2].split(" ")[0] for name in scores if "~" in name}
    assert len(known) >= 3
