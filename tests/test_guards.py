"""The guards of this house, each shown to bite."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from jaxtyping import TypeCheckError

from forecast.geometry.warp import warp
from forecast.values import Frame, Instant

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted([*ROOT.glob("forecast/**/*.py"), *ROOT.glob("pipelines/**/*.py")])


def test_a_flow_that_would_broadcast_silently_is_refused():
    with pytest.raises(TypeCheckError):
        warp(torch.rand(3, 8, 8), torch.zeros(2, 8, 1))


def test_a_picture_of_the_wrong_type_is_refused():
    with pytest.raises(TypeCheckError):
        Frame(at=Instant(clip="a", index=0, pts_s=0.0), rgb=torch.rand(3, 8, 8))


def test_the_import_contract_refuses_a_stage_that_knows_another(tmp_path):
    for package in ("forecast", "pipelines"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    for room in ("report", "prediction"):
        (tmp_path / "forecast" / f"{room}.py").touch()
    (tmp_path / "forecast" / "report.py").write_text("import forecast.prediction\n")
    (tmp_path / ".importlinter").write_text(
        "[importlinter]\nroot_package = forecast\n[importlinter:contract:1]\nname = one way\n"
        "type = layers\ncontainers = forecast\nlayers =\n    report | prediction\n"
    )
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "BROKEN" in done.stdout


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_stay_small(path):
    source = path.read_text()
    assert source.count("\n") <= 300
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            start = (
                node.body[1].lineno if ast.get_docstring(node) and node.body[1:] else node.lineno
            )
            assert node.end_lineno - start < 50, f"{node.name} is too long"


def test_importing_forecast_is_cheap():
    code = "import sys, forecast; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
