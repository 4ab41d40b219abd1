"""`forecast train segmenter` from rendered streets to weights that `forecast process` takes."""

from pathlib import Path

import pytest
import torch

from forecast.checkpoints import load_state, read_card
from forecast.device import place
from forecast.errors import UsageError
from forecast.labels import CAMVID, CITYSCAPES, collapse_table
from forecast.segmentation.build import build_segmenter
from forecast.segmentation.networks.fddwnet import FDDWNet
from forecast.segmentation.sizes import PixelBudget
from forecast.segmentation.trainable import TRAINABLE, NetworkOptions
from forecast.segmentation.trained import read_trained
from forecast.synthetic.street.source import StreetSource
from forecast.training import segmenter as trained
from forecast.training.data import taught
from forecast.training.data.clips import Clip
from forecast.training.run import Audience
from forecast.training.settings import SegmenterRun
from forecast.values import LabelMap, Segmentation


@pytest.fixture(autouse=True)
def _small_streets(monkeypatch):
    streets = [
        StreetSource(seed=seed, num_frames=3, size_hw=(64, 128), clip=f"street-{seed}")
        for seed in (1, 2, 3)
    ]
    monkeypatch.setattr(taught, "training_sources", lambda spec: streets)


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


class StoppedError(RuntimeError):
    pass


@pytest.mark.parametrize("network", list(TRAINABLE))
def test_a_run_that_was_killed_ends_with_the_same_weights(network, tmp_path):
    """Killed after step 3, whose state was last saved at 2; what dropout draws included."""
    small = _settings(network=network, width=1 / 16, steps=4)
    whole = trained.train_segmenter(small, out=tmp_path / "whole", teacher=None)

    def stop(progress):
        if progress.step == 3:
            raise StoppedError

    steps = []
    with pytest.raises(StoppedError):
        trained.train_segmenter(
            small, out=tmp_path / "cut", teacher=None, audience=Audience(report=stop)
        )
    again = trained.train_segmenter(
        small, out=tmp_path / "cut", teacher=None, audience=Audience(report=steps.append)
    )
    assert [one.step for one in steps] == [3, 4]
    first, second = load_state(whole), load_state(again)
    assert all(torch.equal(first[name], second[name]) for name in first)
    read = read_trained(network, again)
    assert read.options == NetworkOptions(width=1 / 16)
    assert read.input_size == PixelBudget(64 * 128, TRAINABLE[network].multiple)
    assert read.space == CITYSCAPES


class _InCamvid(StreetSource):
    """A street annotated in CamVid's classes, its upper rows void."""

    space = CAMVID

    def label_map(self, index):
        fine = StreetSource.label_map(self, index)
        ids = torch.from_numpy(collapse_table(CITYSCAPES, CAMVID))[fine.ids.long()]
        ids[:8] = CAMVID.void_id
        return LabelMap(at=fine.at, space=CAMVID, ids=ids)


def _annotated_otherwise(monkeypatch, seeds=(1, 2, 3)):
    streets = [
        _InCamvid(seed=seed, num_frames=3, size_hw=(64, 128), clip=f"street-{seed}")
        for seed in seeds
    ]
    monkeypatch.setattr(taught, "training_sources", lambda spec: streets)


def test_without_a_teacher_the_data_set_s_own_classes_are_learnt(tmp_path, monkeypatch):
    _annotated_otherwise(monkeypatch)
    path = trained.train_segmenter(
        _settings(network="icnet", width=0.25), out=tmp_path, teacher=None
    )
    card = read_card(path)
    assert (card.space, card.network, card.recipe["width"]) == ("camvid", "icnet", "0.25")
    segmenter = build_segmenter("icnet", weights=path, placement=place("cpu"))
    assert segmenter.space == CAMVID


def test_a_space_may_be_named_and_a_teacher_speak_a_finer_one(tmp_path, monkeypatch):
    class _AllRoad:
        name, space, fingerprint = "all-road", CITYSCAPES, "all-road"

        def __call__(self, frames):
            probs = torch.zeros(19, 4, 8)
            probs[CITYSCAPES.id_of("road")] = 1
            return [
                Segmentation(at=one.at, space=CITYSCAPES, size_hw=one.size_hw, probs=probs)
                for one in frames
            ]

    _annotated_otherwise(monkeypatch)
    lifted = trained.train_segmenter(
        _settings(space="cityscapes"), out=tmp_path / "lifted", teacher=None
    )
    assert read_card(lifted).space == "cityscapes"
    own = trained.train_segmenter(_settings(space="own"), out=tmp_path / "own", teacher=_AllRoad())
    assert read_card(own).space == "camvid"
    believed = Clip(tmp_path / "own" / "pictures" / "street-1").belief(0)
    assert (believed[:, 0].argmax(0) == CAMVID.id_of("road")).all()


