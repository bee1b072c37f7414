"""`python -m common.compare` through the shell."""

import csv
import json

import pytest
from shell import python

from common.evaluate import evaluate

GAMES = [f"league/season/game {number}" for number in range(6)]
NAMES = ["PASS", "DRIVE"]
LABELS = "Labels-v2.json"
RESULTS = "results_spotting.json"


def annotations(unshown=2):
    """Each class at three times of both halves; the last times are not shown in some games."""
    return [
        {"gameTime": f"{half} - 0{minute}:00", "label": name, "position": str(60_000 * minute),
         "visibility": "not shown" if minute > 3 - unshown else "visible"}
        for half in (1, 2) for minute in (1, 2, 3) for name in NAMES
    ]  # fmt: skip


def found(minutes):
    return [
        {"label": name, "position": str(60_000 * minute), "half": "1", "confidence": "0.75"}
        for minute in minutes
        for name in NAMES
    ]


@pytest.fixture
def root(tmp_path, write_tree):
    path = write_tree(tmp_path / "data", dict.fromkeys(GAMES, annotations()), LABELS)
    (path / "splits.json").write_text(json.dumps({"test": GAMES, "valid": GAMES[:4]}))
    (path / "classes.json").write_text(json.dumps(NAMES))
    return path


@pytest.fixture
def runs(tmp_path, root, write_tree):
    """Three run folders: `good` finds two more minutes than `poor`, and `mixed` now and then."""
    minutes = {
        "poor": [[1]] * 6,
        "good": [[1, 2, 3]] * 6,
        "mixed": [[1], [1, 2, 3], [4, 5], [1], [1, 2], [4]],
    }
    folders = []
    for name, games in minutes.items():
        folder = tmp_path / "models" / name
        results = {game: found(each) for game, each in zip(GAMES, games, strict=True)}
        write_tree(folder / "outputs_test", results, RESULTS)
        content = {"settings": {"SoccerNet_path": "data", "version": 2, "split_test": ["test"]}}
        (folder / "settings_train.json").write_text(json.dumps(content))
        folders.append(folder)
    return folders


@pytest.fixture
def compare(repo_root):
    def run(*words):
        done = python(repo_root, "-m", "common.compare", *words)
        assert "Traceback" not in done.stderr
        return done

    return run


def test_all_numbers_as_json(compare, runs, root, tmp_path):
    file = tmp_path / "new" / "numbers.json"
    done = compare(*runs, "--resamples", 200, "--kind", "all", "unshown", "--output", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert "17/13" in done.stdout and "fewer than 10 games" in done.stdout
    content = json.loads(file.read_text())
    assert (content["split"], content["games"], content["resamples"]) == ("test", 6, 200)
    lines = {(each["metric"], each["kind"], each["event"], each["run"]): each
             for each in content["lines"]}  # fmt: skip
    assert len(lines) == 2 * 2 * 3 * 3
    for run in runs:
        for metric in ("loose", "tight"):
            expected = evaluate(root, run / "outputs_test", metric=metric)
            score = lines[metric, "all", "average", run.name]["score"]
            assert score["value"] == pytest.approx(expected["a_mAP"], abs=1e-12)
            assert score["low"] <= score["value"] <= score["high"]
            score = lines[metric, "unshown", "DRIVE", run.name]["score"]
            assert score["value"] == pytest.approx(expected["a_mAP_per_class_unshown"][1])
    # All games are alike to these two, so every resample says the same.
    good = lines["loose", "all", "average", "good"]
    assert good["p"] == pytest.approx(2 / 201)
    assert good["difference"]["low"] == pytest.approx(good["difference"]["value"])
    mixed = lines["loose", "all", "average", "mixed"]
    assert mixed["difference"]["low"] < mixed["difference"]["high"]
    poor = lines["loose", "all", "average", "poor"]
    assert (poor["difference"], poor["p"]) == (None, None)
    assert good["difference"]["value"] == pytest.approx(
        good["score"]["value"] - poor["score"]["value"]
    )


def test_a_class_named_average_is_a_class(compare, runs, root, tmp_path, write_tree):
    """Its precision is another number than the average, and all forms have both."""
    names = {"PASS": "average", "DRIVE": "average (class)"}

    def renamed(entries):
        return [{**each, "label": names[each["label"]]} for each in entries]

    write_tree(root, dict.fromkeys(GAMES, renamed(annotations())), LABELS)
    (root / "classes.json").write_text(json.dumps(list(names.values())))
    results = [each for each in found([1, 2, 3]) if each["label"] == "PASS"]
    write_tree(runs[0] / "outputs_test", dict.fromkeys(GAMES, renamed(results)), RESULTS)
    file = tmp_path / "numbers.json"
    words = [runs[0], "--metric", "loose", "--resamples", 20]
    plain = compare(*words, "--output", file)
    expected = evaluate(root, runs[0] / "outputs_test")
    average, (high, low) = expected["a_mAP"], expected["a_mAP_per_class"]
    assert high > average > low == 0
    assert f"{100 * average:.2f}" in plain.stdout and f"{100 * high:.2f}" not in plain.stdout
    lines = {
        each["event"]: each["score"]["value"] for each in json.loads(file.read_text())["lines"]
    }
    assert lines == pytest.approx(
        {"average": average, "average (class) (class)": high, "average (class)": low}
    )
    compare(*words, "--per-class", "--output", tmp_path / "tables.md")
    rows = [line for line in (tmp_path / "tables.md").read_text().splitlines() if "poor" in line]
    assert [row.split(" | ")[0] for row in rows] == [
        "| average (class) (class)", "| average (class)", "| average"
    ]  # fmt: skip


def test_tables_on_the_screen_and_in_markdown(compare, runs, tmp_path):
    file = tmp_path / "tables.md"
    done = compare(*runs, "--resamples", 50, "--metric", "tight", "--per-class", "--output", file)
    assert done.returncode == 0
    assert "17/13" not in done.stdout
    scores, differences = file.read_text().split("\n\ndifference to poor, paired over games")
    assert scores.startswith("average-mAP (%) with 95 % intervals, test: 6 games at 2 frames per ")
    rows = [line for line in scores.splitlines() if line.startswith("| ")]
    assert rows[0] == "| class | run | tight |"
    assert [row.split(" | ")[0] for row in rows[2:]] == (
        ["| PASS"] * 3 + ["| DRIVE"] * 3 + ["| average"] * 3
    )
    assert "| PASS | good | " in scores and "| PASS | poor |" not in differences
    for row in rows[2:]:
        for cell in row.strip("| ").split(" | "):
            assert cell in done.stdout


def test_csv_has_a_row_per_line(compare, runs, tmp_path):
    file = tmp_path / "lines.csv"
    compare(*runs[:2], "--resamples", 50, "--metric", "at1", "--output", file)
    with file.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["event"], row["run"]) for row in rows] == [
        (event, run) for event in ("average", *NAMES) for run in ("poor", "good")
    ]
    assert rows[0]["p"] == "" and float(rows[1]["p"]) == pytest.approx(2 / 51)


