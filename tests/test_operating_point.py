"""`python -m common.operating_point` through the shell, and what it writes."""

import json
import zipfile

import numpy as np
import pytest
from shell import python

from common.errors import UserError
from common.results.kept_detections import keep
from common.results.operating_points import load_point
from common.results.predictions import format_game

TEST, VALID, CHALLENGE = ["l/s/test 1", "l/s/test 2"], ["l/s/valid"], ["l/s/challenge"]
NAMES = ["PASS", "DRIVE", "SHOT"]
RESULTS = "results_spotting.json"


def annotation(minute, name):
    return {"gameTime": f"1 - 0{minute}:00", "label": name, "position": str(60_000 * minute)}


def detection(minute, name, confidence):
    return {"gameTime": f"1 - {minute}:0", "label": name, "position": str(60_000 * minute),
            "half": "1", "confidence": str(confidence)}  # fmt: skip


# PASS is right down to 0.6, DRIVE only at 0.9, SHOT never.
FOUND = [
    detection(1, "PASS", 0.8), detection(2, "PASS", 0.6), detection(5, "PASS", 0.3),
    detection(1, "DRIVE", 0.9), detection(5, "DRIVE", 0.5), detection(4, "DRIVE", 0.4),
    detection(3, "SHOT", 0.99),
]  # fmt: skip


@pytest.fixture
def run(tmp_path, write_tree):
    """A run folder with results of valid, test and challenge, and its data."""
    truth = [annotation(m, name) for m in (1, 2) for name in ("PASS", "DRIVE")]
    labelled = dict.fromkeys([*TEST, *VALID], (*truth, annotation(9, "SHOT")))
    root = write_tree(tmp_path / "data", labelled, "Labels-v2.json")
    splits = {"valid": VALID, "test": TEST, "challenge": CHALLENGE}
    (root / "splits.json").write_text(json.dumps(splits))
    (root / "classes.json").write_text(json.dumps(NAMES))
    folder = tmp_path / "models" / "net"
    for split, games in splits.items():
        write_tree(folder / f"outputs_{split}", dict.fromkeys(games, FOUND), RESULTS)
    content = {"settings": {"SoccerNet_path": "data", "split_test": list(splits)}}
    (folder / "settings_train.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def point(repo_root, run):
    def start(*words, run=run):
        done = python(repo_root, "-m", "common.operating_point", run, *words)
        assert "Traceback" not in done.stderr
        return done

    return start


def rows(stdout):
    """The cells of each row of the table by its first cell."""
    lines = [line.strip("│┃").split("│") for line in stdout.splitlines() if line[:1] in "│"]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in lines}


def kept_in(folder, games):
    """(game, label, confidence) of all that was written."""
    return [
        (game, entry["label"], float(entry["confidence"]))
        for game in games
        for entry in json.loads((folder / game / RESULTS).read_text())["predictions"]
    ]


def refused(done, *words, code=2):
    assert done.returncode == code
    assert "error: " in done.stderr
    for word in words:
        assert str(word) in done.stderr


def test_thresholds_chosen_on_valid_are_saved_and_told_on_test(point, run):
    done = point()
    assert (done.returncode, done.stderr) == (0, "")
    saved = json.loads((run / "operating_point.json").read_text())
    assert (saved["chosen_on"], saved["games"], saved["tolerance_seconds"]) == ("valid", 1, 5.0)
    thresholds = {name: each["threshold"] for name, each in saved["classes"].items()}
    assert thresholds == {"PASS": 0.6, "DRIVE": 0.9, "SHOT": None}
    assert saved["classes"]["DRIVE"] == {
        "threshold": 0.9, "precision": 1.0, "recall": 0.5, "F1": pytest.approx(2 / 3),
        "spots": 2, "found": 1, "correct": 1,
    }  # fmt: skip
    assert saved["micro"] == {
        "precision": 1.0, "recall": 3 / 5, "F1": 6 / 8, "spots": 5, "found": 3, "correct": 3,
    }  # fmt: skip
    assert saved["macro"]["F1"] == pytest.approx((1 + 2 / 3 + 0) / 3)
    table = rows(done.stdout)
    assert table["PASS"] == ["0.6000", *["100.00"] * 4, "4", "4", "4"]
    assert table["DRIVE"] == ["0.9000", "100.00", "50.00", "66.67", "66.67", "4", "2", "2"]
    assert table["SHOT"] == ["none", *["0.00"] * 4, "2", "0", "0"]
    assert table["all together (micro)"][1:4] == ["100.00", "60.00", "75.00"]
    assert table["mean of classes (macro)"][3] == "55.56"
    assert not (run / "detections_test").exists()


def test_a_class_without_spots_has_no_scores(point, run):
    for game in TEST:
        labels = run.parents[1] / "data" / game / "Labels-v2.json"
        truth = [each for each in json.loads(labels.read_text())["annotations"]
                 if each["label"] != "DRIVE"]  # fmt: skip
        labels.write_text(json.dumps({"annotations": truth}))
    table = rows(point().stdout)
    assert table["DRIVE"] == ["0.9000", "-", "-", "-", "66.67", "0", "2", "0"]
    assert table["mean of classes (macro)"][3] == "50.00"  # of the two that have some


def test_written_files_hold_what_is_kept(point, run):
    done = point("--write")
    assert "6 detections: " in done.stdout
    expected = [(game, *rest) for game in TEST for rest in
                (("PASS", 0.8), ("DRIVE", 0.9), ("PASS", 0.6))]  # fmt: skip
    assert kept_in(run / "detections_test", TEST) == expected
    with zipfile.ZipFile(run / "detections_test.zip") as archive:
        assert archive.namelist() == [f"{game}/{RESULTS}" for game in TEST]
        text = archive.read(f"{TEST[0]}/{RESULTS}")
    assert text == (run / "detections_test" / TEST[0] / RESULTS).read_bytes()


