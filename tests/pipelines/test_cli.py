import subprocess
import sys

import pytest
from PIL import Image

import forecast
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
        (["process", "x", "--config="], "--config needs a file"),
        (["process", "x", "-o", "x", "--segmenter-size", "256"], "256x512"),
        (["process", "x", "-o", "x", "--segmenter-size", "0x512"], "256x512"),
        (["evaluate", "x", "-o", "x", "--batch-size", "2"], "--batch-size"),
        (["stream", "x", "--batch-size", "2"], "--batch-size"),
    ],
)
def test_a_wrong_word_ends_in_one_line_and_exit_2(words, said, capsys):
    assert cli.main(words) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1


@pytest.fixture
def told(monkeypatch):
    """The settings that `forecast process` was told."""
    seen = {}
    monkeypatch.setattr(
        "pipelines.process_video.process_video",
        lambda sources, out, settings: seen.update(settings=settings) or 0,
    )
    return lambda: seen["settings"]


@pytest.mark.parametrize("joined", [True, False])
def test_flags_win_over_the_file(joined, tmp_path, told):
    path = tmp_path / "run.toml"
    path.write_text("[process]\nevery = 3\nhorizons = [0.2, 1.0]\n")
    config = [f"--config={path}"] if joined else ["--config", str(path)]
    assert cli.main(["process", "a.mp4", "-o", "x", *config, "--every", "5"]) == 0
    assert told().every == 5
    assert told().horizons == (0.2, 1.0)


@pytest.mark.parametrize("words", [["256x512"], ["256,512"], ["256", "512"]])
def test_a_size_is_taken_as_it_comes(words, told):
    assert cli.main(["process", "a.mp4", "-o", "x", "--segmenter-size", *words]) == 0
    assert told().segmenter_size == (256, 512)


def test_no_option_empties_a_list_or_doubles_an_argument(capsys):
    for words in (["process"], ["evaluate"], ["stream"], ["train", "predictor"]):
        assert cli.main([*words, "--help"]) == 0
        shown = capsys.readouterr().out
        assert "--empty-" not in shown
        assert "HEIGHTxWIDTH" in shown
        assert not any(f"--{name} " in shown for name in ("source", "data", "report", "folder"))


def test_the_version_is_that_of_the_distribution(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == forecast.__version__


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
    missing = "s2s" if "s2s" in words else "fddwnet-small"
    assert f"no bundled weights are called '{missing}'; bundled: none" in shown
    assert "`forecast train`" in shown
    assert shown.count("\n") == 1


def test_models_are_listed_without_bundled_weights(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(checkpoints, "_bundle", lambda: tmp_path / "none")
    assert cli.main(["models"]) == 0
    assert "Bundled weights: none" in capsys.readouterr().out