def test_the_same_seed_gives_the_same_file(compare, runs, tmp_path):
    texts = []
    for number, seed in enumerate((1, 1, 2)):
        file = tmp_path / f"{number}.csv"
        compare(runs[0], runs[2], "--resamples", 50, "--seed", seed, "--output", file)
        texts.append(file.read_text())
    assert texts[0] == texts[1] != texts[2]


def test_one_run_has_intervals_only_and_equal_names_are_told_apart(compare, runs, root):
    done = compare(runs[0], "--resamples", 50)
    assert done.returncode == 0 and "difference" not in done.stdout
    results = [run / "outputs_test" for run in runs[:2]]
    done = compare(*results, "--resamples", 50, "--SoccerNet_path", root)
    assert all(str(path) in done.stdout for path in results)
    done = compare(runs[2], runs[2], "--resamples", 50)
    assert f"{runs[2]} (2)" in done.stdout
    assert done.stdout.count("+0.00 [+0.00, +0.00] p 1.0000") == 2


def refused(done, *words):
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    for word in words:
        assert str(word) in done.stderr


def test_runs_on_other_games_classes_or_annotations(compare, runs, root, tmp_path, write_tree):
    other = write_tree(tmp_path / "other", dict.fromkeys(GAMES, annotations(0)), LABELS)
    settings = {"settings": {"SoccerNet_path": str(other), "split_test": ["test"]}}
    (runs[1] / "settings_train.json").write_text(json.dumps(settings))
    (other / "classes.json").write_text(json.dumps(NAMES))
    (other / "splits.json").write_text(json.dumps({"test": GAMES}))
    refused(compare(*runs[:2]), "annotations", root, other)
    (other / "splits.json").write_text(json.dumps({"test": GAMES[:5]}))
    refused(compare(*runs[:2]), "different games, 6 and 5, such as league/season/game 5")
    (other / "splits.json").write_text(json.dumps({"test": GAMES[::-1]}))
    refused(compare(*runs[:2]), "in another order")
    (other / "classes.json").write_text(json.dumps(NAMES[::-1]))
    refused(compare(*runs[:2]), "different classes, 2 (PASS, DRIVE) and 2 (DRIVE, PASS)")
    assert compare(*runs[:2], "--SoccerNet_path", root, "--resamples", 5).returncode == 0


def test_what_cannot_be_done_is_one_sentence(compare, runs, tmp_path):
    refused(compare(*runs, "--output", tmp_path / "table.xlsx"), ".json, .csv, .md")
    refused(compare(*runs, "--split", "valid"), "'valid', only of: test")
    refused(compare(tmp_path / "absent"), tmp_path / "absent")
