from __future__ import annotations

import os
from pathlib import Path

import pytest

from forecast.files import replace_file, replacing

_LIBRARY = Path(__file__).resolve().parents[1] / "forecast"


def test_a_body_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    replace_file(path, b"old")

    def half() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["state.pt"]


def test_the_content_is_on_the_disk_before_it_takes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen = tmp_path / "state.pt", list[tuple[int, bytes]]()
    replace_file(path, b"old")
    really = os.fsync

    def told(descriptor: int) -> None:
        really(descriptor)
        seen.append((os.fstat(descriptor).st_size, path.read_bytes()))

    monkeypatch.setattr(os, "fsync", told)
    replace_file(path, b"longer")
    assert seen == [(len(b"longer"), b"old")]
    assert path.read_bytes() == b"longer"


def test_one_place_promises_to_survive_a_crash() -> None:
    """Whatever else renames a file it wrote has forgotten to synchronise it, or does so twice."""
    writes = [
        one.relative_to(_LIBRARY).as_posix()
        for one in _LIBRARY.rglob("*.py")
        if "partial.replace(" in one.read_text() or "fsync(" in one.read_text()
    ]
    assert writes == ["files.py"]
