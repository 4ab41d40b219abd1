"""What a street will look like a moment from now.

`forecast.open_stream`, `forecast.process` and `forecast.evaluate` join the stages; each is imported
when it is first asked for, so that `import forecast` stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecast.api.evaluate import evaluate
    from forecast.api.open_stream import open_stream
    from forecast.api.process import process

__all__ = ["evaluate", "open_stream", "process"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'forecast' has no attribute {name!r}")
    return getattr(import_module(f"forecast.api.{name}"), name)