def test_saved_thresholds_serve_games_without_labels(point, run):
    refused(point("--threshold", "auto"), "choose thresholds first", run)
    assert point().returncode == 0
    saved = (run / "operating_point.json").read_bytes()
    for split in ("valid", "test"):  # they are not needed any more
        (run / f"outputs_{split}").rename(run / f"away_{split}")
    done = point("--threshold", "auto", "--apply", "challenge", "--write")
    assert (done.returncode, done.stderr) == (0, "")
    assert "precision" not in done.stdout
    kept = kept_in(run / "detections_challenge", CHALLENGE)
    assert [each[1:] for each in kept] == [("PASS", 0.8), ("DRIVE", 0.9), ("PASS", 0.6)]
    assert (run / "operating_point.json").read_bytes() == saved
    refused(point("--threshold", "auto", "--apply", "challenge"), "no labels", "--write")


def test_saved_thresholds_keep_their_tolerance(point):
    point("--tolerance", 130)
    assert "at most 65 s from a spot" in point("--threshold", "auto").stdout
    assert "at most 1 s from a spot" in point("--threshold", "auto", "--tolerance", 2).stdout


def test_one_threshold_for_all_classes(point, run):
    done = point("--threshold", "0.5", "--write", "--apply", "test", "challenge")
    assert done.returncode == 0
    assert rows(done.stdout)["DRIVE"] == ["0.5000", "50.00", "50.00", "50.00", "4", "4", "2"]
    assert not (run / "operating_point.json").exists()
    assert sorted(c for _, _, c in kept_in(run / "detections_challenge", CHALLENGE)) == [
        0.5, 0.6, 0.8, 0.9, 0.99,
    ]  # fmt: skip


def test_thresholds_chosen_where_they_are_used_are_called_so(point):
    assert "chosen on these games" in point("--on", "test").stdout
    assert "chosen on these games" not in point().stdout


def test_what_cannot_be_done_is_one_sentence(point, run, tmp_path):
    (run / "outputs_valid").rename(run / "away")
    refused(point(), "'valid', only of: challenge, test", "--test_only --split_test valid")
    refused(point(run=tmp_path / "absent"), "expected a run folder")
    refused(point("--threshold", "high"), "expected auto or a number from 0 on, found high")
    refused(point("--threshold", "-1"), "auto or a number from 0 on")
    (run / "operating_point.json").write_text('{"classes": {"PASS": {}}}')
    refused(point("--threshold", "auto"), "PASS, DRIVE, SHOT", "choose them anew")


def test_kept_entries_keep_their_bytes_and_come_in_the_order_of_time():
    frames = np.array([9000, 20, 40, 30])
    events, confidences = np.array([0, 0, 1, 1]), np.array([0.5, 0.25, 0.5, 0.125], np.float32)
    halves = [(2, frames, events, confidences), (1, frames, events, confidences)]
    content = format_game("l/s/é", halves, ["PASS", "DRIVE"], 2)
    everything, number = keep(content, "file", {"PASS": 0.0, "DRIVE": 0.0})
    order = np.argsort(frames)
    in_time = [(h, frames[order], events[order], confidences[order]) for h in (1, 2)]
    assert (everything, number) == (format_game("l/s/é", in_time, ["PASS", "DRIVE"], 2), 8)
    some, number = keep(content, "file", {"PASS": np.inf, "DRIVE": 0.5})
    assert number == 2
    assert [entry["label"] for entry in json.loads(some)["predictions"]] == ["DRIVE"] * 2
    assert keep(some, "file", {"PASS": 0.0, "DRIVE": 0.5}) == (some, 2)


def test_unknown_classes_are_left_out_and_malformed_entries_refused():
    content = json.dumps({"predictions": [detection(1, "PASS", 0.5), detection(1, "other", 0.9)]})
    assert keep(content.encode(), "file", {"PASS": 0.1})[1] == 1
    with pytest.raises(UserError, match="file: prediction 0, field confidence"):
        keep(content.replace("0.5", "high").encode(), "file", {"PASS": 0.1})


@pytest.mark.parametrize(
    ("where", "value"),
    [
        *((("tolerance_seconds",), value) for value in ("5", 0, -1, 1e300, None, True, [])),
        (("chosen_on",), None),
        *((("classes",), value) for value in ([], None, {})),
        *((("classes", "PASS", "threshold"), value) for value in ("0.5", True, [], -0.5)),
        *((("classes", "PASS", "F1"), value) for value in (None, "high", 1.5, -1)),
    ],
)
def test_a_saved_point_that_is_none_is_named(tmp_path, where, value):
    entry = {"threshold": 0.5, "F1": 0.5}
    content = {"tolerance_seconds": 5, "chosen_on": "valid", "classes": {"PASS": entry}}
    path = tmp_path / "operating_point.json"
    path.write_text(json.dumps(content))
    assert load_point(path, ("PASS",)).thresholds == [0.5]
    *above, last = where
    place = content
    for name in above:
        place = place[name]
    place[last] = value
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"operating_point\.json does not hold thresholds"):
        load_point(path, ("PASS",))


def test_the_framerate_of_the_metric(point):
    done = point("--framerate", 25)
    assert done.returncode == 0 and "at 25 frames per second" in done.stdout
    refused(point("--framerate", "1e9"), "--framerate must be frames per second")
    refused(point("--tolerance", "1e300"), "--tolerance: expected a number above 0, at most")
