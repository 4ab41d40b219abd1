"""What was recorded, opened again."""

from __future__ import annotations

from pathlib import Path

from forecast.errors import OpenError
from forecast.storage.recording import Recording

_STORES = "epoch-*.zarr"


def open_recording(path: str | Path, *, epoch: int = 0) -> Recording:
    """A recording that `process` or a stream made.

    `recording.labels[row]` is a numpy array [H, W] of class ids, `recording.forecast(row, 0.53)`
    one on the predictor's grid, `recording.pts_s` the time of each row, `recording.row_at(1.5)`
    the row at a second, and `recording.space` what ids mean.

    Args:
        path: Folder of the recording, or one that holds it alone.
        epoch: Which connection of a live source; files have one.

    Raises:
        OpenError: There is no recording, there are several, or it has another schema.
    """
    path = Path(path)
    if not any(path.glob(_STORES)):
        found = sorted({one.parent for one in path.glob(f"*/{_STORES}")})
        if len(found) != 1:
            names = ", ".join(one.name for one in found) or "none"
            raise OpenError(
                f"{path} is no recording and holds these: {names}; needed is one; name its folder"
            )
        path = found[0]
    return Recording(path, epoch=epoch)
