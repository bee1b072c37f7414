"""`python -m common.evaluate` through the shell."""

import json
import re
import subprocess
import sys
import zipfile

import pytest

from common.data.events import V2_NAMES
from common.evaluate import evaluate

RESULTS = "results_spotting.json"


def run_cli(*arguments, cwd):
    command = [sys.executable, "-m", "common.evaluate", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


@pytest.fixture
def data(tmp_path, write_tree):
    """Two games, each with one goal that is found and one corner that is not shown."""
    games = ["league/season/first", "league/season/second"]
    annotations = [
        {"gameTime": "1 - 01:00", "label": "Goal", "position": "60000"},
        {"gameTime": "2 - 00:05", "label": "Corner", "position": "5000", "visibility": "not shown"},
    ]
    root = write_tree(tmp_path / "data", dict.fromkeys(games, annotations), "Labels-v2.json")
    (root / "splits.json").write_text(json.dumps({"train": [], "valid": games, "test": games}))
    found = [
        {"label": "Goal", "position": "60500", "half": "1", "confidence": "0.75"},
        {"label": "Foul", "position": "1000", "half": "1", "confidence": "0.5"},
    ]
    write_tree(tmp_path / "results", dict.fromkeys(games, found), RESULTS)
    return root, tmp_path / "results"


def table(stdout):
    """The cells of each row by the first: {"Goal": ["54.55", …], …}."""
    lines = [re.split("[│┃|]", line)[1:-1] for line in stdout.splitlines()]
    cells = [[cell.strip() for cell in line] for line in lines if line]
    return {row[0]: row[1:] for row in cells}


def test_cli_prints_a_table_and_writes_all_numbers(data, repo_root, tmp_path):
    root, results = data
    output = tmp_path / "new" / "scores.json"
    done = run_cli(
        "--SoccerNet_path", root, "--Predictions_path", results, "--split", "valid",
        "--output", output, cwd=repo_root,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "valid: 2 games" in done.stdout
    rows = table(done.stdout)
    assert list(rows)[1:-1] == list(V2_NAMES)
    assert rows["Goal"] == ["100.00", "100.00", "-", "100.00", "100.00", "-", "2 + 0", "2"]
    assert rows["Corner"] == ["0.00", "-", "0.00", "0.00", "-", "0.00", "0 + 2", "0"]
    assert rows["average"] == ["5.88", "5.88", "0.00", "5.88", "5.88", "0.00", "4", "4"]

    content = json.loads(output.read_text())
    assert (content["split"], content["games"]) == ("valid", 2)
    for metric in ("loose", "tight"):
        scores, expected = content["metrics"][metric], evaluate(root, results, metric=metric)
        for kind in ("", "_visible", "_unshown"):
            assert scores[f"a_mAP{kind}"] == expected[f"a_mAP{kind}"]
            per_class = [scores["per_class"][name][f"AP{kind}"] for name in V2_NAMES]
            assert per_class == expected[f"a_mAP_per_class{kind}"]
    goal = content["metrics"]["tight"]["per_class"]["Goal"]
    assert (goal["spots"], goal["unshown"], goal["detections"]) == (2, 0, 2)
    assert goal["AP_per_tolerance"] == [1, 1, 1, 1, 1]


def test_cli_takes_one_metric_and_a_zip(data, write_tree, repo_root, tmp_path):
    root, results = data
    packed = tmp_path / "results.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in results.rglob("*.json"):
            archive.write(file, file.relative_to(results))
    arguments = ("--SoccerNet_path", root, "--metric", "at1", "--Predictions_path")
    from_folder, from_zip = (run_cli(*arguments, p, cwd=repo_root) for p in (results, packed))
    assert from_folder.stdout == from_zip.stdout
    assert "at1" in from_zip.stdout and "loose" not in from_zip.stdout


def refused(done):
    """The one sentence of a refusal."""
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    return done.stderr


def test_cli_refuses_wrong_paths_and_splits(data, repo_root, tmp_path):
    root, results = data
    nowhere = tmp_path / "nowhere"
    for labels, predictions, split, told in (
        (nowhere, results, "test", str(nowhere)),
        (root, nowhere, "test", str(nowhere)),
        (root, results, "final", "unknown split 'final'"),
        (root, results, "train", "no games"),
    ):
        done = run_cli(
            "--SoccerNet_path", labels, "--Predictions_path", predictions, "--split", split,
            cwd=repo_root,
        )  # fmt: skip
        sentence = refused(done)
        assert told in sentence
        assert sentence.count("\n") == 1


def test_cli_names_missing_games_or_counts_them_as_empty(data, repo_root):
    root, results = data
    (results / "league/season/second" / RESULTS).unlink()
    arguments = ("--SoccerNet_path", root, "--Predictions_path", results)
    sentence = refused(run_cli(*arguments, cwd=repo_root))
    assert sentence.startswith(f"error: {results} has no {RESULTS} for 1 of the games")
    assert "--allow-missing" in sentence and sentence.endswith("\n  league/season/second\n")
    done = run_cli(*arguments, "--allow-missing", cwd=repo_root)
    assert done.returncode == 0
    # Recall one half: precision 1 at six of eleven recall levels.
    assert table(done.stdout)["Goal"][0] == "54.55"


@pytest.mark.parametrize("member", ["../evil.json", "/evil.json", "a/../../evil.json", "a\\b.json"])
def test_cli_refuses_a_zip_that_leaves_its_folder(data, repo_root, tmp_path, member):
    packed = tmp_path / "results.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(member, "{}")
    done = run_cli("--SoccerNet_path", data[0], "--Predictions_path", packed, cwd=repo_root)
    sentence = refused(done)
    assert str(packed) in sentence and repr(member) in sentence
    assert sentence.count("\n") == 1


def test_evaluating_loads_neither_torch_nor_the_package_nor_the_table(data, repo_root):
    code = (
        "import sys; from common.evaluate import evaluate\n"
        f"print(evaluate({str(data[0])!r}, {str(data[1])!r})['a_mAP_per_class'][2])\n"
        "slow = ('torch', 'matplotlib', 'rich', 'SoccerNet', 'sklearn')\n"
        "print([m for m in slow if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repo_root, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.splitlines() == ["1.0", "[]"], done.stderr


def test_an_output_that_is_read_or_a_folder_is_refused(data, repo_root, tmp_path):
    root, _ = data
    results = tmp_path / "results.zip"
    results.write_bytes(b"those of a day's work")
    arguments = ("--SoccerNet_path", root, "--Predictions_path", results, "--metric", "at1")
    assert "would overwrite" in refused(run_cli(*arguments, "--output", results, cwd=repo_root))
    assert results.read_bytes() == b"those of a day's work"
    done = run_cli(*arguments, "--output", ".", cwd=tmp_path)
    assert done.returncode == 2 and "found the folder ." in done.stderr
