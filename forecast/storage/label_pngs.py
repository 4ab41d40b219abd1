"""Label pictures as Cityscapes names them: one PNG for each frame, and for each forecast.

    FOLDER/{clip}_{index:06}_labelTrainIds.png         what is now
    FOLDER/forecast_0.53s/{clip}_{index:06}_...png     what will be, by the index of its origin

Promises that a file that is there is whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from jaxtyping import UInt8, UInt16
from numpy.typing import NDArray

from forecast.errors import UsageError
from forecast.files import replace_file, storage_faults
from forecast.geometry.deciding import labels_at, picture_labels
from forecast.labels import CITYSCAPES, LABEL_ID_OF_TRAIN_ID, LabelSpace
from forecast.values import Instant, Step

Layout = Literal["train-ids", "label-ids", "colour"]
SUFFIXES: dict[Layout, str] = {
    "train-ids": "labelTrainIds",
    "label-ids": "labelIds",
    "colour": "color",
}


class LabelPngs:
    """A sink that writes one PNG for each map and layout."""

    def __init__(
        self, folder: Path, *, space: LabelSpace, layouts: Sequence[Layout] = ("train-ids",)
    ) -> None:
        """Ready to write.

        Args:
            folder: Made if there is none.
            space: What labels mean.
            layouts: `train-ids` are the space's own; `label-ids` are Cityscapes' 34 ids, for its
                space alone; `colour` is RGB in the space's palette.

        Raises:
            UsageError: Label ids are wanted in another space than Cityscapes'.
        """
        if "label-ids" in layouts and space != CITYSCAPES:
            raise UsageError(
                f"label ids are those of cityscapes, and the labels are {space.name}; "
                "ask for train-ids or colour"
            )
        self._folder = folder
        self._layouts = tuple(layouts)
        self._tables: dict[Layout, NDArray[np.integer]] = {
            "train-ids": np.arange(space.num_ids, dtype=space.id_type),
            "label-ids": LABEL_ID_OF_TRAIN_ID,
            # OpenCV writes blue first.
            "colour": np.ascontiguousarray(space.palette()[:, ::-1]),
        }

    def write(self, step: Step) -> None:
        """Write the maps of one step.

        Raises:
            StorageError: The disk is full or gone.
        """
        at = step.frame.at
        self._save(self._folder, at, picture_labels(step.segmentation))
        for forecast in step.forecast.values():
            labels = labels_at(forecast.probs, step.frame.size_hw).numpy()
            self._save(self._folder / f"forecast_{forecast.served_s:.2f}s", at, labels)

    def close(self) -> None:
        """Nothing waits: every file is whole once it is there."""

    def _save(
        self,
        folder: Path,
        at: Instant,
        labels: UInt8[np.ndarray, "H W"] | UInt16[np.ndarray, "H W"],
    ) -> None:
        for layout in self._layouts:
            picture = self._tables[layout][labels]
            path = folder / f"{at.clip}_{at.index:06}_{SUFFIXES[layout]}.png"
            _, encoded = cv2.imencode(".png", picture)
            with storage_faults(path):
                folder.mkdir(parents=True, exist_ok=True)
                replace_file(path, encoded.tobytes())
