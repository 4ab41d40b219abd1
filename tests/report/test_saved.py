"""What was saved is read back, and only like is compared with like."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.errors import OpenError, UsageError
from forecast.labels import CAMVID
from forecast.report.files import write_report
from forecast.report.saved import packed_sums, read_report, require_same_protocol, unpacked_sums


def test_counts_survive_packing(report):
    for one, back in zip(report.scores, unpacked_sums(packed_sums(report.scores)), strict=True):
        assert (back.predictor, back.target, back.horizon_s) == ("" + one.predictor, "truth", 0.2)
        assert back.steps is None
        for mine, theirs in zip(one.sums, back.sums, strict=True):
            assert (mine.clip, mine.origin_index) == (theirs.clip, theirs.origin_index)
            assert np.array_equal(mine.confusion, theirs.confusion)


def test_a_report_is_read_from_its_folder_or_its_file(report, tmp_path):
    write_report(tmp_path, report)
    for path in (tmp_path, tmp_path / "report.json"):
        found = read_report(path)
        assert found.protocol_hash == report.protocol_hash
        assert found.space == CAMVID
        assert len(found.scores) == 2


def test_a_missing_report_says_what_is_needed(tmp_path):
    with pytest.raises(OpenError, match=r"report\.json.*is missing.*give its folder"):
        read_report(tmp_path)


def test_missing_counts_are_named(report, tmp_path):
    write_report(tmp_path, report)
    (tmp_path / "sums.npz").unlink()
    with pytest.raises(OpenError, match=r"sums\.npz is missing"):
        read_report(tmp_path)


def test_damaged_counts_are_one_clear_line(report, tmp_path):
    write_report(tmp_path, report)
    sums = tmp_path / "sums.npz"
    sums.write_bytes(sums.read_bytes()[:100])
    with pytest.raises(OpenError, match="damaged report"):
        read_report(tmp_path)


def test_another_schema_is_refused(report, tmp_path):
    write_report(tmp_path, report)
    path = tmp_path / "report.json"
    path.write_text(path.read_text().replace("report/1", "report/9"))
    with pytest.raises(OpenError, match="report/9"):
        read_report(tmp_path)


def test_different_protocols_are_refused_by_the_rules_that_differ(make_report, tmp_path):
    write_report(tmp_path / "one", make_report())
    other = {"dataset": "street", "fps_by_clip": {"a": 15.0}}
    write_report(tmp_path / "two", make_report(protocol=other, protocol_hash="f" * 16))
    one, two = (read_report(tmp_path / name) for name in ("one", "two"))
    require_same_protocol([one, one])
    with pytest.raises(UsageError, match="they differ in dataset:"):
        require_same_protocol([one, two])
