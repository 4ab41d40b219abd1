"""Clips on disk, samples of them, and the same samples seen another way."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from forecast.errors import SourceError, UsageError
from forecast.flow.dis import DisFlow
from forecast.labels import CITYSCAPES
from forecast.training.data.augment import augmented
from forecast.training.data.clips import Clip, ClipHeader, ClipWriter
from forecast.training.data.evenly import EvenDrawer
from forecast.training.data.label_noise import as_if_segmented
from forecast.training.data.samples import SampleDrawer, SampleSettings, sample_at
from forecast.training.data.stored_flow import StoredFlow
from forecast.values import Frame, Instant, LabelMap, Segmentation

GRID = (8, 16)
PICTURE = (16, 32)
SCENE = (32, 64)
"""Larger than what is kept."""
N = 16


def _written(folder: Path, *, truth: bool, name: str = "a") -> Clip:
    header = ClipHeader(
        name=name, num_frames=N, frame_s=1 / 15, grid_hw=GRID, space="cityscapes", fingerprint="x"
    )
    generator = torch.Generator().manual_seed(3)
    wide = torch.nn.functional.interpolate(
        torch.rand(1, 3, 10, 40, generator=generator) * 255, scale_factor=4.0, mode="bilinear"
    )[0]
    labels = torch.randint(0, 19, (8, 40), generator=generator).repeat_interleave(4, 0)
    labels = labels.repeat_interleave(4, 1).byte()
    with ClipWriter(folder, header, soft=not truth, truth=truth) as writer:
        for index in range(N):
            at = Instant(clip=name, index=index, pts_s=index / 15)
            frame = Frame(at=at, rgb=wide[:, : SCENE[0], 4 * index : 4 * index + 64].byte())
            ids = labels[:, 4 * index : 4 * index + 64].contiguous()
            seen = Segmentation(at=at, space=CITYSCAPES, size_hw=SCENE, ids=ids)
            label_map = LabelMap(at=at, space=CITYSCAPES, ids=ids)
            writer.add(frame, None if truth else seen, label_map if truth else None)
    return Clip(folder)


@pytest.mark.parametrize("truth", [True, False])
def test_a_clip_comes_back_as_it_was_written(tmp_path: Path, *, truth: bool) -> None:
    clip = _written(tmp_path / "a", truth=truth)
    assert clip.has_truth is truth
    assert clip.header.num_frames == N
    assert clip.frame(3).rgb.shape == (3, *PICTURE)
    assert torch.allclose(clip.soft(3).sum(dim=0), torch.ones(GRID), atol=0.01)
    assert torch.equal(clip.soft(3).argmax(dim=0).byte(), clip.ids(3))


def test_a_clip_that_was_cut_short_is_no_clip(tmp_path: Path) -> None:
    _written(tmp_path / "a", truth=True)
    header = Clip(tmp_path / "a").header
    with pytest.raises(RuntimeError), ClipWriter(tmp_path / "a", header, soft=False, truth=True):
        raise RuntimeError
    with pytest.raises(SourceError, match="prepare it again"):
        Clip(tmp_path / "a")


def test_a_sample_holds_the_strided_past_and_the_labels_that_came_true(tmp_path: Path) -> None:
    clip = _written(tmp_path / "a", truth=True)
    sample = sample_at(clip, DisFlow(), 9, 3, [1, 5], 4, hard=True)
    assert sample.maps.shape == (4, 19, *GRID)
    assert torch.equal(sample.maps[-1].argmax(dim=0).byte(), clip.ids(9))
    assert torch.equal(sample.maps[0].argmax(dim=0).byte(), clip.ids(0))
    assert torch.equal(sample.targets[1].ids, clip.ids(14))
    assert sample.older_flows.shape == (3, 2, *GRID)


def test_flows_are_in_grid_pixels(tmp_path: Path) -> None:
    clip = _written(tmp_path / "a", truth=True)
    sample = sample_at(clip, DisFlow(), 9, 2, [1], 4, hard=True)
    # 4 picture pixels a frame to the left are 1 of the grid, and 2 over a stride of 2.
    inner = (slice(2, -2), slice(4, -4))
    assert sample.flow[0][inner].median() == pytest.approx(1.0, abs=0.15)
    assert sample.older_flows[0, 0][inner].median() == pytest.approx(2.0, abs=0.3)


def test_equal_generators_draw_equal_samples(tmp_path: Path) -> None:
    clips = [_written(tmp_path / "a", truth=True), _written(tmp_path / "b", truth=False, name="b")]
    drawer = SampleDrawer(clips, [1.0, 1.0], DisFlow(), SampleSettings())
    pair = [drawer.draw(torch.Generator().manual_seed(5)) for _ in range(2)]
    assert torch.equal(pair[0].maps, pair[1].maps)
    assert torch.equal(pair[0].targets[0].ids, pair[1].targets[0].ids)


def test_no_clips_are_refused() -> None:
    with pytest.raises(UsageError, match="no clips to learn from"):
        SampleDrawer([], [], DisFlow(), SampleSettings())


def test_a_whole_window_changes_nothing_but_perhaps_the_side(tmp_path: Path) -> None:
    sample = sample_at(_written(tmp_path / "a", truth=True), DisFlow(), 9, 3, [2], 4, hard=True)
    sides: set[bool] = set()
    for seed in range(12):
        seen = augmented(sample, GRID, torch.Generator().manual_seed(seed))
        flipped = torch.equal(seen.targets[0].ids, sample.targets[0].ids.flip(-1))
        expected = sample.maps.flip(-1) if flipped else sample.maps
        if seen.maps.shape == expected.shape and torch.equal(seen.maps, expected):
            sides.add(flipped)
            assert torch.allclose(
                seen.flow[0], -sample.flow[0].flip(-1) if flipped else sample.flow[0]
            )
    assert sides == {True, False}


def test_label_noise_keeps_probabilities_and_changes_each_time() -> None:
    ids = torch.zeros(32, 64, dtype=torch.uint8)
    ids[:, 30:] = 1
    certain = torch.stack([(ids == one).float() for one in range(4)])
    generator = torch.Generator().manual_seed(0)
    first, second = as_if_segmented(certain, generator), as_if_segmented(certain, generator)
    for one in (first, second):
        assert one.min() >= 0
        assert torch.allclose(one.sum(dim=0), torch.ones(32, 64), atol=1e-4)
        assert (one.argmax(dim=0) == ids).float().mean() > 0.8
    assert not torch.equal(first, second)


def test_stored_flow_is_computed_once_for_all_who_ask(tmp_path: Path) -> None:
    class _Counting:
        name = "counting"
        asked = 0

        def __call__(self, reference: Frame, moving: Frame) -> torch.Tensor:
            self.asked += 1
            return torch.full((2, *reference.size_hw), float(moving.at.index))

    clip, counting = _written(tmp_path / "a", truth=True), _Counting()
    for _ in range(2):
        flow = StoredFlow(counting, tmp_path / "flow")
        assert flow(clip.frame(5), clip.frame(3)).mean() == 3
        assert flow(clip.frame(5), clip.frame(2)).mean() == 2
    assert counting.asked == 2


def test_stored_flow_has_room_for_the_longest_clip(tmp_path: Path) -> None:
    class _Lag:
        name = "lag"

        def __call__(self, reference: Frame, moving: Frame) -> torch.Tensor:
            return torch.full((2, *reference.size_hw), float(moving.at.index % 1000))

    flow = StoredFlow(_Lag(), tmp_path, num_frames=3000)
    late = [
        Frame(
            at=Instant(clip="long", index=index, pts_s=index / 15),
            rgb=torch.zeros(3, 4, 8, dtype=torch.uint8),
        )
        for index in (2998, 2999)
    ]
    assert flow(late[1], late[0]).mean() == 998
    assert StoredFlow(_Lag(), tmp_path, num_frames=3000)(late[1], late[0]).mean() == 998


@pytest.mark.parametrize("pictures", [True, False])
def test_runs_are_evenly_spaced(tmp_path: Path, *, pictures: bool) -> None:
    clip = _written(tmp_path / "a", truth=True)
    drawer = EvenDrawer([clip], [1.0], length=5, pictures=pictures, window_hw=GRID)
    run = drawer.draw(torch.Generator().manual_seed(0))
    assert run.shape == (5, 3 if pictures else 19, *GRID)


def test_a_run_longer_than_every_clip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="as long as 9 steps"):
        EvenDrawer([_written(tmp_path / "a", truth=True)], [1.0], length=9)
