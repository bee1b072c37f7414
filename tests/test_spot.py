"""`python -m common.spot`: a trained run and files to spots, a table, JSON and CSV."""

import csv
import json
import os
import shutil
import sys

import numpy as np
import pytest
from shell import games_of, python

import common.spot
from common.errors import UserError
from common.spot import name_of, program_of, started_in
from common.synthetic.data_set import FEATURE_FILE, write_data_set

CLASSES = ["Ball out of play", "Foul", "Corner"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("spot") / "data"
    write_data_set(root, games=(1, 1, 1, 0), minutes=2, dim=16)
    (root / "classes.json").write_text(json.dumps(CLASSES))
    return root


@pytest.fixture(scope="module")
def run(data, repo_root, tmp_path_factory):
    """A run of other settings than the defaults, below a folder with a path for a name."""
    cwd = tmp_path_factory.mktemp("trained")
    words = ["--SoccerNet_path", os.path.relpath(data, cwd), "--features", FEATURE_FILE,
             "--model_name", "a/pool", "--max_epochs", 1, "--batch_size", 8, "--chunk_size", 10,
             "--NMS_threshold", 0, "--NMS_window", 8, "--device", "cpu"]  # fmt: skip
    done = python(cwd, repo_root / "Pooling/main.py", *words)
    assert done.returncode == 0, done.stderr
    return cwd / "models/a/pool"


@pytest.fixture
def halves(data):
    game = games_of(data, "test")[0]
    return [data / game / f"{half}_{FEATURE_FILE}" for half in (1, 2)]


def test_halves_become_a_table_json_and_csv(run, data, halves, tmp_path, repo_root):
    words = [run, *(os.path.relpath(half, tmp_path) for half in halves), "--threshold", 0.45,
             "--csv", "found.csv", "--device", "cpu"]  # fmt: skip
    cwd = tmp_path
    done = python(cwd, "-m", "common.spot", *words)
    assert (done.returncode, done.stderr) == (0, "")
    name = f"outputs_{halves[0].parent.name}_{halves[0].stem[2:]}"
    everything = json.loads((run / name / "results_spotting.json").read_text())["predictions"]
    game = games_of(data, "test")[0]
    as_tested = json.loads((run / f"outputs_test/{game}/results_spotting.json").read_text())
    assert everything == as_tested["predictions"]
    kept = [each for each in everything if float(each["confidence"]) >= 0.45]
    assert 0 < len(kept) < len(everything)
    expected = sorted(
        (int(each["half"]), int(each["position"]), each["label"], float(each["confidence"]))
        for each in kept
    )
    content = json.loads((run / name / "spots.json").read_text())
    spots = content["spots"]
    columns = ("half", "milliseconds", "class", "confidence")
    assert sorted(tuple(spot[key] for key in columns) for spot in spots) == expected
    assert [(s["half"], s["milliseconds"]) for s in spots] == [e[:2] for e in expected]
    for spot in spots:
        seconds = spot["milliseconds"] // 1000
        assert spot["time"] == f"{seconds // 60:02d}:{seconds % 60:02d}"
    with (cwd / "found.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [{key: str(value) for key, value in spot.items()} for spot in spots]
    assert f"{len(kept)} spots at or above 0.45" in done.stdout
    assert sum(line.startswith("│") for line in done.stdout.splitlines()) == len(kept)


def test_what_the_program_refuses_is_said_once(run, tmp_path, repo_root):
    np.save(tmp_path / "video.npy", np.zeros((9, 5), np.float32))
    done = python(tmp_path, "-m", "common.spot", run, "video.npy", "--device", "cpu")
    assert done.returncode == 2
    assert done.stderr.count("error: ") == 1
    assert "video.npy has 5 features per frame, expected 16" in done.stderr
    assert done.stdout == ""


def test_json_and_csv_are_two_files(run, tmp_path):
    (tmp_path / "out").mkdir()
    words = ["x.npy", "--json", tmp_path / "out/x", "--csv", tmp_path / "out/../out/x"]
    with pytest.raises(UserError, match="--json and --csv are the same file"):
        common.spot.main([str(run), *map(str, words)])
    assert list((tmp_path / "out").iterdir()) == []


def test_a_run_whose_data_is_gone_knows_its_classes(run, data, halves, tmp_path, repo_root):
    moved = shutil.copytree(run.parents[2], tmp_path / "moved")
    half = shutil.copy(halves[0], tmp_path / "mine.npy")
    record = moved / "models/a/pool/settings_train.json"
    record.write_text(record.read_text().replace(os.path.relpath(data, run.parents[2]), "gone"))
    done = python(tmp_path, "-m", "common.spot", moved / "models/a/pool", half)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads((moved / "models/a/pool/outputs_mine/results_spotting.json").read_text())
    assert {each["label"] for each in found["predictions"]} <= {
        "Ball out of play",
        "Foul",
        "Corner",
    }


def test_videos_go_to_the_flag_for_videos(run, tmp_path, monkeypatch):
    started = []

    class Ended:
        returncode = 3

    def start(words, **settings):
        started.append((words, settings["cwd"]))
        return Ended

    monkeypatch.setattr(common.spot.subprocess, "run", start)
    monkeypatch.chdir(tmp_path)
    words = [str(run), "1.mkv", "2.mkv", "--backbone", "resnet152", "--pca", "p.npz", "--download"]
    assert common.spot.main(words) == 3
    ((words, folder),) = started
    assert words[0] == sys.executable and words[1].endswith("Pooling/main.py")
    assert folder == run.parents[2]
    assert words[2:] == [
        "--model_name", "a/pool", "--video_path", f"{tmp_path}/1.mkv", f"{tmp_path}/2.mkv",
        "--device", "auto", "--backbone", "resnet152", "--pca", f"{tmp_path}/p.npz", "--download",
    ]  # fmt: skip
    with pytest.raises(UserError, match="found both"):
        common.spot.main([str(run), "1.mkv", "2.npy"])


def test_a_run_that_cannot_be_used_is_one_sentence(run, tmp_path):
    with pytest.raises(UserError, match="expected a run folder models/<model_name> at"):
        program_of(tmp_path / "absent")
    for name, sentence in (
        ("model.pth.tar", "found a file of a run; give its folder, .*/a/pool$"),
        ("../../../1_224p.mkv", "found a file; the run comes first: "),
    ):
        (run / name).touch()
        with pytest.raises(UserError, match=sentence):
            program_of(run / name)
    with pytest.raises(UserError, match=r"has no settings_train\.json, which tells its program"):
        program_of(tmp_path)
    record = tmp_path / "settings_train.json"
    for command in ("main.py", "NoSuch/main.py", "common/spot.py"):
        record.write_text(json.dumps({"settings": {}, "command": [command]}))
        with pytest.raises(UserError, match=f"names {command} as the program of the run"):
            program_of(tmp_path)
    with pytest.raises(UserError, match="move it below a folder of the name models"):
        started_in(tmp_path)
    assert name_of(run, started_in(run)) == "a/pool"
