"""`forecast train segmenter` from rendered streets to weights that `forecast process` takes."""

import pytest
import torch

from forecast.checkpoints import load_state, read_card
from forecast.device import place
from forecast.errors import UsageError
from forecast.segmentation.build import build_segmenter
from forecast.synthetic.street.source import StreetSource
from forecast.training import segmenter as trained
from forecast.training.run import Audience
from forecast.training.settings import SegmenterRun


@pytest.fixture(autouse=True)
def _small_streets(monkeypatch):
    streets = [
        StreetSource(seed=seed, num_frames=3, size_hw=(64, 128), clip=f"street-{seed}")
        for seed in (1, 2, 3)
    ]
    monkeypatch.setattr(trained, "training_sources", lambda spec: streets)


def _settings(**changes):
    told = {"data": ("street:3",), "steps": 4, "batch": 2, "height": 64, "score_every": 2}
    return SegmenterRun(**(told | changes))


def test_streets_become_weights_with_a_card_that_says_so(tmp_path):
    steps = []
    path = trained.train_segmenter(
        _settings(), out=tmp_path, teacher=None, audience=Audience(report=steps.append)
    )
    assert [one.step for one in steps] == [1, 2, 3, 4]
    card = read_card(path)
    assert card.terms == "Apache-2.0"
    assert [one.name for one in card.learnt_from] == ["street-1", "street-2"]
    segmenter = build_segmenter("fast-scnn", weights=path, placement=place("cpu"))
    with StreetSource(seed=9, num_frames=1, size_hw=(64, 128)).open() as frames:
        (seen,) = segmenter([next(frames)])
    assert seen.probs.shape[0] == 19


def test_a_run_that_was_stopped_ends_with_the_same_weights(tmp_path):
    whole = trained.train_segmenter(_settings(), out=tmp_path / "whole", teacher=None)

    class StoppedError(RuntimeError):
        pass

    def stop(progress):
        if progress.step == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        trained.train_segmenter(
            _settings(), out=tmp_path / "cut", teacher=None, audience=Audience(report=stop)
        )
    again = trained.train_segmenter(_settings(), out=tmp_path / "cut", teacher=None)
    first, second = load_state(whole), load_state(again)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_one_clip_cannot_teach_and_judge(tmp_path):
    everything = _settings(held_out=("street-1", "street-2", "street-3"))
    with pytest.raises(UsageError, match="one clip must teach"):
        trained.train_segmenter(everything, out=tmp_path, teacher=None)


def test_pictures_are_prepared_once_and_shown_at_every_scoring(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    trained.train_segmenter(_settings(), out=tmp_path, teacher=None)
    written = (tmp_path / "pictures" / "street-1" / "rgb.npy").stat().st_mtime_ns
    trained.train_segmenter(_settings(), out=tmp_path, teacher=None)
    assert (tmp_path / "pictures" / "street-1" / "rgb.npy").stat().st_mtime_ns == written
    found = accumulator.EventAccumulator(str(tmp_path / "scalars"))
    found.Reload()
    assert found.Tags()["images"] == ["held_out_0", "held_out_1", "held_out_2"]
    assert [one.step for one in found.Images("held_out_0")] == [2, 4]
    assert (found.Images("held_out_0")[0].height, found.Images("held_out_0")[0].width) == (64, 392)
