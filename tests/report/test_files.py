"""Four files, whole or absent, the same bytes for the same values."""

from __future__ import annotations

import csv
import json

import pytest

from forecast.errors import StorageError
from forecast.report.files import as_json, write_report

FILES = {"report.html", "report.json", "scores.csv", "sums.npz"}


def test_four_files_and_nothing_else(report, tmp_path):
    page = write_report(tmp_path / "new" / "out", report)
    assert page.name == "report.html"
    assert {one.name for one in page.parent.iterdir()} == FILES


def test_the_same_values_give_the_same_bytes(make_report, tmp_path):
    for name in ("one", "two"):
        write_report(tmp_path / name, make_report())
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_json_has_every_field_that_is_promised(report):
    content = json.loads(as_json(report))
    assert content["schema"] == "segmentation-forecast/report/1"
    assert content["protocol"]["hash"] == report.protocol_hash
    assert content["moving"] == ["car", "pedestrian", "bicyclist"]
    promised = {
        "predictor",
        "target",
        "horizon_s",
        "served_s",
        "steps",
        "num_origins",
        "miou",
        "miou_moving",
        "ci95",
        "skill",
        "per_class",
        "gain",
        "gain_ci95",
    }
    for one in content["results"]:
        assert promised <= set(one)
    first = content["results"][0]
    assert first["ci95"] == pytest.approx([0.53, 0.57])
    assert first["ci95_moving"] is None


def test_undefined_is_null_and_never_nan(make_report, make_result):
    rows = (make_result("s2s", miou=float("nan")),)
    text = as_json(make_report(results=rows))
    first = json.loads(text, parse_constant=pytest.fail)["results"][0]
    assert first["miou"] is None
    assert first["per_class"]["fence"] is None


def test_every_documented_field_is_written_and_every_written_one_documented(report):
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
    content = json.loads(as_json(report))
    written = {*content, *content["results"][0], *content["results"][0]["sequences"][0]}
    missing = {name for name in written if f"`{name}`" not in page}
    assert not missing


def test_csv_has_a_line_for_each_result(report, tmp_path):
    write_report(tmp_path, report)
    with (tmp_path / "scores.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(report.results)
    assert rows[0]["predictor"] == "s2s"
    assert float(rows[0]["miou"]) == 0.55
    assert float(rows[0]["ci95_high"]) == pytest.approx(0.57)
    assert rows[0]["iou fence"] == ""
    assert rows[2]["gain"] == ""


def test_a_fault_while_writing_leaves_the_old_report_whole(report, tmp_path, monkeypatch):
    write_report(tmp_path, report)
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir()}

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="No space left on device"):
        write_report(tmp_path, report)
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == before


def test_a_folder_that_is_a_file_is_named(report, tmp_path):
    (tmp_path / "out").write_text("taken")
    with pytest.raises(StorageError, match="cannot be written"):
        write_report(tmp_path / "out", report)
