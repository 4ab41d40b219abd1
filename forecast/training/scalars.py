"""Losses, scores and pictures for TensorBoard, where it is installed; one line where it is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from jaxtyping import UInt8
from torch import Tensor

from forecast.training.fit import Progress

_EVERY = 10
ABSENT = (
    "tensorboard is not installed, so scalars and pictures of this run are not kept; "
    "for them install segmentation-forecast[training]"
)


class Scalars:
    """Writes a run's values below a folder; a context.

    Args:
        folder: Where TensorBoard will find them; made with the first.
        say: Told once if they cannot be kept.
    """

    def __init__(self, folder: Path, *, say: Callable[[str], None]) -> None:
        self._writer: Any = None
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError:
            say(ABSENT)
            return
        self._writer = SummaryWriter(str(folder))

    def add(self, progress: Progress) -> None:
        """Keep the values of every tenth step, and all scores."""
        if self._writer is None or (progress.step % _EVERY and "score" not in progress.values):
            return
        for name, value in progress.values.items():
            self._writer.add_scalar(_tag(name), value, progress.step)

    def show(self, step: int, pictures: Callable[[], Mapping[str, UInt8[Tensor, "3 H W"]]]) -> None:
        """Keep pictures by name; they are not made where nothing is kept."""
        if self._writer is None:
            return
        for name, picture in pictures().items():
            self._writer.add_image(_tag(name), picture.cpu().numpy(), step)

    def __enter__(self) -> Scalars:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            self._writer.close()


def _tag(name: str) -> str:
    return name.replace(" ", "_")
