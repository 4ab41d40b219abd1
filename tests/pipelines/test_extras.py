"""Further scores, as they are typed and as they are read."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image

from pipelines import cli

NUM_FRAMES = 15


@pytest.fixture
def camvid(tmp_path):
    """A drive in the SegNet layout: a car crosses a road, a stripe is void."""
    folder = tmp_path / "CamVid"
    for name in ("val", "valannot"):
        (folder / name).mkdir(parents=True)
    lines = []
    for index in range(NUM_FRAMES):
        name = f"0016E5_{2 * index:05d}.png"
        ids = np.full((32, 64), 3, np.uint8)
        ids[8:24, 2 * index : 2 * index + 16] = 8
        ids[:2] = 11
        Image.fromarray(ids).save(folder / "valannot" / name)
        Image.fromarray(np.repeat(ids[..., None] * 20, 3, axis=2)).save(folder / "val" / name)
        lines.append(f"/SegNet/CamVid/val/{name} /SegNet/CamVid/valannot/{name}")
    (folder / "val.txt").write_text("\n".join(lines) + "\n")
    return folder


def _evaluate(folder, out, *words):
    told = ["--segmenter", "annotations", "--predictors", "copy-last", "--horizons", "0.2"]
    return cli.main(["evaluate", str(folder), "-o", str(out), *told, *words])


def test_further_scores_reach_every_file_of_the_report(camvid, tmp_path):
    assert _evaluate(camvid, tmp_path / "out", "--extras", "accuracy,boundary-f:3px") == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    rows = {one["predictor"]: one["extras"] for one in report["results"]}
    figures = {"pixel_accuracy", "class_accuracy", "boundary_f_3px"}
    assert rows["ceiling"] == dict.fromkeys(figures, 1.0)
    # Three frames on, the car has moved by 6 of its 16 columns: 12 wrong in each of 16 rows.
    assert rows["copy-last"]["pixel_accuracy"] == pytest.approx(1 - 12 * 16 / (30 * 64))
    table = list(csv.DictReader((tmp_path / "out" / "scores.csv").read_text().splitlines()))
    assert float(table[0]["class_accuracy"]) == rows[table[0]["predictor"]]["class_accuracy"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Boundary F" in page
    assert any("boundary_f_3px" in note for note in report["notes"])


def test_a_score_that_is_none_ends_in_one_line_before_anything_is_read(camvid, tmp_path, capsys):
    assert _evaluate(camvid, tmp_path / "out", "--extras", "acuracy") == 2
    said = capsys.readouterr().err
    assert "known: accuracy, per-image" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()
