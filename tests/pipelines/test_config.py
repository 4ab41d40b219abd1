import dataclasses

import pytest

from forecast.api.settings import EvaluateSettings, ProcessSettings, checked, resolved
from forecast.errors import UsageError
from pipelines.config import EvaluateOptions, ProcessOptions, read_toml
from pipelines.train_settings import TrainPredictorSettings

TABLES = {"process": ProcessOptions, "evaluate": EvaluateOptions}


def _written(tmp_path, text):
    path = tmp_path / "run.toml"
    path.write_text(text)
    return path


def test_defaults_are_sound():
    for settings in (ProcessSettings(), EvaluateSettings()):
        assert settings.problems() == []


def test_every_bad_value_is_reported_at_once():
    bad = ProcessSettings(every=0, horizons=(0.5, 0.2), save=("films",), batch_size=0)
    with pytest.raises(UsageError) as caught:
        checked(bad)
    for word in ("every", "horizons", "films", "batch_size"):
        assert word in str(caught.value)


def test_unknown_keys_and_wrong_types_are_reported_together(tmp_path):
    path = _written(tmp_path, '[process]\nevry = 2\nevery = "two"\n[cook]\nheat = 3\n')
    with pytest.raises(UsageError) as caught:
        read_toml(path, TABLES)
    for word in ("process.evry", "process.every", "[cook]"):
        assert word in str(caught.value)


def test_a_file_fills_what_flags_leave_open(tmp_path):
    path = _written(tmp_path, "[process]\nhorizons = [0.2, 1]\nevery = 3\nfps = 15\n")
    assert read_toml(path, TABLES) == {"process": {"horizons": "0.2,1", "every": 3, "fps": 15}}


def test_a_command_within_another_has_a_table_within_another(tmp_path):
    path = _written(tmp_path, "[train.predictor]\nsteps = 7\nheld-out = ['a', 'b']\n")
    tables = {"train.predictor": TrainPredictorSettings}
    assert read_toml(path, tables) == {"train": {"predictor": {"steps": 7, "held_out": "a,b"}}}
    with pytest.raises(UsageError, match=r"\[train.cook\] is no command"):
        read_toml(_written(tmp_path, "[train.cook]\nheat = 3\n"), tables)


def test_a_file_that_is_no_toml_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no readable TOML"):
        read_toml(_written(tmp_path, "process = ["), TABLES)


def test_the_record_of_a_run_names_every_setting():
    plain = resolved(ProcessSettings())
    assert set(plain) == {field.name for field in dataclasses.fields(ProcessSettings)}
    assert plain["horizons"] == [0.18, 0.53]
