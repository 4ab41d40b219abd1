"""The wheel, installed where nothing else of ours is, does the whole job."""

import importlib.util
import os
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from forecast.checkpoints import ModelCard, bundled_card, bundled_names, save

ROOT = Path(__file__).resolve().parents[1]
CARD = ModelCard(name="toy", network="toy", space="cityscapes", terms="")


def _built(folder, **environment):
    words = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    env = {name: value for name, value in os.environ.items() if name != "FORECAST_WEIGHTS"}
    subprocess.run([sys.executable, *words], check=True, capture_output=True, env=env | environment)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return _built(tmp_path_factory.mktemp("wheel"))


def _weights_in(path):
    names = (Path(name) for name in zipfile.ZipFile(path).namelist())
    return {name.stem for name in names if name.suffix == ".safetensors"}


def _hook():
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_wheel_holds_the_two_packages_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"forecast", "pipelines"}
    assert any(name.startswith("forecast/weights/") for name in names)
    assert any(name.startswith("forecast/sample/") for name in names)


def test_the_whole_wheel_carries_every_bundled_file_readable_by_all(wheel):
    assert _weights_in(wheel) == set(bundled_names())
    for entry in zipfile.ZipFile(wheel).infolist():
        assert (entry.external_attr >> 16) & 0o444 == 0o444, entry.filename


def test_the_permissive_wheel_carries_no_weights_that_are_not_free_for_every_use(tmp_path):
    carried = _weights_in(_built(tmp_path, FORECAST_WEIGHTS="permissive"))
    free = {name for name in bundled_names() if bundled_card(name).terms.startswith("Apache-2.0")}
    assert carried == free
    assert not [name for name in carried if "non-commercial" in bundled_card(name).terms]


def test_cards_decide_what_is_left_out_and_no_card_means_out(tmp_path):
    hook = _hook()
    folder = tmp_path / "forecast" / "weights"
    for name, terms in (("free", "Apache-2.0"), ("bound", "non-commercial research")):
        save(folder / f"{name}.safetensors", {"w": torch.zeros(1)}, replace(CARD, terms=terms))
    save_file({"w": torch.zeros(1)}, folder / "bare.safetensors")
    assert hook.left_out(tmp_path, "permissive") == [
        "forecast/weights/bare.safetensors",
        "forecast/weights/bound.safetensors",
    ]
    assert hook.left_out(tmp_path, "all") == []
    with pytest.raises(ValueError, match="must be one of all, permissive"):
        hook.left_out(tmp_path, "free")


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_demo_runs_from_the_wheel_in_an_empty_folder(wheel, tmp_path):
    """Dependencies are borrowed from this environment; the project itself is not."""
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    python = home / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", wheel], check=True)
    packages = next((home / "lib").glob("python*/site-packages"))
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = subprocess.run(
        [python, "-c", "import forecast; print(forecast.__file__)"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    ).stdout
    assert str(packages) in where
    empty = tmp_path / "empty"
    empty.mkdir()
    done = subprocess.run(
        [home / "bin" / "forecast", "demo"], cwd=empty, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "report.html" in done.stdout
    assert (empty / "out/demo/report/report.html").stat().st_size > 100_000
