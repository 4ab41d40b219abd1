"""What a street will look like a moment from now.

    forecast.process("drive.mp4", "out")                    videos to recordings and overlay videos
    forecast.open_stream("rtsp://camera/street")            live steps, forecast as they happen
    forecast.evaluate("camvid", "report")                   predictors scored at horizons
    forecast.train(forecast.PredictorRun(data=("drives",)), "run")
    forecast.open_recording("out/drive")                    what was seen and forecast, as numpy

Each name is imported when it is first asked for, so that `import forecast` stays cheap.
docs/api.md lists them all.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecast.api.build import build_predictor as build_predictor
    from forecast.api.build import build_refiner as build_refiner
    from forecast.api.build import build_segmenter as build_segmenter
    from forecast.api.evaluation import Evaluation as Evaluation
    from forecast.api.evaluation import evaluate as evaluate
    from forecast.api.labels import frame_labels as frame_labels
    from forecast.api.open_stream import LiveStream as LiveStream
    from forecast.api.open_stream import open_stream as open_stream
    from forecast.api.process import Processed as Processed
    from forecast.api.process import process as process
    from forecast.api.recordings import open_recording as open_recording
    from forecast.api.settings import EvaluateSettings as EvaluateSettings
    from forecast.api.settings import ProcessSettings as ProcessSettings
    from forecast.api.train import train as train
    from forecast.errors import CheckpointError as CheckpointError
    from forecast.errors import ForecastError as ForecastError
    from forecast.errors import OpenError as OpenError
    from forecast.errors import SourceError as SourceError
    from forecast.errors import SourceLostError as SourceLostError
    from forecast.errors import StorageError as StorageError
    from forecast.errors import UsageError as UsageError
    from forecast.labels import LabelSpace as LabelSpace
    from forecast.scores import Interval as Interval
    from forecast.scores import Result as Result
    from forecast.scores import Scores as Scores
    from forecast.stages import FlowEstimator as FlowEstimator
    from forecast.stages import FrameSource as FrameSource
    from forecast.stages import Predictor as Predictor
    from forecast.stages import Refiner as Refiner
    from forecast.stages import Segmenter as Segmenter
    from forecast.stages import Sink as Sink
    from forecast.storage.recording import Recording as Recording
    from forecast.training.settings import PredictorRun as PredictorRun
    from forecast.training.settings import SegmenterRun as SegmenterRun
    from forecast.values import Forecast as Forecast
    from forecast.values import Frame as Frame
    from forecast.values import History as History
    from forecast.values import Instant as Instant
    from forecast.values import LabelMap as LabelMap
    from forecast.values import Observation as Observation
    from forecast.values import Segmentation as Segmentation
    from forecast.values import Step as Step

__version__ = version("segmentation-forecast")

_HOMES = {
    "CheckpointError": "forecast.errors",
    "EvaluateSettings": "forecast.api.settings",
    "Evaluation": "forecast.api.evaluation",
    "FlowEstimator": "forecast.stages",
    "Forecast": "forecast.values",
    "ForecastError": "forecast.errors",
    "Frame": "forecast.values",
    "FrameSource": "forecast.stages",
    "History": "forecast.values",
    "Instant": "forecast.values",
    "Interval": "forecast.scores",
    "LabelMap": "forecast.values",
    "LabelSpace": "forecast.labels",
    "LiveStream": "forecast.api.open_stream",
    "Observation": "forecast.values",
    "OpenError": "forecast.errors",
    "Predictor": "forecast.stages",
    "PredictorRun": "forecast.training.settings",
    "ProcessSettings": "forecast.api.settings",
    "Processed": "forecast.api.process",
    "Recording": "forecast.storage.recording",
    "Refiner": "forecast.stages",
    "Result": "forecast.scores",
    "Scores": "forecast.scores",
    "Segmentation": "forecast.values",
    "Segmenter": "forecast.stages",
    "SegmenterRun": "forecast.training.settings",
    "Sink": "forecast.stages",
    "SourceError": "forecast.errors",
    "SourceLostError": "forecast.errors",
    "Step": "forecast.values",
    "StorageError": "forecast.errors",
    "UsageError": "forecast.errors",
    "build_predictor": "forecast.api.build",
    "build_refiner": "forecast.api.build",
    "build_segmenter": "forecast.api.build",
    "evaluate": "forecast.api.evaluation",
    "frame_labels": "forecast.api.labels",
    "open_recording": "forecast.api.recordings",
    "open_stream": "forecast.api.open_stream",
    "process": "forecast.api.process",
    "train": "forecast.api.train",
}
"""Name -> the module that has it."""

__all__ = [
    "CheckpointError",
    "EvaluateSettings",
    "Evaluation",
    "FlowEstimator",
    "Forecast",
    "ForecastError",
    "Frame",
    "FrameSource",
    "History",
    "Instant",
    "Interval",
    "LabelMap",
    "LabelSpace",
    "LiveStream",
    "Observation",
    "OpenError",
    "Predictor",
    "PredictorRun",
    "ProcessSettings",
    "Processed",
    "Recording",
    "Refiner",
    "Result",
    "Scores",
    "Segmentation",
    "Segmenter",
    "SegmenterRun",
    "Sink",
    "SourceError",
    "SourceLostError",
    "Step",
    "StorageError",
    "UsageError",
    "__version__",
    "build_predictor",
    "build_refiner",
    "build_segmenter",
    "evaluate",
    "frame_labels",
    "open_recording",
    "open_stream",
    "process",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'forecast' has no attribute {name!r}")
    found = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
