"""Other packages' stages: listed, checked, and never in the place of what is built in."""

import sys
import types
from importlib.metadata import EntryPoint

import pytest

from forecast import catalogue, plugins
from forecast.device import place
from forecast.errors import UsageError
from forecast.flow.dis import DisFlow
from forecast.prediction.copy_last import CopyLast
from pipelines import cli


@pytest.fixture
def bring(monkeypatch):
    """Puts entry points where installed packages would."""

    def put(group, **factories):
        module = types.ModuleType("brought")
        monkeypatch.setitem(sys.modules, "brought", module)
        entries = []
        for name, factory in factories.items():
            setattr(module, name, factory)
            shown = name.replace("_", "-")
            entries.append(EntryPoint(name=shown, value=f"brought:{name}", group=group))
        monkeypatch.setattr(
            plugins, "entry_points", lambda *, group: [one for one in entries if one.group == group]
        )

    return put


def _predictor(name):
    return catalogue.build_predictor(name, flow=DisFlow(), segmenter=None, placement=place("cpu"))


def _segmenter(name):
    return catalogue.build_segmenter(name, placement=place("cpu"))


def test_a_plug_in_is_built_with_the_catalogues_keywords(bring):
    given = {}
    bring(plugins.PREDICTORS, still=lambda **parts: given.update(parts) or CopyLast())
    assert isinstance(_predictor("still"), CopyLast)
    assert set(given) == {"flow", "segmenter", "weights", "placement"}


def test_what_is_built_in_cannot_be_replaced(bring):
    bring(plugins.SEGMENTERS, fast_scnn=lambda **_: None)
    with pytest.raises(UsageError, match="brings fast-scnn, a name of what is built in"):
        _segmenter("fast-scnn")
    bring(plugins.PREDICTORS, copy_last=lambda **_: None)
    with pytest.raises(UsageError, match="brings copy-last, a name of what is built in"):
        _predictor("another")


def test_what_fits_no_protocol_is_refused(bring):
    bring(plugins.SEGMENTERS, nothing=lambda **_: None)
    with pytest.raises(UsageError, match="made a NoneType, needed is a Segmenter"):
        _segmenter("nothing")


def test_a_broken_one_names_its_package(bring):
    bring(plugins.PREDICTORS, broken=lambda **_: 1 / 0)
    with pytest.raises(UsageError, match=r"broken of the package unknown .* ZeroDivisionError"):
        _predictor("broken")


def test_they_are_listed_and_offered(bring, capsys):
    bring(plugins.PREDICTORS, still=lambda **_: CopyLast())
    assert cli.main(["models"]) == 0
    assert "still" in capsys.readouterr().out
    with pytest.raises(UsageError, match=r"known: .*still"):
        _predictor("stil")
