"""The spots that are shown: which, in which order, from which threshold on."""

import csv
import json

import numpy as np
import pytest

from common.errors import UserError
from common.results.predictions import format_game
from common.results.spots_table import (
    UNCHOSEN,
    clock,
    point_of,
    print_spots,
    read_spots,
    show_spots,
    write_spots,
)

NAMES = ("Goal", "Foul")


@pytest.fixture
def results(tmp_path):
    """A result file whose halves are in no order of time."""
    first = np.array([9000, 20, 20]), np.array([0, 1, 0]), np.array([0.9, 0.5, 0.75])
    second = np.array([7, 3]), np.array([0, 0]), np.array([0.4, 0.8])
    path = tmp_path / "results_spotting.json"
    path.write_bytes(format_game(None, [(2, *second), (1, *first)], NAMES, 2))
    return path


def test_a_time_is_minutes_and_seconds_of_the_half():
    assert [clock(ms) for ms in (0, 999, 59_999, 60_000, 5_025_000, 6_000_000)] == [
        "00:00", "00:00", "00:59", "01:00", "83:45", "100:00"
    ]  # fmt: skip


def test_spots_at_or_above_the_threshold_come_in_the_order_of_time(results, tmp_path):
    point, words = point_of(tmp_path, NAMES)
    assert UNCHOSEN == 0.5 and "at or above 0.5, for no thresholds were chosen" in words
    found = read_spots(results, NAMES, point)
    assert found.half.tolist() == [1, 1, 1, 2]
    assert found.milliseconds.tolist() == [10_000, 10_000, 4_500_000, 1_500]
    assert found.event.tolist() == [0, 1, 0, 0]
    assert found.confidence.tolist() == [0.75, 0.5, 0.9, 0.8]


def test_thresholds_of_the_run_are_each_class_s_own(results, tmp_path):
    classes = {"Goal": {"threshold": 0.8, "F1": 0.5}, "Foul": {"threshold": None, "F1": 0}}
    content = {"tolerance_seconds": 5, "chosen_on": "valid", "classes": classes}
    (tmp_path / "operating_point.json").write_text(json.dumps(content))
    for threshold in (None, "auto"):
        point, words = point_of(tmp_path, NAMES, threshold)
        assert words == "at or above the thresholds chosen on valid"
        assert read_spots(results, NAMES, point).confidence.tolist() == [0.9, 0.8]
    point, words = point_of(tmp_path, NAMES, 0.0)
    assert words == "at or above 0" and len(read_spots(results, NAMES, point)) == 5
    with pytest.raises(UserError, match="choose thresholds first"):
        point_of(tmp_path / "absent", NAMES, "auto")


def test_who_is_shown_nothing_is_told_of_the_surest_detection(results, tmp_path, capsys):
    assert not len(show_spots(results, NAMES, *point_of(tmp_path, NAMES, 0.95)))
    first, second = capsys.readouterr().out.splitlines()
    assert first == "0 spots at or above 0.95"
    assert second.startswith("the surest of 5 detections has 0.900: Goal, half 1, 75:00; ")
    assert len(show_spots(results, NAMES, *point_of(tmp_path, NAMES, 0.8))) == 2
    assert "surest" not in capsys.readouterr().out
    results.write_bytes(format_game(None, [], NAMES, 2))
    show_spots(results, NAMES, *point_of(tmp_path, NAMES, 0.8))
    assert capsys.readouterr().out.splitlines()[1] == "there are no detections at all"


def test_the_table_and_the_files_say_the_same(results, tmp_path, capsys):
    found = read_spots(results, NAMES, point_of(tmp_path, NAMES)[0])
    print_spots(found, NAMES, "of a test")
    shown = capsys.readouterr().out
    assert shown.startswith("4 spots of a test\n")
    assert [line.split() for line in shown.replace("│", " ").splitlines() if "Foul" in line] == [
        ["1", "00:10", "Foul", "0.500"]
    ]
    files = tmp_path / "spots.json", tmp_path / "spots.csv"
    write_spots(found, NAMES, {"run": "r"}, *files)
    content = json.loads(files[0].read_text())
    assert content["run"] == "r"
    assert content["spots"][2] == {
        "half": 1, "time": "75:00", "milliseconds": 4_500_000, "class": "Goal", "confidence": 0.9
    }  # fmt: skip
    with files[1].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [{key: str(value) for key, value in s.items()} for s in content["spots"]]


def test_without_a_spot_there_is_no_table(results, tmp_path, capsys):
    found = read_spots(results, NAMES, point_of(tmp_path, NAMES, 1.0)[0])
    print_spots(found, NAMES, "at or above 1")
    assert capsys.readouterr().out == "0 spots at or above 1\n"
    write_spots(found, NAMES, {}, tmp_path / "a.json", tmp_path / "a.csv")
    assert json.loads((tmp_path / "a.json").read_text()) == {"spots": []}
