"""Weights on disk, each with a card that says what they are and what they learnt from.

Promises that a file is whole or absent, that nothing but tensors is ever unpickled, and that
weights made for another network are refused by name. Does not know any network.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from forecast.errors import CheckpointError, StorageError
from forecast.files import replace_file

State = Mapping[str, Tensor]
SUFFIXES = (".safetensors", ".pth", ".pt")
_SHOWN = 3
_NONE = "none (wheels without weights that learnt from non-commercial data may carry none)"
_UNREADABLE = (
    OSError, RuntimeError, ValueError, EOFError, KeyError, pickle.UnpicklingError, SafetensorError
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LearntFrom:
    """One data set that weights learnt from."""

    name: str
    terms: str
    """Its licence, or the terms its makers state."""
    num_frames: int
    sha256: str
    """Hash of the files read, in order of their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What weights are, what they learnt from, how, and how well."""

    name: str
    network: str
    """The network they fit."""
    space: str
    """Name of the label space of their classes."""
    terms: str
    """What may be done with them."""
    learnt_from: tuple[LearntFrom, ...] = ()
    recipe: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """How they were trained, enough to do it again."""
    scores: Mapping[str, float] = field(default_factory=dict[str, float])
    """Measured figures by name; mIoU as a fraction."""
    commit: str = ""
    """The commit of this project that trained them."""


def save(path: Path, state: State, card: ModelCard) -> None:
    """Weights and card in one safetensors file, which appears whole or not at all.

    Raises:
        StorageError: The folder cannot be written.
    """
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    content = to_bytes(whole, metadata={"card": json.dumps(asdict(card), sort_keys=True)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as fault:
        raise StorageError(f"{path} could not be written: {fault.strerror or fault}") from fault


def read_card(path: Path) -> ModelCard:
    """The card inside a safetensors file.

    Raises:
        CheckpointError: The file is missing, damaged, or carries no card.
    """
    _require(path)
    try:
        with safe_open(path, framework="pt") as file:
            entries = json.loads((file.metadata() or {})["card"])
        sets = tuple(LearntFrom(**entry) for entry in entries.pop("learnt_from"))
        return ModelCard(learnt_from=sets, **entries)
    except (*_UNREADABLE, TypeError) as fault:
        raise CheckpointError(
            f"{path} carries no card that can be read; files written by `forecast train` do"
        ) from fault


def load_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors or .pth file, on the CPU.

    A .pth file may hold its tensors under `state_dict` or `model`; anything but tensors in it is
    refused, never run.

    Raises:
        CheckpointError: The file is missing, damaged, or holds other things than tensors.
    """
    _require(path)
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found: object = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as fault:
        reason = str(fault).strip().splitlines()[0] if str(fault).strip() else "it is empty"
        raise CheckpointError(
            f"{path} cannot be read as weights ({reason[:160]}); "
            "give a .safetensors file, or a .pth file that holds tensors only"
        ) from fault
    return _tensors(found, path)


def _tensors(found: object, path: Path) -> dict[str, Tensor]:
    for key in ("state_dict", "model"):
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = cast("object", found[key])
    if isinstance(found, Mapping):
        entries = cast("Mapping[object, object]", found)
        state = {str(name): value for name, value in entries.items() if isinstance(value, Tensor)}
        if state and len(state) == len(entries):
            return state
    raise CheckpointError(f"{path} holds no table of named tensors; give a network's state dict")


def _require(path: Path) -> None:
    if not path.is_file():
        raise CheckpointError(f"no weights file at {path}; check the path given with --weights")


def load_into(network: nn.Module, state: State, *, source: str) -> None:
    """Fill the network with the weights: every key, every shape, or nothing.

    Args:
        network: What to fill.
        state: What to fill it with.
        source: Where the weights came from, for the message.

    Raises:
        CheckpointError: A key is missing, unexpected, or of another shape.
    """
    wanted = network.state_dict()
    complaints = [
        _complaint("missing", (name for name in wanted if name not in state)),
        _complaint("unexpected", (name for name in state if name not in wanted)),
        _complaint("of another shape", _misshapen(wanted, state)),
    ]
    found = "; ".join(complaint for complaint in complaints if complaint)
    if found:
        raise CheckpointError(
            f"{source} does not fit {type(network).__name__} ({len(wanted)} tensors): {found}; "
            "choose the network these weights were made for"
        )
    network.load_state_dict(dict(state))


def _complaint(kind: str, names: Iterable[str]) -> str:
    every = list(names)
    if not every:
        return ""
    more = ", ..." if len(every) > _SHOWN else ""
    return f"{len(every)} {kind} ({', '.join(every[:_SHOWN])}{more})"


def _misshapen(wanted: State, state: State) -> Iterable[str]:
    for name, tensor in wanted.items():
        if name in state and state[name].shape != tensor.shape:
            yield f"{name} is {tuple(state[name].shape)} and not {tuple(tensor.shape)}"


def fingerprint(state: State, *settings: object) -> str:
    """Hash of the weights and whatever else decides the result, the same in any container."""
    digest = hashlib.sha256(repr(settings).encode())
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _bundle() -> Path:
    return Path(str(resources.files("forecast"))) / "weights"


def bundled_names() -> tuple[str, ...]:
    """Names of the weights that ship with the library."""
    return tuple(sorted(path.stem for path in _bundle().glob("*.safetensors")))


def bundled(name: str) -> Path:
    """The file of weights that ship with the library.

    Raises:
        CheckpointError: This installation has none of that name.
    """
    path = _bundle() / f"{name}.safetensors"
    if not path.is_file():
        there = ", ".join(bundled_names()) or _NONE
        raise CheckpointError(
            f"no bundled weights are called {name!r}; bundled: {there}; name a file of your own "
            "with --weights (of a segmenter) or --predictor-weights, or make one with "
            "`forecast train`"
        )
    return path


def bundled_card(name: str) -> ModelCard:
    """The card of bundled weights.

    Raises:
        CheckpointError: This installation has none of that name.
    """
    return read_card(bundled(name))
