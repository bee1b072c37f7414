"""Error bars of a row: means over runs of the bootstrap over games."""

import csv
import json
import shutil

import numpy as np
import pytest

from common.data.events import SOCCERNET_V2, V2_NAMES
from common.data.games import official_splits
from common.evaluate import evaluate
from common.metric.average_map import TOLERANCES_SECONDS
from common.metric.bootstrap import draw_weights, resample
from common.reproduce.__main__ import main
from common.reproduce.intervals import RESAMPLES, bounded
from common.reproduce.outcome import RowOutcome
from common.reproduce.runs import DONE, runs_of, workspace_of, write_record
from common.reproduce.tables import ROOT, Row, find_tables
from common.results.json_tree import JsonTree
from common.results.reading import Reading
from common.results.scored_run import read_run
from common.results.scores import evaluate_games, summary

GAMES = [f"league/season/{n}" for n in range(6)]
CLASSES = ("Pass", "Shot")


def moments(rng, count):
    """Times in seconds, at most 15 minutes, sorted and different."""
    return np.sort(rng.choice(np.arange(5, 900, 5), count, replace=False))


@pytest.fixture(scope="module")
def data(tmp_path_factory, write_tree):
    root, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    games = {
        game: [
            {"gameTime": f"1 - {t // 60:02d}:{t % 60:02d}", "position": str(1000 * t),
             "label": CLASSES[rng.integers(2)], "visibility": "visible"}
            for t in moments(rng, 12)
        ]
        for game in GAMES
    }  # fmt: skip
    write_tree(root, games, "Labels-v2.json")
    (root / "splits.json").write_text(json.dumps({"test": GAMES}))
    (root / "classes.json").write_text(json.dumps(list(CLASSES)))
    return root


@pytest.fixture(scope="module")
def folders(data, tmp_path_factory, write_tree):
    """Three runs: how far their detections miss the spots, in seconds."""
    made = []
    for seed, miss in enumerate((1, 20, 200)):
        rng = np.random.default_rng(seed)
        run = tmp_path_factory.mktemp("run")
        games = {}
        for game in GAMES:
            spots = json.loads((data / game / "Labels-v2.json").read_text())["annotations"]
            games[game] = [
                {"half": "1", "label": spot["label"], "confidence": str(rng.random()),
                 "position": str(abs(int(spot["position"]) + rng.integers(-miss, miss) * 1000))}
                for spot in spots
            ]  # fmt: skip
        write_tree(run / "results_spotting_test.zip", games, "results_spotting.json")
        made.append(run)
    return made


def row(name):
    return Row(name, (), ("F.npy",), (0,), "test", "loose", "position")


def outcome(name, data, folders, wrong=0.0):
    scores = {
        seed: 100 * evaluate(data, folder / "results_spotting_test.zip")["a_mAP"] + wrong
        for seed, folder in enumerate(folders)
    }
    return RowOutcome(row(name), scores, len(folders), folders=tuple(folders))


def samples_of(folder, data):
    run = read_run(folder, "test", SoccerNet_path=data)
    weights = draw_weights(len(GAMES), RESAMPLES, 0)
    tolerances = TOLERANCES_SECONDS["loose"]
    found = resample(run.targets, run.detections, 2, tolerances, weights)
    return 100 * found["all"].a_map().samples


def test_the_interval_of_a_row_is_that_of_the_mean_over_its_runs(data, folders):
    found = bounded([outcome("a", data, folders[:2])], (), data)
    mean = (samples_of(folders[0], data) + samples_of(folders[1], data)) / 2
    assert found.remarks == []
    assert found.outcomes[0].interval == pytest.approx(np.percentile(mean, (2.5, 97.5)))
    low, high = found.outcomes[0].interval
    assert low < high


def test_steps_are_paired_differences(data, folders):
    rows = [outcome("a", data, folders[:1]), outcome("b", data, folders[2:])]
    (step,) = bounded(rows, ("a", "b"), data).steps
    difference = samples_of(folders[0], data) - samples_of(folders[2], data)
    assert step.difference == pytest.approx(rows[0].mean - rows[1].mean)
    assert step.interval == pytest.approx(np.percentile(difference, (2.5, 97.5)))
    assert step.interval[0] > 0  # a run that misses by 1 s is better than one that misses by 200 s
    (step,) = bounded(rows, ("b", "a"), data).steps
    assert str(step).endswith("reversed")


def test_a_score_that_the_files_do_not_give_has_no_interval(data, folders):
    wrong = outcome("a", data, folders[:1], wrong=0.1)
    found = bounded([wrong, outcome("b", data, folders[1:2])], ("a", "b"), data)
    assert found.outcomes[0].interval is None
    assert found.outcomes[1].interval is not None
    assert found.steps == []
    assert found.remarks[0].startswith("a: no interval over games: the result files of ")


def test_runs_without_result_files(data, tmp_path):
    lost = RowOutcome(row("a"), {0: 50.0}, 1, folders=(tmp_path,))
    found = bounded([lost, RowOutcome(row("b"), {}, 1)], ("a", "b"), data)
    assert [each.interval for each in found.outcomes] == [None, None]
    assert len(found.remarks) == 1


def test_the_released_predictions_agree_with_the_published_number(
    real_labels, shared, tmp_path, capsys
):
    """What the authors released for NetVLAD, as if it were our run of that row."""
    archive = shared("data/released/NETVLAD_v2_results_spotting_test.zip")
    workspace = workspace_of("Pooling", data=real_labels, folder=tmp_path / "Pooling", root=ROOT)
    row = next(
        row for row in find_tables("Pooling", ROOT)["main"].rows if row.name == "NetVLAD, v2"
    )
    (run,) = runs_of(row, workspace, [], [0])
    run.folder.mkdir(parents=True)
    shutil.copy(archive, run.folder / "results_spotting_test.zip")
    games = official_splits()["test"]
    scores = evaluate_games(
        JsonTree(real_labels),
        JsonTree(archive),
        games,
        SOCCERNET_V2,
        reading=Reading(gt_time="gameTime"),
    )
    metrics = {metric: summary(result, V2_NAMES) for metric, result in scores.items()}
    content = {"games": len(games), "gt_time": "gameTime", "metrics": metrics}
    (run.folder / "results_test.json").write_text(json.dumps(content))
    write_record(run, state=DONE)
    words = ["Pooling", "--SoccerNet_path", real_labels, "--out", tmp_path, "--seeds", 0, "--rows",
             "NetVLAD, v2", "NetVLAD, v2, visible", "NetVLAD, v2, leaderboard, tight"]  # fmt: skip
    assert main([*map(str, words)]) == 0
    printed = capsys.readouterr().out
    assert "No verdict" not in printed
    assert "no interval" not in printed
    table = list(csv.DictReader((tmp_path / "Pooling" / "main.csv").open()))
    assert [line["verdict"] for line in table] == ["agrees"] * 3
    assert [float(line["difference"]) for line in table] == pytest.approx(
        [-0.0047, -0.0036, 0.0030], abs=1e-4
    )
    low, high = float(table[0]["low"]), float(table[0]["high"])
    assert low < 31.37 < high < low + 4
    by_class = (tmp_path / "Pooling" / "main.md").read_text()
    assert "| Corner | 55.09 | 55.09 | " in by_class
