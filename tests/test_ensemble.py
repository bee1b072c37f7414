"""Averages of runs: from kept scores to result files, and what cannot be averaged."""

import json

import numpy as np
import pytest
from shell import assert_one_sentence, caller

from common.ensemble import main
from common.results.kept_scores import write_scores
from common.results.predictions import format_game, write_game
from common.results.run_record import record_settings
from common.results.suppression import Suppression

NAMES = ("pass", "shot")
GAMES = ("g/one", "g/two")


@pytest.fixture
def root(tmp_path, write_tree):
    spots = [
        {"gameTime": f"{half} - 00:{second:02}", "label": NAMES[second % 2]}
        for half in (1, 2)
        for second in (5, 10, 21)
    ]
    write_tree(tmp_path / "data", dict.fromkeys(GAMES, spots), "Labels-v2.json")
    (tmp_path / "data/splits.json").write_text(json.dumps({"test": GAMES}))
    (tmp_path / "data/classes.json").write_text(json.dumps(NAMES))
    return tmp_path


def make_run(root, name, seed, frames=60, **settings):
    """A run that was tested and kept its scores, which it returns: [games][halves]."""
    run, rng = root / "models" / name, np.random.default_rng(seed)
    recorded = {"SoccerNet_path": "data", "model_name": name, "split_test": ["test"], "version": 2,
                "framerate": 2, "gt_time": "position", "NMS": "soft", "NMS_window": 8,
                "NMS_threshold": 0.1} | settings  # fmt: skip
    record_settings(run, recorded, "test")
    kept = []
    for game in GAMES:
        kept.append([rng.integers(0, 9, (frames, 2)).astype(np.float32) / 8 for _ in (1, 2)])
        write_scores(run, "test", game, kept[-1])
        write_game(run / "outputs_test", game, format_game(game, [], NAMES, 2))
    return kept


@pytest.fixture
def call(root, monkeypatch, capsys):
    return caller(root, monkeypatch, capsys, main)


def results_of(root, game, run="mean"):
    return (root / "models" / run / "outputs_test" / game / "results_spotting.json").read_bytes()


def test_the_mean_is_suppressed_and_scored(root, call):
    kept = [make_run(root, name, seed) for seed, name in enumerate("abc")]
    words = [f"models/{name}" for name in "abc"]
    assert call(*words, "-o", "models/mean") == (0, "")
    for number, game in enumerate(GAMES):
        halves = [np.mean([run[number][half] for run in kept], axis=0) for half in (0, 1)]
        peaks = [Suppression(16, 0.1, soft=True).peaks_of(half) for half in halves]
        detections = [(half, *found) for half, found in enumerate(peaks, 1)]
        assert results_of(root, game) == format_game(game, detections, NAMES, 2)
    scores = json.loads((root / "models/mean/results_test.json").read_text())
    assert scores["games"] == 2 and scores["metrics"]["tight"]["a_mAP"] > 0
    record = json.loads((root / "models/mean/settings_test.json").read_text())["settings"]
    assert [run.rpartition("/")[2] for run in record["runs"]] == ["a", "b", "c"]
    assert call("models/mean", "-o", "models/mean")[0] == 2


def test_one_run_is_suppressed_in_another_way(root, call):
    kept = make_run(root, "a", 0)
    words = ["--NMS", "hard", "--NMS_window", "3", "--NMS_threshold", "0.5"]
    assert call("models/a", "-o", "models/mean", *words) == (0, "")
    detections = [(n, *Suppression(6, 0.5).peaks_of(half)) for n, half in enumerate(kept[1], 1)]
    assert results_of(root, GAMES[1]) == format_game(GAMES[1], detections, NAMES, 2)


def test_what_cannot_be_averaged_is_one_sentence(root, call):
    make_run(root, "a", 0)
    make_run(root, "longer", 0, frames=61)
    make_run(root, "faster", 0, framerate=4)
    make_run(root, "older", 0, NMS=None)
    for words, told in (
        (["models/a", "models/longer"], "other frames"),
        (["models/a", "models/faster"], "other framerates"),
        (["models/older"], "--NMS"),
        (["models/none"], "models/none"),
    ):
        assert_one_sentence(call(*words, "-o", "models/mean"), root, told)
    before = results_of(root, GAMES[0], "a")
    (root / "link").symlink_to(root / "models")
    for out in ("models/a", root / "models/a", "models/../models/a", "link/a"):
        found = call("models/longer", "models/a", "-o", out)
        assert_one_sentence(found, root, "choose another -o")
    assert results_of(root, GAMES[0], "a") == before
    (root / "models/a/last.pth.tar").touch()
    assert_one_sentence(call("models/longer", "-o", "models/a"), root, "choose another -o")
    (root / "models/longer/scores_test/g/two.scores").unlink()
    assert_one_sentence(call("models/longer", "-o", "models/mean"), root, "--save_scores")
