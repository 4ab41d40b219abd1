"""What a report prints follows from the sums."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.confusion import mean_iou
from forecast.errors import UsageError
from forecast.evaluation.comparison import compare
from forecast.evaluation.rivals import is_reference, rival_of
from forecast.evaluation.summary import summarise
from forecast.labels import CAMVID
from forecast.scores import Scores, SnippetSums

K = CAMVID.num_classes


def scores(predictor, wrong, *, clips=("a",), num=36, horizon_s=0.2, first=9):
    rng = np.random.default_rng(7)
    sums = []
    for clip in clips:
        for index in range(num):
            base = np.eye(K, dtype=np.int64) * 1000
            spread = rng.integers(0, 10, (K, K)) * wrong
            sums.append(SnippetSums(clip=clip, origin_index=first + index, confusion=base + spread))
    return Scores(
        predictor=predictor,
        target="truth",
        horizon_s=horizon_s,
        served_s=horizon_s,
        steps=1,
        sums=sums,
        extras={"nll": 0.5},
    )


def table(**asked):
    return [
        scores("copy-last", 30, **asked),
        scores("flow-warp", 15, **asked),
        scores("s2s", 10, **asked),
        scores("ceiling", 0, **asked),
    ]


def by_name(results):
    return {one.predictor: one for one in results}


def test_rows_come_back_in_order_with_pooled_scores():
    rows = table()
    results = summarise(rows, CAMVID, fps_by_clip={"a": 4.0})
    assert [one.predictor for one in results] == [one.predictor for one in rows]
    pooled = sum(one.confusion for one in rows[2].sums)
    assert results[2].miou == mean_iou(pooled)
    assert results[2].num_origins == 36
    assert list(results[2].per_class) == list(CAMVID.names)
    assert results[2].extras == {"nll": 0.5}


def test_the_interval_holds_the_score_and_names_its_reach():
    found = by_name(summarise(table(), CAMVID, fps_by_clip={"a": 4.0}))["s2s"]
    assert found.ci95.low <= found.miou <= found.ci95.high
    assert found.ci95_moving.low <= found.miou_moving <= found.ci95_moving.high
    assert found.gain_ci95.low <= found.gain <= found.gain_ci95.high
    assert found.skill_ci95.low <= found.skill <= found.skill_ci95.high
    assert found.interval_note == "this sequence only"


def test_a_short_clip_says_that_it_is_too_short():
    (found,) = summarise([scores("copy-last", 30)], CAMVID, fps_by_clip={"a": 15.0})
    assert (found.ci95, found.ci95_moving, found.gain_ci95, found.skill_ci95) == (None,) * 4
    assert "too short to say: 6 blocks of 1.0 s are needed" in found.interval_note
    (sequence,) = found.sequences
    assert sequence.ci95 is None
    assert sequence.interval_note == found.interval_note


def test_gain_is_over_the_better_of_copy_and_warp():
    found = by_name(summarise(table(), CAMVID, fps_by_clip={"a": 4.0}))
    assert found["s2s"].rival == "flow-warp"
    assert found["s2s"].gain == pytest.approx(found["s2s"].miou - found["flow-warp"].miou)
    assert found["copy-last"].gain < 0
    assert found["flow-warp"].gain is None
    assert found["ceiling"].gain is None


def test_skill_is_nought_for_copying_and_one_for_the_ceiling():
    found = by_name(summarise(table(), CAMVID, fps_by_clip={"a": 4.0}))
    assert found["copy-last"].skill == 0
    assert found["ceiling"].skill == 1
    assert found["ceiling"].miou == 1
    assert 0 < found["flow-warp"].skill < found["s2s"].skill < 1


def test_a_few_drives_get_a_row_each_and_a_count_of_signs():
    asked = {"clips": ("a", "b", "c")}
    found = by_name(summarise(table(**asked), CAMVID, fps_by_clip=dict.fromkeys("abc", 4.0)))
    one = found["s2s"]
    assert one.ci95 is None
    assert [row.clip for row in one.sequences] == ["a", "b", "c"]
    assert all(row.ci95 is not None for row in one.sequences)
    assert (one.wins, one.losses) == (3, 0)
    assert (found["copy-last"].wins, found["copy-last"].losses) == (0, 3)


def test_eight_drives_get_a_pooled_interval():
    clips = tuple("abcdefgh")
    results = summarise(table(clips=clips, num=3), CAMVID, fps_by_clip={})
    assert results[2].ci95 is not None
    assert results[2].interval_note == "across 8 drives"


def test_different_origins_are_refused():
    rows = [scores("copy-last", 3), scores("s2s", 1, num=35)]
    with pytest.raises(UsageError, match="score both on the same ones"):
        summarise(rows, CAMVID, fps_by_clip={"a": 4.0})


def test_no_origins_are_refused_with_what_to_do():
    with pytest.raises(UsageError, match="ask for shorter ones"):
        summarise([scores("copy-last", 3, num=0)], CAMVID, fps_by_clip={"a": 4.0})


def test_the_order_of_sums_does_not_matter():
    rows = table()
    turned = [
        Scores(
            **{name: getattr(one, name) for name in one.__dataclass_fields__ if name != "sums"},
            sums=list(reversed(one.sums)),
        )
        for one in rows
    ]
    asked = {"fps_by_clip": {"a": 15.0}}
    assert summarise(rows, CAMVID, **asked) == summarise(turned, CAMVID, **asked)


def test_the_rival_is_chosen_at_each_horizon():
    assert (
        rival_of({"copy-last": 0.5, "flow-warp": 0.4, "flow-warp-splat": 0.6}) == "flow-warp-splat"
    )
    assert rival_of({"copy-last": 0.5, "flow-warp": 0.4, "s2s": 0.9}) == "copy-last"
    assert rival_of({"copy-last": float("nan"), "s2s": 0.9}) is None
    assert is_reference("ceiling")
    assert not is_reference("s2s")


def test_a_run_compared_with_itself_differs_by_exactly_nothing():
    runs = {"one": table(), "two": table()}
    rows = compare(runs, CAMVID, fps_by_clip={"a": 4.0})
    assert len(rows) == 8
    for row in rows:
        if row.run == "one":
            assert row.against is None
        else:
            assert row.against == row.predictor
            assert (row.difference, row.ci95.low, row.ci95.high) == (0, 0, 0)


def test_a_new_predictor_is_held_against_the_first_runs_rival():
    rows = compare({"one": table(), "two": [scores("new", 2)]}, CAMVID, fps_by_clip={"a": 4.0})
    (new,) = [row for row in rows if row.predictor == "new"]
    assert new.against == "flow-warp"
    assert new.difference > 0
    assert new.ci95.low > 0


def test_runs_are_paired_on_the_origins_they_share():
    runs = {"one": [scores("s2s", 5)], "two": [scores("s2s", 5, first=15)]}
    (_, second) = compare(runs, CAMVID, fps_by_clip={"a": 4.0})
    assert second.num_origins == 36
    assert second.num_paired == 30
