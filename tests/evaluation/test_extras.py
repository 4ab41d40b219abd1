"""Names become scores, each once, and what is no name is answered with those that are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from forecast.errors import UsageError
from forecast.evaluation.compared import Before
from forecast.evaluation.extras import EXTRAS, extras_named
from forecast.flow.dis import DisFlow
from forecast.labels import CAMVID


class OutOfThePicture:
    """Nothing was seen before."""

    name = "out"

    def __call__(self, reference, moving):
        return torch.full((2, *reference.size_hw), 1000.0)


def test_all_means_the_whole_table_and_nothing_is_built_twice():
    built = extras_named(["accuracy", "all", "boundary-f", "boundary-f:3px"], flow=DisFlow)
    assert [one.name for one in built] == [
        "accuracy",
        *[name for name in EXTRAS if name != "accuracy"],
        "boundary-f_3px",
    ]


@pytest.mark.parametrize("name", EXTRAS)
def test_every_figure_has_words_and_every_word_a_figure(name, compared, frame):
    rng = np.random.default_rng(0)
    labels, target = (rng.integers(0, 11, (32, 64)).astype(np.uint8) for _ in range(2))
    # Where all came into view, there is no neighbour to flicker against.
    (extra,) = extras_named([name], flow=DisFlow if name == "flicker" else OutOfThePicture)
    before = Before(labels=target, target_ids=labels, future=frame(2, (32, 64)))
    more = {"origin": frame(0, (32, 64)), "before": before, "latency_ms": 1.0}
    pair = compared(labels, target, CAMVID, **more)
    sums = np.stack([extra.sums(pair), extra.sums(pair)])
    figures = extra.figures(sums)
    assert set(figures) == set(extra.words)
    assert np.isfinite(list(figures.values())).all()
    once = extra.figures(sums[:1])
    assert figures == pytest.approx(once), "the same origin twice is worth what it is once"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("flicke", "known: accuracy, .* or all"),
        ("accuracy:3px", "write accuracy alone"),
        ("boundary-f:3", "boundary-f:3px or boundary-f:0.75%"),
        ("boundary-f:", "needed pixels"),
        ("boundary-f:0px", "needed pixels"),
        ("boundaries:200%", "needed pixels"),
        ("boundaries:nan%", "needed pixels"),
    ],
)
def test_what_means_nothing_is_refused(name, said):
    with pytest.raises(UsageError, match=said):
        extras_named([name], flow=DisFlow)


def test_a_tolerance_names_its_figure():
    built = extras_named(["boundary-f:3px", "boundary-f:0.75%", "boundaries:1%"], flow=DisFlow)
    assert [name for one in built for name in one.words] == [
        "boundary_f_3px",
        "boundary_f",
        "boundary_miou_1pct",
    ]
