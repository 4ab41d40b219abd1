import subprocess
import sys

import pytest

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
