from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from forecast.checkpoints import ModelCard, bundled, save
from forecast.device import place
from forecast.errors import CheckpointError
from forecast.labels import CAMVID, CITYSCAPES
from forecast.prediction.one_step.conv_lstm import ConvLSTMNetwork
from forecast.prediction.one_step.rollout import Rollout
from forecast.prediction.one_step.s2s import S2S, S2SNetwork
from forecast.prediction.one_step.weights import load_one_step, load_x2x
from forecast.values import Frame, History, Instant, Observation, Segmentation

CPU = place("cpu", "float32")
K = CAMVID.num_classes
FRAME_S = 1 / 17


class _Blank:
    name = "blank"
    space = CAMVID
    fingerprint = "blank"

    def __call__(self, frames: list[Frame]) -> list[Segmentation]:
        probs = torch.full((K, 4, 8), 1 / K)
        size_hw = (8, 16)
        return [Segmentation(at=f.at, space=CAMVID, size_hw=size_hw, probs=probs) for f in frames]


def _written(
    folder: Path, network: nn.Module, kind: str = "s2s", *, space: str = "camvid", **recipe: Any
) -> Path:
    path = folder / f"{kind}.safetensors"
    card = ModelCard(
        name=kind, network=kind, space=space, terms="ours", recipe={"grid_hw": [8, 16]} | recipe
    )
    save(path, network.state_dict(), card)
    return path


def _small(channels: int = K, dilation: int = 1, num_inputs: int = 4) -> S2SNetwork:
    return S2SNetwork(num_classes=channels, width=0.0625, dilation=dilation, num_inputs=num_inputs)


def _history() -> History:
    noise = torch.Generator().manual_seed(1)
    observations: list[Observation] = []
    for index in (0, 3, 6, 9):
        at = Instant(clip="a", index=index, pts_s=index * FRAME_S)
        frame = Frame(at=at, rgb=torch.zeros(3, 8, 16, dtype=torch.uint8))
        probs = torch.rand(K, 8, 16, generator=noise).softmax(dim=0)
        seen = Segmentation(at=at, space=CAMVID, size_hw=(8, 16), probs=probs)
        observations.append(Observation(frame=frame, segmentation=seen))
    return History(
        observations=tuple(observations), previous=None, stride_s=3 * FRAME_S, frame_s=FRAME_S
    )


@pytest.mark.parametrize("kind", ["s2s", "s2s-dil", "s2s-adv", "conv-lstm"])
def test_a_saved_network_forecasts_as_it_did(tmp_path: Path, kind: str) -> None:
    network: S2SNetwork | ConvLSTMNetwork = _small(dilation=2 if kind == "s2s-dil" else 1)
    if kind == "conv-lstm":
        network = ConvLSTMNetwork(num_classes=K, channels=4)
        nn.init.normal_(network.leave.weight, std=0.1)
    loaded = load_one_step(_written(tmp_path, network, kind), placement=CPU)
    one_step = S2S(network, placement=CPU, space=CAMVID, name=kind, grid_hw=(8, 16))
    assert loaded.name == kind
    horizons_s = [3 * FRAME_S, 9 * FRAME_S]
    expected = list(Rollout(one_step).predict([_history()], horizons_s=horizons_s))
    found = list(loaded.predict([_history()], horizons_s=horizons_s))
    assert len(found) == len(expected) == 2
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one.probs, other.probs)


def test_what_the_card_says_is_what_is_needed(tmp_path: Path) -> None:
    path = _written(tmp_path, _small(num_inputs=3), num_inputs="3", step_s="0.25", grid_hw="16x32")
    loaded = load_one_step(path, placement=CPU)
    assert loaded.needs.num_observations == 3
    assert loaded.needs.step_s == 0.25
    assert loaded.space == CAMVID


def test_other_weights_have_another_fingerprint(tmp_path: Path) -> None:
    path = _written(tmp_path, _small())
    first = load_one_step(path, placement=CPU).fingerprint
    assert load_one_step(path, placement=CPU).fingerprint == first
    assert load_one_step(_written(tmp_path, _small()), placement=CPU).fingerprint != first


def test_x2x_is_loaded_with_a_segmenter_to_read_its_pictures(tmp_path: Path) -> None:
    path = _written(tmp_path, _small(channels=3), "x2x", space="cityscapes")
    loaded = load_x2x(path, _Blank(), placement=CPU)
    (forecast,) = loaded.predict([_history()], horizons_s=[3 * FRAME_S])
    assert forecast.space == CAMVID
    assert forecast.probs.shape == (K, 4, 8)


def test_another_kind_of_network_is_named_and_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="'x2x', needed is one of s2s"):
        load_one_step(_written(tmp_path, _small(channels=3), "x2x"), placement=CPU)
    with pytest.raises(CheckpointError, match="'s2s', needed is one of conv-lstm"):
        load_one_step(_written(tmp_path, _small()), placement=CPU, network="conv-lstm")
    with pytest.raises(CheckpointError, match="'s2s', needed is one of x2x"):
        load_x2x(_written(tmp_path, _small()), _Blank(), placement=CPU)


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not fit S2SNetwork"):
        load_one_step(_written(tmp_path, _small(channels=5)), placement=CPU)
    with pytest.raises(CheckpointError, match="does not fit ConvLSTMNetwork"):
        load_one_step(_written(tmp_path, _small(), "conv-lstm"), placement=CPU)
    recurrent = ConvLSTMNetwork(num_classes=K, channels=4)
    with pytest.raises(CheckpointError, match="does not fit S2SNetwork"):
        load_one_step(_written(tmp_path, recurrent), placement=CPU)


@pytest.mark.parametrize("recipe", [{"step_s": "soon"}, {"grid_hw": [9, 16]}, {"num_inputs": 0}])
def test_a_recipe_that_cannot_be_followed_is_refused(
    tmp_path: Path, recipe: dict[str, Any]
) -> None:
    with pytest.raises(CheckpointError, match="the card of"):
        load_one_step(_written(tmp_path, _small(), **recipe), placement=CPU)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no weights file"):
        load_one_step(tmp_path / "s2s.safetensors", placement=CPU)


def test_the_bundled_s2s_forecasts_near_the_last_map_and_not_the_last_map() -> None:
    observations: list[Observation] = []
    for index in (0, 3, 6, 9):
        at = Instant(clip="a", index=index, pts_s=index * FRAME_S)
        frame = Frame(at=at, rgb=torch.zeros(3, 64, 128, dtype=torch.uint8))
        probs = torch.zeros(CITYSCAPES.num_classes, 64, 128)
        probs[CITYSCAPES.id_of("road")] = 1
        probs[:, 20:50, 4 * index : 4 * index + 40] = 0
        probs[CITYSCAPES.id_of("car"), 20:50, 4 * index : 4 * index + 40] = 1
        seen = Segmentation(at=at, space=CITYSCAPES, size_hw=(64, 128), probs=probs)
        observations.append(Observation(frame=frame, segmentation=seen))
    history = History(
        observations=tuple(observations), previous=None, stride_s=3 * FRAME_S, frame_s=FRAME_S
    )
    (forecast,) = load_one_step(bundled("s2s"), placement=CPU, network="s2s").predict(
        [history], horizons_s=[3 * FRAME_S]
    )
    last = observations[-1].segmentation.probs
    assert last is not None
    same = forecast.probs.argmax(dim=0) == last.argmax(dim=0)
    assert same.float().mean() > 0.9
    assert not torch.allclose(forecast.probs, last, atol=1e-3)
