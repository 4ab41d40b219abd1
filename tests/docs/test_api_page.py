"""What `import forecast` offers, and that docs/api.md says the same."""

import runpy
from pathlib import Path

import pytest

import forecast

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_names_are_sorted_there_and_listed():
    assert forecast.__all__ == sorted(set(forecast.__all__))
    assert dir(forecast) == forecast.__all__
    for name in forecast.__all__:
        assert getattr(forecast, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'segmentify'"):
        _ = forecast.segmentify


def test_the_version_is_the_distributions():
    assert forecast.__version__.count(".") == 2
    pyproject = (DOCS.parent / "pyproject.toml").read_text()
    assert f'version = "{forecast.__version__}"' in pyproject


def test_the_page_is_what_the_docstrings_say():
    made = runpy.run_path(str(DOCS / "make_api.py"))["page"]()
    assert made == (DOCS / "api.md").read_text(encoding="utf-8"), "run python docs/make_api.py"
    for name in forecast.__all__:
        assert name == "__version__" or f"`{name}`" in made
