"""What a run records of itself, and that it is tested on what it was trained on."""

from pathlib import Path

import pytest

from common.errors import UserError
from common.results.run_record import TRAINED, check_same_inputs, read_record, record_settings

SETTINGS = {"features": ["A.npy"], "window_size": 15, "SoccerNet_path": Path("data"), "LR": 0.1}


def test_what_is_recorded_is_read(tmp_path):
    record_settings(tmp_path, SETTINGS, "train")
    recorded = read_record(tmp_path / TRAINED)
    assert recorded["settings"] == {**SETTINGS, "SoccerNet_path": "data"}
    assert recorded["packages"]["torch"]


def test_other_inputs_are_refused_and_all_else_may_differ(tmp_path):
    names = ("features", "window_size", "no_such_flag")
    check_same_inputs(tmp_path, SETTINGS, names)  # nothing is recorded
    record_settings(tmp_path, SETTINGS, "train")
    check_same_inputs(tmp_path, {**SETTINGS, "LR": 3, "no_such_flag": 1}, names)
    with pytest.raises(UserError, match="was trained with --window_size 15, now 20; pass the flag"):
        check_same_inputs(tmp_path, {**SETTINGS, "window_size": 20}, names)


@pytest.mark.parametrize("content", ["[]", "{}", '{"settings": 3}', "{"])
def test_a_damaged_record_is_one_sentence(tmp_path, content):
    (tmp_path / TRAINED).write_text(content)
    with pytest.raises(UserError, match=TRAINED):
        check_same_inputs(tmp_path, SETTINGS, ["features"])