def test_clips_of_two_spaces_must_say_what_is_learnt(tmp_path, monkeypatch):
    streets = [
        kind(seed=seed, num_frames=1, size_hw=(64, 128), clip=f"street-{seed}")
        for seed, kind in enumerate((_InCamvid, StreetSource))
    ]
    monkeypatch.setattr(taught, "training_sources", lambda spec: streets)
    with pytest.raises(UsageError, match="--space"):
        trained.train_segmenter(_settings(), out=tmp_path, teacher=None)


def test_clips_may_be_left_out(tmp_path):
    settings = _settings(without=("street-2",), held_out=("street-3",))
    card = read_card(trained.train_segmenter(settings, out=tmp_path, teacher=None))
    assert [one.name for one in card.learnt_from] == ["street-1"]


def test_what_is_taught_is_as_fine_as_the_network_answers(tmp_path):
    for network, stride in (("unet", 1), ("dilation7", 4)):
        out = tmp_path / network
        told = _settings(network=network, width=1 / 16, steps=1)
        trained.train_segmenter(told, out=out, teacher=None)
        believed = Clip(out / "pictures" / "street-1").belief(0)
        assert believed.shape == (19, 64 // stride, 128 // stride)


@pytest.mark.parametrize("sight", ["product", "scaling"])
def test_a_judge_learns_beside_it_and_is_not_kept(sight, tmp_path):
    steps = []
    path = trained.train_segmenter(
        _settings(adversarial=0.5, judge="small-light", judge_sees=sight, elastic=True),
        out=tmp_path,
        teacher=None,
        audience=Audience(report=steps.append),
    )
    assert {"entropy", "fooling", "judging"} <= set(steps[0].values)
    assert read_trained("fast-scnn", path).space == CITYSCAPES
    assert read_card(path).recipe["adversarial"] == "0.5"


def test_a_weight_of_0_is_no_judge_at_all(tmp_path):
    states = []
    for name, told in (("none", {}), ("zero", {"adversarial": 0.0, "judge": "small"})):
        path = trained.train_segmenter(_settings(**told), out=tmp_path / name, teacher=None)
        states.append(load_state(path))
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"network": "segnet"}, f"network is 'segnet'; known: {', '.join(TRAINABLE)}"),
        ({"width": 0.0}, "width is 0.0"),
        ({"network": "icnet", "norm": False}, "icnet has batch norms"),
        ({"network": "icnet", "mirrored": True}, "icnet has no such form"),
        ({"network": "unet", "trunk": "vgg16.pth"}, "unet starts from none"),
        ({"network": "dilation8", "trunk": "vgg16.pth", "width": 0.5}, "it must be 1"),
        ({"adversarial": -1.0}, "adversarial is -1.0"),
        ({"judge": "huge"}, "judge is 'huge'; known: large"),
        ({"judge_sees": "all"}, "judge_sees is 'all'; known: product"),
    ],
)
def test_settings_that_cannot_be_are_all_named(told, said):
    told = {key: Path(one) if key == "trunk" else one for key, one in told.items()}
    assert any(said in one for one in SegmenterRun(**told).problems())


def test_a_smaller_network_starts_from_the_larger_one_s_weights(tmp_path):
    torch.manual_seed(4)
    public = FDDWNet().state_dict()
    torch.save(public, tmp_path / "public.pth")
    told = {"network": "fddwnet-small", "trunk": tmp_path / "public.pth", "steps": 1}
    path = trained.train_segmenter(
        _settings(learning_rate=1e-9, **told), out=tmp_path / "out", teacher=None
    )
    found = load_state(path)["first.0.weight"][:13]
    assert torch.allclose(found, public["layer1.conv.0.weight"], atol=1e-5)
    assert read_card(path).terms != "Apache-2.0"


def test_one_clip_cannot_teach_and_judge(tmp_path):
    everything = _settings(held_out=("street-1", "street-2", "street-3"))
    with pytest.raises(
        UsageError, match=r"every clip is held out .*street-1, street-2, street-3\)"
    ):
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
