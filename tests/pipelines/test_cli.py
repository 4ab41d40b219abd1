import subprocess
import sys

import pytest
from PIL import Image

from forecast import checkpoints
from pipelines import cli


def test_help_imports_no_torch():
    code = (
        "import sys; from pipelines.cli import main; main(['--help']); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'cv2', 'av', 'zarr')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["proces"], "process"),
        (["process", "-o", "x"], "no source"),
        (["process", "x", "-o", "x", "--every", "0"], "at least 1"),
        (["process", "x", "-o", "x", "--evry", "2"], "--evry"),
        (["process", "x", "-o", "x", "--horizons", "soon"], "soon"),
        (["evaluate", "x", "-o", "x", "--inputs", "future"], "native or published"),
        (["evaluate", "x", "-o", "x", "--horizons", "1", "2"], "joined by commas"),
        (["compare", "a", "-o", "x"], "two or more"),
        (["process", "x", "--config"], "--config needs a file"),
    ],
)
def test_a_wrong_word_ends_in_one_line_and_exit_2(words, said, capsys):
    assert cli.main(words) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1


def test_flags_win_over_the_file(tmp_path, monkeypatch):
    path = tmp_path / "run.toml"
    path.write_text("[process]\nevery = 3\nhorizons = [0.2, 1.0]\n")
    seen = {}
    monkeypatch.setattr(
        "pipelines.process_video.process_video",
        lambda sources, out, settings: seen.update(settings=settings) or 0,
    )
    words = ["process", "a.mp4", "-o", "x", "--config", str(path), "--every", "5"]
    assert cli.main(words) == 0
    assert seen["settings"].every == 5
    assert seen["settings"].horizons == (0.2, 1.0)


@pytest.mark.parametrize(
    "words",
    [
        ["demo"],
        ["process", "clip", "--fps", "5"],
        ["evaluate", "clip", "--fps", "5"],
        ["evaluate", "clip", "--fps", "5", "--segmenter", "annotations", "--predictors", "s2s"],
    ],
)
def test_without_bundled_weights_one_line_says_what_is_missing_and_what_to_do(
    words, tmp_path, monkeypatch, capsys
):
    for part in ("rgb", "label_trainid"):
        (tmp_path / "clip" / part).mkdir(parents=True)
        for index in range(14):
            Image.new("L", (64, 32)).save(tmp_path / "clip" / part / f"{index:03}.png")
    monkeypatch.setattr(checkpoints, "_bundle", lambda: tmp_path / "none")
    monkeypatch.chdir(tmp_path)
    assert cli.main([*words, "-o", str(tmp_path / "out")]) == 3
    shown = capsys.readouterr().err
    missing = "s2s" if "s2s" in words else "fast-scnn"
    assert f"no bundled weights are called '{missing}'; bundled: none" in shown
    assert "`forecast train`" in shown
    assert shown.count("\n") == 1


def test_models_are_listed_without_bundled_weights(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(checkpoints, "_bundle", lambda: tmp_path / "none")
    assert cli.main(["models"]) == 0
    assert "Bundled weights: none" in capsys.readouterr().out
