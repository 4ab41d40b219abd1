"""Patterns that fit nothing or everything are refused, and the clips are named."""

from __future__ import annotations

import pytest

from forecast.errors import UsageError
from forecast.training.data.choosing import judging, left_after

CLIPS = ["0006R0_00930", "0016E5_00390", "0016E5_08430", "Seq05VD_00000"]


def test_patterns_and_names_choose_in_the_order_of_the_clips():
    assert left_after(CLIPS, ["0016E5*"]) == ["0006R0_00930", "Seq05VD_00000"]
    assert judging(CLIPS, ["Seq*", "0006R0_00930"]) == ["0006R0_00930", "Seq05VD_00000"]
    assert judging(CLIPS, ["0016E5_00390", "0016*"]) == CLIPS[1:3]


def test_nothing_named_leaves_all_and_judges_by_the_last():
    assert left_after(CLIPS, []) == CLIPS
    assert judging(CLIPS, []) == ["Seq05VD_00000"]


def test_a_name_with_brackets_means_itself():
    assert judging(["a[1]", "b"], ["a[1]"]) == ["a[1]"]


@pytest.mark.parametrize("choose", [left_after, judging])
def test_a_pattern_that_fits_nothing_is_named_with_the_clips(choose):
    option = "--without" if choose is left_after else "--held-out"
    with pytest.raises(UsageError) as caught:
        choose(CLIPS, ["0016E5*", "0017*"])
    said = str(caught.value)
    assert said == f"no clip is called '0017*'; name some of these with {option}: " + ", ".join(
        CLIPS
    )


def test_a_pattern_that_fits_everything_is_named_with_the_clips():
    with pytest.raises(UsageError, match=r"--without \* leaves out every clip \(0006R0_00930, "):
        left_after(CLIPS, ["*"])
    with pytest.raises(UsageError, match=r"every clip is held out by --held-out \*_0\* .*Seq05VD"):
        judging(CLIPS, ["*_0*"])


def test_one_clip_cannot_teach_and_judge():
    with pytest.raises(UsageError, match="there is only 0006R0_00930; name at least two"):
        judging(CLIPS[:1], [])
