"""What can go wrong that a user can do something about.

    ForecastError
    ├── UsageError            asked for something that does not exist or does not fit   (exit 2)
    ├── OpenError             something named could not be opened or read               (exit 3)
    │   ├── SourceError       a video, folder, data set or camera
    │   └── CheckpointError   weights that are missing, damaged or of another shape
    ├── SourceLostError       a live source that stayed away after every retry          (exit 4)
    └── StorageError          an output that could not be written                       (exit 3)

A message says what was found, what was needed, and what to do, on one line.
"""


class ForecastError(Exception):
    """Something a user can mend; its text is one line."""

    exit_code = 3


class UsageError(ForecastError):
    """A wrong name, flag, value or combination."""

    exit_code = 2


class OpenError(ForecastError):
    """Something that was named could not be opened or read."""


class SourceError(OpenError):
    """A video, folder, data set or camera that cannot be read."""


class CheckpointError(OpenError):
    """Weights that are missing, damaged, or made for another network."""


class SourceLostError(ForecastError):
    """A live source that stayed away after every retry."""

    exit_code = 4


class StorageError(ForecastError):
    """An output that could not be written."""
