"""A small report with two predictors, references and pictures."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.labels import CAMVID
from forecast.report.contents import Report
from forecast.report.pictures import picture_row
from forecast.scores import FigureWords, Interval, Result, Scores, SequenceResult, SnippetSums

MIOUS = {"s2s": 0.55, "copy-last": 0.4, "flow-warp": 0.5, "ceiling": 0.9}


def result(name, *, horizon_s=0.2, target="truth", clips=1, miou=None, **changed):
    score = MIOUS[name] if miou is None else miou
    reference = name != "s2s"
    per_class = dict.fromkeys(CAMVID.names, score) | {"fence": float("nan")}
    sequences = tuple(
        SequenceResult(
            clip=f"clip{one}",
            num_origins=3,
            miou=score,
            miou_moving=score / 2,
            ci95=None,
            interval_note="this sequence only, and too short to say",
            gain=None if reference else 0.05,
        )
        for one in range(clips)
    )
    fields = {
        "predictor": name,
        "target": target,
        "horizon_s": horizon_s,
        "served_s": horizon_s,
        "steps": 1,
        "num_origins": 36,
        "miou": score,
        "miou_moving": score / 2,
        "per_class": per_class,
        "ci95": Interval(low=score - 0.02, high=score + 0.02),
        "ci95_moving": None,
        "skill": (score - 0.4) / 0.5,
        "skill_ci95": None,
        "is_reference": reference,
        "rival": "flow-warp",
        "gain": None if name in ("flow-warp", "ceiling") else score - 0.5,
        "gain_ci95": None,
        "interval_note": "this sequence only",
        "wins": 0 if reference else clips,
        "losses": 0,
        "sequences": sequences,
        "extras": {"nll": 1 - score},
    }
    return Result(**(fields | changed))


def scores(name, horizon_s=0.2):
    rng = np.random.default_rng(len(name))
    sums = tuple(
        SnippetSums(
            clip=clip,
            origin_index=index,
            confusion=rng.integers(0, 50, (11, 11)).astype(np.int64),
        )
        for clip in ("b", "a")
        for index in (9, 10)
    )
    return Scores(
        predictor=name,
        target="truth",
        horizon_s=horizon_s,
        served_s=horizon_s,
        steps=None,
        sums=sums,
    )


def small_report(**changed):
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (32, 64, 3)).astype(np.uint8)
    ids = rng.integers(0, 11, (32, 64)).astype(np.uint8)
    fields = {
        "title": "CamVid <val> & more",
        "space": CAMVID,
        "protocol": {"dataset": "camvid", "fps_by_clip": {"a": 15.0}},
        "protocol_hash": "0123456789abcdef",
        "protocol_words": ("A predictor sees 4 frames.",),
        "results": tuple(result(name, horizon_s=one) for one in (0.2, 0.6) for name in MIOUS),
        "scores": (scores("s2s"), scores("copy-last")),
        "pictures": (
            picture_row(
                clip="a",
                origin_index=9,
                horizon_s=0.2,
                origin_rgb=rgb,
                target_rgb=rgb,
                target_ids=ids,
                predicted_ids={"s2s": np.roll(ids, 1, axis=1)},
                space=CAMVID,
            ),
        ),
        "extras": {
            "nll": FigureWords(title="Likelihood", about="Nats a pixel.", lower_is_better=True)
        },
        "environment": {"commit": "abc", "seed": 0},
        "notes": ("This sequence only.",),
    }
    return Report(**(fields | changed))


@pytest.fixture
def report():
    return small_report()


@pytest.fixture
def make_report():
    return small_report


@pytest.fixture
def make_result():
    return result
