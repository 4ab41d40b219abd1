"""The wheel, installed where nothing else of ours is, does the whole job."""

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    words = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_two_packages_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"forecast", "pipelines"}
    assert any(name.startswith("forecast/weights/") for name in names)
    assert any(name.startswith("forecast/sample/") for name in names)


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
