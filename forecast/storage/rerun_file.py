"""Steps into a Rerun recording (`.rrd`): picture, labels now and at each horizon, on one time line.

Needs the `rerun` extra.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from forecast.errors import StorageError, UsageError
from forecast.geometry.shown import forecast_labels, labels_of, picture_of
from forecast.labels import LabelSpace
from forecast.values import Step


class RerunFile:
    """A sink that appends each step to a file which the Rerun viewer opens.

    Args:
        path: The file; its folder is made if there is none.
        space: What labels mean.

    Raises:
        UsageError: The `rerun` extra is not installed.
        StorageError: The file cannot be written.
    """

    def __init__(self, path: Path, *, space: LabelSpace) -> None:
        try:
            self._rerun: Any = import_module("rerun")
        except ImportError as fault:
            raise UsageError(
                "an .rrd file needs rerun-sdk, which is not installed; "
                "install segmentation-forecast[rerun]"
            ) from fault
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream: Any = self._rerun.RecordingStream("segmentation-forecast")
            self._stream.save(str(path))
        except (OSError, RuntimeError) as fault:
            raise StorageError(f"{path} cannot be written: {fault}; choose another") from fault
        classes = [(index, one.name, one.colour) for index, one in enumerate(space.classes)]
        self._stream.log("/", self._rerun.AnnotationContext(classes), static=True)

    def write(self, step: Step) -> None:
        """Append one step."""
        rerun, stream = self._rerun, self._stream
        stream.set_time("presentation", duration=step.frame.at.pts_s)
        stream.log("now/camera", rerun.Image(picture_of(step)).compress(jpeg_quality=80))
        stream.log("now/labels", rerun.SegmentationImage(labels_of(step.segmentation)))
        for horizon_s, (_, labels) in forecast_labels(step).items():
            stream.log(f"ahead/{horizon_s:g}s", rerun.SegmentationImage(labels))
        for stage, spent_ms in step.latency_ms.items():
            stream.log(f"latency_ms/{stage}", rerun.Scalars(spent_ms))

    def close(self) -> None:
        """Flush and close the file; safe to call twice."""
        self._stream.flush()
        self._stream.disconnect()
