"""What a run records of itself; what is none."""

import json
from pathlib import Path

import pytest

from common.errors import UserError
from common.results.run_record import TRAINED, read_record, record_settings

SETTINGS = {"features": ["A.npy"], "window_size": 15, "SoccerNet_path": Path("data"), "LR": 0.1}


def test_what_is_recorded_is_read(tmp_path):
    record_settings(tmp_path, SETTINGS, "train")
    recorded = read_record(tmp_path / TRAINED)
    assert recorded["settings"] == {**SETTINGS, "SoccerNet_path": "data"}
    assert recorded["packages"]["torch"]


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([], "settings"), ({}, "settings"), ({"settings": 3}, "settings"), (None, "not valid JSON"),
        ({"settings": {}, "command": []}, "command"),
        ({"settings": {}, "command": [1]}, "command"),
        ({"settings": {}, "started": 5}, "started"),
        ({"settings": {}, "resumed": {}}, "resumed"),
        ({"settings": {}, "classes": "Goal"}, "classes"),
        ({"settings": {}, "threads": 0}, "threads"),
        ({"settings": {}, "threads": 1e9}, "threads"),
        ({"settings": {"version": [2]}}, "settings.version"),
        ({"settings": {"split_test": 5}}, "settings.split_test"),
        ({"settings": {"class_split": {}}}, "settings.class_split"),
        ({"settings": {"model_name": 1}}, "settings.model_name"),
        ({"settings": {"SoccerNet_path": None}}, "settings.SoccerNet_path"),
        ({"settings": {"SoccerNet_path": "/data/" + 256 * "x"}}, "settings.SoccerNet_path"),
        ({"settings": {"SoccerNet_path": "a\0b"}}, "settings.SoccerNet_path"),
        ({"settings": {"model_name": 256 * "m"}}, "settings.model_name"),
    ],
    ids=str,
)  # fmt: skip
def test_a_damaged_record_is_one_sentence_that_names_it(tmp_path, entries, told):
    (tmp_path / TRAINED).write_text("{" if entries is None else json.dumps(entries))
    with pytest.raises(UserError, match=TRAINED) as error:
        read_record(tmp_path / TRAINED)
    assert told in str(error.value)
    assert "\n" not in str(error.value)
