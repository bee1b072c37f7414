"""What a report says of where a run's numbers are from."""

import json

import pytest

from common.errors import UserError
from common.report.run import recorded_origin

RECORD = {
    "settings": {"SoccerNet_path": "data"},
    "command": ["CALF/main.py", "--model_name", "my run"],
    "started": "2026-11-26 21:44:13",
    "python": "3.11.7",
    "platform": "Linux",
    "packages": {"torch": "2.13.0", "numpy": "2.2.6"},
}


def test_origin_of_a_run_that_was_trained_and_tested(tmp_path):
    (tmp_path / "settings_train.json").write_text(json.dumps(RECORD))
    (tmp_path / "settings_test.json").write_text(json.dumps(RECORD | {"started": "later"}))
    origin = recorded_origin(tmp_path)
    assert origin["trained"] == "2026-11-26 21:44:13"
    assert origin["trained with"] == "python CALF/main.py --model_name 'my run'"
    assert origin["versions when trained"] == "Python 3.11.7, torch 2.13.0, numpy 2.2.6"
    assert origin["trained on"] == "Linux"
    assert origin["tested"] == "later"


@pytest.mark.parametrize("odd", [{}, {"packages": [1], "python": None}])
def test_what_is_not_recorded_is_left_out(tmp_path, odd):
    assert recorded_origin(tmp_path) == {}
    (tmp_path / "settings_test.json").write_text(json.dumps({"settings": {}, **odd}))
    assert recorded_origin(tmp_path) == {}


def test_a_record_of_something_else_is_named(tmp_path):
    (tmp_path / "settings_train.json").write_text("[]")
    with pytest.raises(UserError, match=r"settings_train\.json"):
        recorded_origin(tmp_path)
