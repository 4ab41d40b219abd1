"""What a person types becomes a refiner, or a sentence that says what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from forecast.errors import UsageError
from forecast.flow.dis import DisFlow
from forecast.refinement.build import REFINERS, build_refiner
from forecast.refinement.dense_crf import CrfSettings, DenseCrf
from forecast.stages import Refiner

FLOW = DisFlow()


@pytest.mark.parametrize("name", REFINERS)
def test_every_name_builds_a_refiner_with_a_fingerprint(name: str) -> None:
    refiner = build_refiner([name], flow=FLOW)
    assert isinstance(refiner, Refiner)
    assert refiner.fingerprint
    assert refiner.remembers == (name in ("temporal", "ema"))


def test_no_name_is_no_refiner_and_ema_is_temporal() -> None:
    assert build_refiner([], flow=FLOW) is None
    ema, temporal = (build_refiner([name], flow=FLOW) for name in ("ema", "temporal"))
    assert ema is not None
    assert temporal is not None
    assert ema.fingerprint == temporal.fingerprint


def test_a_chain_remembers_if_one_does_and_its_order_matters() -> None:
    chains = [
        build_refiner(names, flow=FLOW)
        for names in (["temporal", "dense-crf"], ["dense-crf", "temporal"])
    ]
    assert [one.name for one in chains if one] == ["temporal,dense-crf", "dense-crf,temporal"]
    assert all(one.remembers for one in chains if one)
    assert len({one.fingerprint for one in chains if one}) == 2


def test_settings_follow_the_name(tmp_path: Path) -> None:
    file = tmp_path / "crf.json"
    rows = [[1.0, 0.5], [0.0, 1.0]]
    file.write_text(json.dumps({"settings": {"weight": 2, "compatibility": rows}}))
    built = build_refiner([f"dense-crf:file={file}:num-iterations=3"], flow=FLOW)
    settings = CrfSettings(weight=2.0, compatibility=((1.0, 0.5), (0.0, 1.0)), num_iterations=3)
    assert built is not None
    assert built.fingerprint == DenseCrf(settings).fingerprint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("smooth", "known: temporal, ema, small-regions, dense-crf"),
        ("temporal:wait=1", "known: weight"),
        ("temporal:weight=much", "is no number"),
        ("temporal:weight", "is no number"),
        ("temporal:weight=2", "from 0 to below 1"),
        ("dense-crf:stride=1.5", "whole number"),
        ("dense-crf:file=none.json", "needed is JSON"),
        ("small-regions:smallest_share=-1", "from 0 to below 1"),
    ],
)
def test_what_does_not_fit_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        build_refiner([text], flow=FLOW)
