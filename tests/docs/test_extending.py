"""The package of docs/extending.md, installed as it stands and used by the command line."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "extending.md"


pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Where pip put it."""
    folder = tmp_path_factory.mktemp("two-guesses")
    text = PAGE.read_text(encoding="utf-8")
    for kind, name in (("python", "two_guesses.py"), ("toml", "pyproject.toml")):
        (block,) = re.findall(rf"```{kind}\n(.*?)```", text, flags=re.DOTALL)
        (folder / name).write_text(block, encoding="utf-8")
    target = folder / "site"
    words = ["install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    command = [sys.executable, "-m", "pip", *words, "--target", target, folder]
    subprocess.run(command, check=True, capture_output=True, timeout=150)
    return target


def _forecast(installed, *words):
    path = os.pathsep.join([str(installed), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *words],
        env={**os.environ, "PYTHONPATH": path},
        cwd=PAGE.parents[1],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def test_both_are_listed(installed):
    done = _forecast(installed, "models")
    assert done.returncode == 0, done.stderr
    assert "sky-above-road" in done.stdout
    assert "mirror" in done.stdout


def test_both_are_evaluated(installed, tmp_path):
    names = ["--segmenter", "sky-above-road", "--predictors", "copy-last,mirror"]
    asked = ["--horizons", "0.2", "--every", "8"]
    done = _forecast(installed, "evaluate", "street:7", "-o", str(tmp_path), *names, *asked)
    assert done.returncode == 0, done.stderr
    rows = (tmp_path / "scores.csv").read_text()
    # Neither moves anything that left and right share, so both are right about this segmenter.
    for name in ("copy-last", "mirror"):
        assert f"{name},segmenter" in rows.replace('"', "")
