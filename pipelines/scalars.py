"""Losses and scores as TensorBoard scalars, where tensorboard is installed; nothing elsewhere."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

from forecast.training.fit import Progress

_EVERY = 10


class Scalars:
    """Writes a run's values below a folder; a context."""

    def __init__(self, folder: Path) -> None:
        self._writer: Any = None
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError:
            return
        self._writer = SummaryWriter(str(folder))

    def add(self, progress: Progress) -> None:
        """Keep the values of every tenth step, and all scores."""
        if self._writer is None or (progress.step % _EVERY and "score" not in progress.values):
            return
        for name, value in progress.values.items():
            self._writer.add_scalar(name.replace(" ", "_"), value, progress.step)

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
