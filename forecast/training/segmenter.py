"""`forecast train segmenter`: pictures, a teacher or annotation, and a network with its card.

The same command continues a run that was killed, and runs on several processes under torchrun.
Pictures and what they teach are prepared once and read from disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from forecast.checkpoints import load_into, load_state
from forecast.labels import LabelSpace
from forecast.segmentation.networks.trunks import load_trunk
from forecast.segmentation.trainable import TRAINABLE, Trainable
from forecast.segmentation.trained import card_facts
from forecast.specs import located, parsed
from forecast.stages import Segmenter
from forecast.training.data.choosing import judging
from forecast.training.data.taught import Lessons, Taught, prepared
from forecast.training.data.taught_pictures import TaughtClips
from forecast.training.fit import Task
from forecast.training.ranks import first_rank_first, local_device
from forecast.training.run import Audience, fitted, keep, placed_network
from forecast.training.settings import SegmenterRun
from forecast.training.tasks.adversarial import kept
from forecast.training.tasks.judged_segmenter import (
    JudgedSegmenterTask,
    JudgedSettings,
    judge_for,
)
from forecast.training.tasks.pictures import segmenter_pictures
from forecast.training.tasks.segmenter import SegmenterSettings, SegmenterTask

_FINEST_TAUGHT_PX = 4
"""What is taught is at least as fine as this, however coarse the network answers."""


def train_segmenter(
    settings: SegmenterRun,
    *,
    out: Path,
    teacher: Segmenter | None,
    audience: Audience = Audience(),  # noqa: B008 - frozen
) -> Path:
    """The file of trained weights, `OUT/NETWORK.safetensors`, its card inside.

    Args:
        settings: What learns, from what, and how.
        out: Folder for prepared pictures, the state of the run, scalars and weights.
        teacher: Says what every pixel is; annotation rules out what it contradicts.
        audience: Who is told.

    Raises:
        UsageError: A setting, or what the data cannot give.
        SourceError: A source is not there or damaged.
        CheckpointError: `out` holds the state of another run, or given weights do not fit.
    """
    row = TRAINABLE[settings.network]
    wanted = [parsed(one, fps=settings.fps, weighed=True) for one in settings.data]
    lessons = Lessons(
        folder=out / "pictures",
        teacher=teacher,
        space=settings.space,
        cell_px=min(_FINEST_TAUGHT_PX, row.stride),
        height=settings.height,
        every=settings.every,
        without=settings.without,
    )
    with first_rank_first():
        clips, space = prepared(wanted, lessons, say=audience.say)
    learnt, develop = _parted(clips, settings)
    supervised = _task(settings, space, learnt, develop, cell_px=lessons.cell_px)
    task = _judged(supervised, space, settings)
    pictures = partial(segmenter_pictures, supervised, space)
    result = fitted(task, settings, out=out, pictures=pictures, audience=audience)
    facts = card_facts(row, settings.options(), input_pixels=_pixels(learnt))
    sets = [one.learnt_from() for one in learnt]
    network = kept(task.network)
    return keep(
        network, settings.network, settings, result, sets, out=out, space=space, facts=facts
    )


def _parted(
    clips: Sequence[Taught], settings: SegmenterRun
) -> tuple[Sequence[Taught], Sequence[Taught]]:
    """Clips that teach, and those that the best weights are chosen by."""
    held = judging([one.name for one in clips], settings.held_out)
    develop = [one for one in clips if one.name in held]
    learnt = [one for one in clips if one.name not in held]
    return learnt, develop


def _task(
    settings: SegmenterRun,
    space: LabelSpace,
    learnt: Sequence[Taught],
    develop: Sequence[Taught],
    *,
    cell_px: int,
) -> SegmenterTask:
    row = TRAINABLE[settings.network]
    torch.manual_seed(settings.seed)
    network = row.build(space.num_classes, settings.options())
    _start(network, row, settings)
    return SegmenterTask(
        network,
        groups=[one.group() for one in learnt],
        develop=TaughtClips([one.clip for one in develop]),
        settings=SegmenterSettings(
            batch=settings.batch,
            window_hw=_window(learnt),
            cell_px=cell_px,
            multiple=row.multiple,
            elastic=settings.elastic,
        ),
        mean=row.mean,
        std=row.std,
        head_weights=row.head_weights,
    )


def _start(network: torch.nn.Module, row: Trainable, settings: SegmenterRun) -> None:
    """The weights that it starts from, where any were named."""
    if settings.trunk is not None:
        file = Path(located(str(settings.trunk)))
        given = load_state(file)
        if row.start is not None:
            load_into(network, row.start(network, given), source=str(file))
        elif row.trunk is not None:
            load_trunk(network, row.trunk, given, source=str(file))
    placed_network(network, settings)


def _judged(task: SegmenterTask, space: LabelSpace, settings: SegmenterRun) -> Task[Any]:
    if settings.adversarial == 0:
        return task
    how = JudgedSettings(
        weight=settings.adversarial, judge=settings.judge, sight=settings.judge_sees
    )
    judge = judge_for(space.num_classes, how).to(local_device(settings.device))
    return JudgedSegmenterTask(task, judge, how)


def _window(clips: Sequence[Taught]) -> tuple[int, int]:
    """Three quarters of the smallest picture, in whole cells of 32 pixels where there is room."""
    sizes = [one.clip.frame(0).size_hw for one in clips]
    height, width = (min(size[side] for size in sizes) for side in (0, 1))
    return max(32, 3 * height // 4 // 32 * 32), max(32, 3 * width // 4 // 32 * 32)


def _pixels(clips: Sequence[Taught]) -> int:
    """Of the largest picture: what the network should be shown at."""
    sizes = [one.clip.frame(0).size_hw for one in clips]
    return max(height * width for height, width in sizes)
