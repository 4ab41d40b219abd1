import os
import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

from forecast import checkpoints
from forecast.checkpoints import (
    LearntFrom,
    ModelCard,
    bundled,
    bundled_card,
    bundled_names,
    fingerprint,
    load_into,
    load_state,
    read_card,
    save,
)
from forecast.errors import CheckpointError, StorageError

CARD = ModelCard(
    name="toy",
    network="Linear",
    space="cityscapes",
    terms="Apache-2.0",
    learnt_from=(LearntFrom(name="noise", terms="none", num_frames=3, sha256="00"),),
    recipe={"steps": 2},
    scores={"miou": 0.5},
    commit="abc",
)


@pytest.fixture
def network() -> nn.Module:
    return nn.Linear(3, 2)


def test_what_is_saved_is_what_is_loaded(network: nn.Module, tmp_path: Path):
    save(tmp_path / "made" / "toy.safetensors", network.state_dict(), CARD)
    state = load_state(tmp_path / "made" / "toy.safetensors")
    assert state.keys() == network.state_dict().keys()
    assert torch.equal(state["weight"], network.weight)
    assert read_card(tmp_path / "made" / "toy.safetensors") == CARD


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o027, 0o640)])
def test_who_may_read_a_file_is_what_the_umask_says(
    network: nn.Module, tmp_path: Path, mask: int, mode: int
):
    before = os.umask(mask)
    try:
        save(tmp_path / "toy.safetensors", network.state_dict(), CARD)
    finally:
        os.umask(before)
    assert (tmp_path / "toy.safetensors").stat().st_mode & 0o777 == mode


def test_saving_leaves_no_other_file(network: nn.Module, tmp_path: Path):
    save(tmp_path / "toy.safetensors", network.state_dict(), CARD)
    save(tmp_path / "toy.safetensors", network.state_dict(), CARD)
    assert [path.name for path in tmp_path.iterdir()] == ["toy.safetensors"]


def test_a_folder_that_cannot_be_made_is_a_storage_error(network: nn.Module, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="could not be written"):
        save(tmp_path / "file" / "toy.safetensors", network.state_dict(), CARD)


@pytest.mark.parametrize("wrapping", [None, "state_dict", "model"])
def test_a_pth_file_is_read_with_or_without_wrapping(
    network: nn.Module, tmp_path: Path, wrapping: str | None
):
    state = network.state_dict()
    torch.save(state if wrapping is None else {wrapping: state, "epoch": 3}, tmp_path / "toy.pth")
    assert torch.equal(load_state(tmp_path / "toy.pth")["weight"], network.weight)


class _Trap:
    def __reduce__(self):
        return (Path.touch, (Path("sprung"),))


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": _Trap()}, tmp_path / "trap.pth")
    with pytest.raises(CheckpointError, match="cannot be read as weights"):
        load_state(tmp_path / "trap.pth")
    assert not (tmp_path / "sprung").exists()
    pickle.loads(pickle.dumps(_Trap()))
    assert (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", ["damaged.safetensors", "damaged.pth"])
@pytest.mark.parametrize("content", [b"", b"not weights at all", b"\x00" * 64])
def test_a_damaged_file_is_one_line(tmp_path: Path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        load_state(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_truncated_file_is_refused(network: nn.Module, tmp_path: Path):
    save(tmp_path / "toy.safetensors", network.state_dict(), CARD)
    whole = (tmp_path / "toy.safetensors").read_bytes()
    (tmp_path / "toy.safetensors").write_bytes(whole[:-5])
    with pytest.raises(CheckpointError):
        load_state(tmp_path / "toy.safetensors")


def test_a_missing_file_says_where_it_looked(tmp_path: Path):
    with pytest.raises(CheckpointError, match=r"no weights file at .*absent\.pth"):
        load_state(tmp_path / "absent.pth")


def test_a_file_of_other_things_is_refused(tmp_path: Path):
    torch.save({"epoch": 3}, tmp_path / "log.pth")
    with pytest.raises(CheckpointError, match="no table of named tensors"):
        load_state(tmp_path / "log.pth")


def test_weights_of_another_network_are_refused_by_name(network: nn.Module):
    before = network.weight.clone()
    state = {"weight": torch.ones(2, 4), "scale": torch.ones(1)}
    with pytest.raises(CheckpointError) as caught:
        load_into(network, state, source="toy.pth")
    assert str(caught.value) == (
        "toy.pth does not fit Linear (2 tensors): 1 missing (bias); 1 unexpected (scale); "
        "1 of another shape (weight is (2, 4) and not (2, 3)); "
        "choose the network these weights were made for"
    )
    assert torch.equal(network.weight, before)


def test_half_precision_weights_fill_a_float32_network(network: nn.Module):
    load_into(network, {k: v.half() for k, v in network.state_dict().items()}, source="toy")
    assert network.weight.dtype == torch.float32


def test_a_fingerprint_follows_weights_and_settings_and_nothing_else(network: nn.Module):
    state = network.state_dict()
    same = dict(reversed(list(state.items())))
    assert fingerprint(state, 512) == fingerprint(same, 512)
    assert fingerprint(state, 512) != fingerprint(state, 256)
    assert fingerprint({**state, "bias": state["bias"] + 1}, 512) != fingerprint(state, 512)


def test_an_unknown_bundled_name_is_answered_with_the_known_ones():
    with pytest.raises(CheckpointError, match="no bundled weights are called 'resnet'; bundled: "):
        bundled("resnet")


def test_every_bundled_file_carries_a_card_of_its_name_and_terms():
    for name in bundled_names():
        card = bundled_card(name)
        assert card.name == name
        assert card.terms


def test_an_installation_without_weights_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(checkpoints, "_bundle", lambda: tmp_path / "none")
    assert bundled_names() == ()
    with pytest.raises(CheckpointError, match=r"bundled: none \(.*--weights .*`forecast train`"):
        bundled("fast-scnn")
