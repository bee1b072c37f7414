"""Thresholds that no detection of a run can reach, or below which it keeps none."""

import numpy as np
import pytest

from common.errors import UserError
from common.operating_point import tell_bounds
from common.results.confidences import lowest_kept, require_confidence
from common.results.operating_points import given_point
from common.results.predictions import format_game
from common.results.run_record import new_record, record_settings, write_record
from common.results.spots_table import point_of
from common.spot import main as spot
from common.spots.run_games import find_games, thresholds_of

NAMES = ("Goal", "Foul")


@pytest.fixture
def run(tmp_path):
    """A run of Pooling that keeps what is at or above 0.5; of files, at or above 0.1."""
    folder = tmp_path / "models" / "Mine"
    record = new_record({"NMS_threshold": 0.5, "SoccerNet_path": str(tmp_path)})
    write_record(folder / "settings_train.json", record | {"command": ["Pooling/main.py"]})
    settings = {"NMS_threshold": 0.1, "classes": list(NAMES)}
    record_settings(folder, settings, "file_film")
    results = folder / "outputs_film" / "results_spotting.json"
    results.parent.mkdir()
    found = np.array([3]), np.array([0]), np.array([0.4])
    results.write_bytes(format_game(None, [(1, *found)], NAMES, 2))
    return folder


def test_the_lowest_confidence_is_that_of_the_last_test_or_of_the_files(run):
    assert (lowest_kept(run), lowest_kept(run, "film"), lowest_kept(run.parent)) == (0.5, 0.1, 0)
    record_settings(run, {"NMS_threshold": 0.25}, "test")
    assert (lowest_kept(run), lowest_kept(run, "film")) == (0.25, 0.1)


@pytest.mark.parametrize("threshold", [30.0, 1.5])
def test_what_no_detection_of_a_run_reaches_is_refused(run, threshold):
    sentence = f"--threshold {threshold:g}: .* from 0 to 1.* for {threshold:g} % pass"
    for call in (
        lambda: require_confidence(threshold, run),
        lambda: given_point(threshold, None, run, NAMES),
        lambda: point_of(run, NAMES, threshold),
        lambda: thresholds_of(find_games(run, "film"), threshold),
        lambda: spot([str(run), "film.npy", "--threshold", str(threshold)]),
    ):
        with pytest.raises(UserError, match=sentence):
            call()
    for allowed in ("auto", 0, 0.3, 1.0):
        require_confidence(allowed, run)


def test_results_of_others_may_have_any_confidences(run, capsys):
    (run / "settings_train.json").unlink()
    point, words = point_of(run, NAMES, 30.0)
    assert point.thresholds.tolist() == [30, 30]
    assert words == "at or above 30, which no confidence from 0 to 1 reaches"
    thresholds, words = thresholds_of(find_games(run / "outputs_film"), 30.0)
    assert set(thresholds.values()) == {30}
    assert words == "at or above 30, which no confidence from 0 to 1 reaches"
    tell_bounds(run, 30.0)
    assert capsys.readouterr().out == "at or above 30, which no confidence from 0 to 1 reaches\n"


def test_who_asks_for_less_than_the_run_keeps_is_told(run, capsys):
    keeps = "the run keeps none below 0.5: its program keeps more with a lower --NMS_threshold"
    for threshold, asked in ((0.3, "0.3"), (None, "0.5"), (0.5, "0.5")):
        words = point_of(run, NAMES, threshold, lowest_kept(run))[1]
        assert words == f"at or above {asked}; {keeps}"
    assert point_of(run, NAMES, 0.7, lowest_kept(run))[1] == "at or above 0.7"
    assert point_of(run, NAMES, 0.05, lowest_kept(run, "film"))[1].startswith(
        "at or above 0.05; the run keeps none below 0.1"
    )
    assert "common.operating_point" in point_of(run, NAMES)[1]
    assert thresholds_of(find_games(run, "film"), 0.3)[1] == "at or above 0.3"
    assert "none below 0.1" in thresholds_of(find_games(run, "film"), 0.1)[1]
    for threshold in (None, 0.3):
        tell_bounds(run, threshold)
        assert capsys.readouterr().out == f"{keeps}\n"
    tell_bounds(run, 0.7)
    assert capsys.readouterr().out == ""
