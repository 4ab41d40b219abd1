"""One training run, whatever is learnt: the loop, what a person sees of it, and what is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from torch import nn

from forecast.checkpoints import LearntFrom, ModelCard, load_into, load_state, save
from forecast.labels import CITYSCAPES, LabelSpace
from forecast.provenance import commit
from forecast.specs import RENDERED_TERMS
from forecast.training.fit import FitResult, FitSettings, Progress, Task, fit
from forecast.training.ranks import local_device
from forecast.training.scalars import Scalars
from forecast.training.settings import RunSettings
from forecast.training.tasks.pictures import Pictures

_OWN_TERMS = "Apache-2.0"
_OTHER_TERMS = "those of the data it learnt from; see learnt_from"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Who is told how a run goes."""

    report: Callable[[Progress], None] = lambda _: None
    """Called after every step."""
    say: Callable[[str], None] = lambda _: None
    """Told in a line what is prepared or missing."""


def placed_network(network: nn.Module, settings: RunSettings) -> None:
    """Bring a network to where it learns, with the weights it starts from if any were named.

    Raises:
        CheckpointError: Those weights do not fit.
    """
    if settings.init is not None:
        load_into(network, load_state(settings.init), source=str(settings.init))
    network.to(local_device(settings.device))


def fitted(
    task: Task[Any],
    settings: RunSettings,
    *,
    out: Path,
    pictures: Callable[[], Pictures],
    audience: Audience,
) -> FitResult:
    """The best weights of the run, left in the task's network.

    Args:
        task: What is learnt.
        settings: How long and how hard.
        out: Where the state of the run and TensorBoard's files are.
        pictures: Made at each scoring, for TensorBoard.
        audience: Who is told.

    Raises:
        CheckpointError: `out` holds the state of another run.
    """
    fit_settings = FitSettings(
        steps=settings.steps,
        learning_rate=settings.learning_rate,
        optimizer=settings.optimizer,
        weight_decay=settings.weight_decay,
        average=settings.average,
        seed=settings.seed,
        score_every=settings.score_every,
        precision=settings.precision,
    )
    with Scalars(out / "scalars", say=audience.say) as scalars:

        def told(progress: Progress) -> None:
            scalars.add(progress)
            audience.report(progress)

        return fit(
            task,
            fit_settings,
            folder=out,
            device=settings.device.partition(":")[0],
            report=told,
            look=lambda step: scalars.show(step, pictures),
        )


def keep(
    network: nn.Module,
    name: str,
    settings: RunSettings,
    result: FitResult,
    learnt_from: Sequence[LearntFrom],
    *,
    out: Path,
    space: LabelSpace = CITYSCAPES,
    facts: Mapping[str, object] = MappingProxyType({}),
) -> Path:
    """The file of the best weights, `OUT/NAME.safetensors`, its card inside.

    Of several processes the first alone writes it: it alone has them.

    Args:
        network: Has them.
        name: Of network and file.
        settings: How it learnt.
        result: What came of it.
        learnt_from: From what.
        out: Where the file is written.
        space: What its classes mean.
        facts: What its card says beside the settings.
    """
    path = out / f"{name}.safetensors"
    if result.is_first:
        card = _card(name, settings, result, learnt_from)
        recipe = {**card.recipe, **{key: _plain(value) for key, value in facts.items()}}
        card = replace(card, space=space.name, recipe=recipe)
        save(path, network.state_dict(), card)
    return path


def _card(
    name: str, settings: RunSettings, result: FitResult, learnt_from: Sequence[LearntFrom]
) -> ModelCard:
    rendered = all(one.terms == RENDERED_TERMS for one in learnt_from)
    started = settings.init is not None or getattr(settings, "trunk", None) is not None
    ours = rendered and not settings.teacher and not started
    recipe = {key: _plain(value) for key, value in asdict(settings).items()}
    return ModelCard(
        name=name,
        network=name,
        space=CITYSCAPES.name,
        terms=_OWN_TERMS if ours else _OTHER_TERMS,
        learnt_from=tuple(learnt_from),
        recipe={**recipe, "best_step": result.step},
        scores=dict(result.scores),
        commit=commit(),
    )


def _plain(value: object) -> str:
    """A setting as a card shows it; where a file lay on this machine is nobody's business."""
    if isinstance(value, tuple):
        return ", ".join(Path(str(one)).name for one in cast("tuple[object, ...]", value))
    return value.name if isinstance(value, Path) else str(value)
