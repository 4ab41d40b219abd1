"""The command line: `forecast ...`. Parses, runs, and turns faults into one line and an exit code.

Exit codes: 0 done, 2 usage, 3 cannot open, 4 source lost after retries; 129 hung up, 130
interrupted and 143 terminated, with every output finalised. Heavy imports happen inside commands.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import cyclopts
from cyclopts import App

import forecast
from forecast.errors import ForecastError, UsageError
from forecast.training.settings import RunSettings
from pipelines.config import EvaluateOptions, Out, ProcessOptions, read_toml
from pipelines.stopping import HungUp, Terminated, forget, listen
from pipelines.streaming.settings import StreamSettings
from pipelines.train_settings import TrainPredictorSettings, TrainSegmenterSettings
from pipelines.words import with_sizes, with_standard_input, without_config

_Training = TypeVar("_Training", bound=RunSettings)

app = App(
    name="forecast",
    help="What every pixel of a street is now, and what it will be a moment from now.",
    help_epilogue="Every command also reads --config FILE.toml; flags win over the file.",
    version=forecast.__version__,
    version_flags=["--version"],
    exit_on_error=False,
    print_error=False,
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
train = App(name="train", help="Train a segmenter or a predictor.")
datasets = App(name="datasets", help="Data sets: what can be read, and how to get or make it.")
app.command(train)
app.command(datasets)

_SIZES = ("--segmenter-size", "--window")
_PROCESS = ProcessOptions()
_EVALUATE = EvaluateOptions()
_STREAM = StreamSettings()
_TRAIN_PREDICTOR = TrainPredictorSettings()
_TRAIN_SEGMENTER = TrainSegmenterSettings()
_TABLES: dict[str, type] = {
    "process": ProcessOptions,
    "evaluate": EvaluateOptions,
    "stream": StreamSettings,
    "train.predictor": TrainPredictorSettings,
    "train.segmenter": TrainSegmenterSettings,
}


@app.command
def demo(*, out: Out = Path("out/demo")) -> int:
    """Run the embedded sample end to end, to a video and a report; no download.

    Args:
        out: Folder for everything that is made.
    """
    from pipelines.demo import run_demo

    return run_demo(out)


@app.command
def process(*source: str, out: Out, settings: ProcessOptions = _PROCESS) -> int:
    """Segment and forecast every frame of videos, folders, globs or image sequences.

    Args:
        source: Video files, folders of frames, or globs.
        out: Folder for recordings, videos and labels.
        settings: Everything else.
    """
    if not source:
        raise UsageError("no source was named; pass a video, a folder of frames or a glob")
    from pipelines.process_video import process_video

    return process_video(source, out, settings)


@app.command
def evaluate(data: str, /, *, out: Out, settings: EvaluateOptions = _EVALUATE) -> int:
    """Score predictors at horizons, and write report.html, report.json and scores.csv.

    Args:
        data: Cityscapes or CamVid folder, `street` or `street:SEED`, a video or a folder of frames.
        out: Folder for the report.
        settings: Everything else.
    """
    from pipelines.evaluate_horizons import evaluate_horizons

    return evaluate_horizons(data, out, settings)


@app.command
def compare(*report: Path, out: Out) -> int:
    """Put several runs side by side, with paired significance.

    Args:
        report: Folders that `forecast evaluate` wrote.
        out: Folder for the comparison.
    """
    if len(report) < 2:
        raise UsageError(f"found {len(report)} report, needed two or more folders to compare")
    from pipelines.comparing import compare_reports

    return compare_reports(report, out)


@app.command
def models() -> int:
    """List segmenters, predictors and flows, with the cards and terms of bundled weights."""
    from pipelines.listings import list_models

    return list_models()


@app.command
def stream(*source: str, out: Out | None = None, settings: StreamSettings = _STREAM) -> int:
    """Forecast live video as it happens: cameras, network streams, pipes.

    Args:
        source: /dev/video0, rtsp://, rtmp://, http(s)://, udp://, tcp://, a pipe, -, lavfi:SPEC,
            or a file.
        out: Folder for what --save names.
        settings: Everything else.
    """
    from pipelines.stream_camera import stream_camera

    return stream_camera(source, out, settings)


@train.command
def predictor(*data: str, out: Out, settings: TrainPredictorSettings = _TRAIN_PREDICTOR) -> int:
    """Train a predictor on clips; the same command continues a run that was stopped.

    Args:
        data: Data sets, folders, videos, recordings made with --save soft, or `street:1000`;
            `DATA=2` weighs one twice, `DATA@15` gives its pictures a rate.
        out: Folder for prepared clips, the state of the run, scalars and weights.
        settings: Everything else.
    """
    chosen = _with_data(data, settings)
    from pipelines.train import run_training

    return run_training(out, chosen)


@train.command
def segmenter(*data: str, out: Out, settings: TrainSegmenterSettings = _TRAIN_SEGMENTER) -> int:
    """Train a segmenter by annotation, a teacher, or both; continues a run that was stopped.

    Args:
        data: Data sets, folders, videos or `street:1000-1023`; `DATA=2` weighs one twice,
            `DATA@15` gives its pictures a rate.
        out: Folder for the state of the run, scalars and weights.
        settings: Everything else.
    """
    chosen = _with_data(data, settings)
    from pipelines.train import run_training

    return run_training(out, chosen)


def _with_data(data: Sequence[str], settings: _Training) -> _Training:
    if not data and not settings.data:
        raise UsageError("no data was named; pass data sets, folders, videos or street:1000-1023")
    return replace(settings, data=tuple(data)) if data else settings


@datasets.default
def list_datasets() -> int:
    """List the data sets that can be read, with layout and terms."""
    from pipelines.listings import list_data

    return list_data()


@datasets.command
def check(folder: Path) -> int:
    """Count the files of a data set, split by split, and name what is missing.

    Args:
        folder: Its root.
    """
    from pipelines.listings import check_data

    return check_data(folder)


@datasets.command
def make(
    kind: str,
    folder: Path,
    /,
    *,
    split: str = "val",
    snippets: int = 8,
    frames: int = 30,
    height: int = 512,
    seed: int = 0,
) -> int:
    """Render a data set; `street` is written in the official Cityscapes layout.

    Args:
        kind: `street`.
        folder: Where it goes.
        split: Its split.
        snippets: How many.
        frames: Frames in each; the annotated one is number 19.
        height: Picture height; the width is twice that.
        seed: Which streets.
    """
    from pipelines.listings import make_dataset

    return make_dataset(
        kind, folder, split=split, snippets=snippets, frames=frames, height=height, seed=seed
    )


def _configured(words: Sequence[str]) -> list[str]:
    """The words as cyclopts takes them, with the tables of `--config FILE` behind the flags."""
    rest, path = without_config(words)
    app.config = ()
    if path is not None:
        app.config = cyclopts.config.Dict(read_toml(Path(path), _TABLES), source=path)
    return with_standard_input(with_sizes(rest, _SIZES))


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line, and say how it ended."""
    listen()
    try:
        result: Any = app(_configured(sys.argv[1:] if words is None else words))
    except cyclopts.UnusedCliTokensError as fault:
        found = " ".join(fault.unused_tokens or ())
        return _fail(
            f"found {found!r} that belongs to no option; values of one option are joined by "
            "commas, such as --horizons 0.2,0.6",
            UsageError.exit_code,
        )
    except cyclopts.CycloptsError as fault:
        return _fail(" ".join(str(fault).split()), UsageError.exit_code)
    except ForecastError as fault:
        return _fail(str(fault), fault.exit_code)
    except Terminated:
        return _fail("terminated; what was written is whole", 143)
    except HungUp:
        return _fail("hung up; what was written is whole", 129)
    except KeyboardInterrupt:
        return _fail("interrupted; what was written is whole", 130)
    finally:
        forget()
    return result if isinstance(result, int) else 0


def _fail(message: str, exit_code: int) -> int:
    sys.stderr.write(f"forecast: {message}\n")
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
