"""Scores of games in memory: the evaluator's numbers on the result files of the same detections."""

import json

import numpy as np
import pytest

from common.data.data_set import DataSet
from common.data.events import EventClasses
from common.evaluate import evaluate
from common.results.game_score import GameScore, scored_splits
from common.results.predictions import format_game, write_game
from common.results.suppression import Peaks

NAMES = ("pass", "shot", "save")
GAMES = ["g/one", "g/two", "g/three"]


def annotation(half, second, event):
    time = f"{half} - {second // 60:02}:{second % 60:02}"
    return {"gameTime": time, "label": NAMES[event], "position": f"{second + 2}000"}


@pytest.fixture
def root(tmp_path, write_tree):
    annotations = {
        game: [annotation(half, second, second % 3) for half in (1, 2) for second in seconds]
        for game, seconds in zip(GAMES, (range(3, 200, 17), range(0, 90, 11), ()), strict=True)
    }
    write_tree(tmp_path, annotations, "Labels-v2.json")
    (tmp_path / "splits.json").write_text(json.dumps({"test": GAMES}))
    (tmp_path / "classes.json").write_text(json.dumps(list(NAMES)))
    return tmp_path


def random_peaks(framerate, count, seed):
    rng = np.random.default_rng(seed)
    frame = np.sort(rng.choice(200 * framerate, count, replace=False))
    return Peaks(frame, rng.integers(0, 3, count), rng.random(count).astype(np.float32))


@pytest.mark.parametrize(("published", "metric"), [(False, "loose"), (True, "loose"), (0, "tight")])
@pytest.mark.parametrize("gt_time", ["position", "gameTime"])
@pytest.mark.parametrize("framerate", [1, 2, 25])
def test_scores_in_memory_are_the_evaluators(root, tmp_path, framerate, gt_time, published, metric):
    data = DataSet(
        root=root, features=(), classes=EventClasses(NAMES), framerate=framerate, gt_time=gt_time
    )
    found = [
        (game, [random_peaks(framerate, 60 - 60 * (half == number), 2 * number + half)
                for half in (0, 1)])
        for number, game in enumerate(GAMES)
    ]  # fmt: skip
    for game, peaks in found:
        detections = [(number, *each) for number, each in enumerate(peaks, 1)]
        text = format_game(game, detections, NAMES, framerate, published)
        write_game(tmp_path / "out", game, text)
    how = {"gt_time": gt_time, "metric": metric}
    expected = evaluate(root, tmp_path / "out", split="test", **how)["a_mAP"]
    score = GameScore(data, GAMES)
    assert score.a_map(found, published, metric) == expected > 0
    assert score.a_map(found[::-1], published, metric) == expected  # in whatever order they come


def test_nothing_detected_is_0(root):
    score = GameScore(DataSet(root=root, features=(), classes=EventClasses(NAMES)), GAMES)
    assert score.a_map([(game, [random_peaks(2, 0, 0)] * 2) for game in GAMES]) == 0


def test_no_watched_split_takes_another_column():
    found = scored_splits("valid_a_mAP", ["a", "b"], ["test", "valid", "challenge", "test"])
    assert found == {
        "valid_a_mAP": ["a", "b"], "test_a_mAP": ["test"], "watched_valid_a_mAP": ["valid"]
    }  # fmt: skip
    assert next(iter(found)) == "valid_a_mAP"
    found = scored_splits("valid_a_mAP", ["a"], ["watched_valid", "valid"])
    assert sorted(map(tuple, found.values())) == [("a",), ("valid",), ("watched_valid",)]
    assert scored_splits("valid_a_mAP", ["valid"], ["valid"]) == {"valid_a_mAP": ["valid"]}
