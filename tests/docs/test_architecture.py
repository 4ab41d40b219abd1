"""docs/architecture.md names every room and every module beside them, and no other."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _named(pattern):
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    return re.findall(pattern, page, flags=re.MULTILINE)


def test_every_room_has_its_line():
    rooms = {
        one.name
        for one in (ROOT / "forecast").iterdir()
        if one.is_dir() and one.name != "__pycache__"
    }
    named = _named(r"^\| `(\w+)/` \|")
    assert sorted(named) == sorted(rooms)


def test_every_module_beside_the_rooms_has_its_line():
    modules = {one.name for one in (ROOT / "forecast").glob("*.py")} - {"__init__.py"}
    assert sorted(_named(r"^\| `(\w+\.py)` \|")) == sorted(modules)
