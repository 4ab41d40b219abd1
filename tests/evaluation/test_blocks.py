"""Blocks are long against what neighbours share, and too few of them are refused."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.evaluation.blocks import (
    FEWEST_BLOCKS,
    MOST_BLOCKS,
    Origin,
    block_length,
    correlation_length,
    independent_blocks,
)
from forecast.scores import TOO_SHORT


def origins(num, clip="a", spacing=1):
    return [Origin(clip=clip, index=9 + one * spacing) for one in range(num)]


def counts(errors, classes=4):
    """Of each class 1000 pixels an origin, of which `errors` [N, classes] are called the next."""
    errors = np.broadcast_to(np.asarray(errors, np.int64), (len(errors), classes))
    found = np.zeros((len(errors), classes, classes), np.int64)
    here = np.arange(classes)
    found[:, here, here] = 1000 - errors
    found[:, here, (here + 1) % classes] = errors
    return found


def steady(num, classes=4):
    """Errors that turn their sign from origin to origin: neighbours are as unlike as can be."""
    signs = np.where(np.arange(num) % 2, 40, -40)
    return counts(np.repeat(100 + signs[:, None], classes, axis=1))


def slow(num, alike):
    """Waves that fall to 1/e after `alike` origins."""
    rng = np.random.default_rng(5)
    wave = rng.standard_normal((num, 4))
    kept = np.exp(-1 / alike)
    for step in range(1, num):
        wave[step] = kept * wave[step - 1] + np.sqrt(1 - kept**2) * wave[step]
    return counts(np.clip(200 + 40 * wave, 0, 1000))


def within(num, *, fps, spacing=1):
    found = steady(num)
    return independent_blocks(
        origins(num, spacing=spacing), [found], fps_by_clip={"a": fps}, drive_by_clip={}
    )


def test_a_block_lasts_at_least_a_second():
    assert block_length(range(9, 45), [steady(36)], 15.0) == 15
    assert block_length(range(0, 90, 3), [steady(30)], 15.0) == 5
    assert block_length(range(0, 90, 7), [steady(13)], 15.0) == 3


def test_a_block_is_long_against_what_neighbours_share():
    alike = correlation_length(slow(4000, 12.0))
    assert 8 < alike < 17
    length = block_length(range(4000), [steady(4000), slow(4000, 12.0)], 15.0)
    assert length == pytest.approx(10 * alike, abs=1)


def test_origins_that_are_unlike_share_nothing():
    assert correlation_length(steady(40)) == 0
    assert correlation_length(counts(np.full((40, 4), 100))) == 0


def test_blocks_are_runs_of_neighbours_of_nearly_one_length():
    found = within(100, fps=10.0)
    lengths = found.membership.sum(axis=1)
    assert lengths.sum() == 100
    assert lengths.max() - lengths.min() <= 1
    assert (found.membership.sum(axis=0) == 1).all()
    members = found.membership.argmax(axis=0)
    assert (np.diff(members) >= 0).all()
    assert (found.targets.sum(axis=0) == 100 * 1000).all()


@pytest.mark.parametrize(("seconds", "blocks"), [(5.9, None), (6, 6), (8, 8), (500, MOST_BLOCKS)])
def test_fewer_than_six_blocks_are_too_short_to_say(seconds, blocks):
    found = within(round(seconds * 10), fps=10.0)
    if blocks is None:
        assert found.membership is None
        assert TOO_SHORT in found.note
        assert (
            f"{FEWEST_BLOCKS} blocks of 1.0 s are needed, and 59 origins last 5.9 s" in found.note
        )
    else:
        assert len(found.membership) == blocks
        assert found.note == "this sequence only"


def test_eight_drives_are_blocks_and_seven_are_not():
    all_origins = [one for name in "abcdefgh" for one in origins(2, clip=name)]
    rows = [steady(16)]
    found = independent_blocks(all_origins, rows, fps_by_clip={}, drive_by_clip={})
    assert found.note == "across 8 drives"
    assert (found.membership.sum(axis=1) == 2).all()
    fewer = independent_blocks(all_origins, rows, fps_by_clip={}, drive_by_clip={"a": "b"})
    assert fewer.membership is None
    assert f"{TOO_SHORT}: 7 drives are too few" in fewer.note


def test_clips_of_one_drive_are_no_drives():
    both = [*origins(60), *origins(60, clip="b")]
    found = independent_blocks(
        both, [steady(120)], fps_by_clip={}, drive_by_clip={"a": "x", "b": "x"}
    )
    assert found.membership is None
    assert "1 drive is too few" in found.note


def test_where_no_class_is_seen_twice_nothing_can_be_said():
    found = np.zeros((8, 8, 8), np.int64)
    found[np.arange(8), np.arange(8), np.arange(8)] = 10
    clips = [one for name in "abcdefgh" for one in origins(1, clip=name)]
    blocks = independent_blocks(clips, [found], fps_by_clip={}, drive_by_clip={})
    assert blocks.membership is None
    assert blocks.note == f"{TOO_SHORT}: no class is seen in two blocks"


def test_no_origins_have_no_blocks():
    assert independent_blocks([], [], fps_by_clip={}, drive_by_clip={}).note == "no origins"
