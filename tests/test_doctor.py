"""The data doctor: each check on arrays, then whole folders through the command."""

import json
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from common.data.events import SOCCERNET_V1, SOCCERNET_V2
from common.data.features import open_half
from common.data.label_quirks import label_quirks, late_spots, shared_frames
from common.data.labels import parse_labels, read_labels
from common.data.late_spots import LateSpots
from common.doctor.__main__ import main
from common.doctor.checks import (
    FolderCheck,
    GameReport,
    check_lists,
    check_split,
    read_all,
)
from common.doctor.comparisons import compare_halves, compare_labels, odd_lengths
from common.errors import UserError

LABELS = "Labels-v2.json"
GAMES = {"train": ["l/s/a", "l/s/b", "l/s/c"], "test": ["l/s/d"], "challenge": ["l/s/e"]}
MINUTES, DIM = 2, 8
FRAMES = 120 * MINUTES


def spot(half=1, milliseconds=1000, label="Goal", **changes):
    minutes, seconds = divmod(milliseconds // 1000, 60)
    clock = f"{half} - {minutes:02}:{seconds:02}"
    return {"gameTime": clock, "label": label, "position": str(milliseconds), **changes}


def parsed(*annotations, classes=SOCCERNET_V2):
    return parse_labels(json.dumps({"annotations": annotations}).encode(), "labels", classes)


@pytest.fixture
def root(tmp_path):
    """A data folder without a fault: five games of two halves."""
    rng = np.random.default_rng(0)
    for split, games in GAMES.items():
        for game in games:
            folder = tmp_path / game
            folder.mkdir(parents=True)
            for half in (1, 2):
                values = rng.standard_normal((FRAMES, DIM), np.float32)
                np.save(folder / f"{half}_X.npy", values)
            if split != "challenge":
                write_labels(folder, [spot(1, 61_500), spot(2, 3000, "Foul")])
    (tmp_path / "splits.json").write_text(json.dumps(GAMES))
    return tmp_path


def write_labels(folder, annotations):
    (folder / LABELS).write_text(json.dumps({"annotations": annotations}))


@pytest.fixture
def examine(monkeypatch, capsys):
    """Runs the command; returns exit code and output."""

    def run(root, *arguments):
        words = ["--SoccerNet_path", str(root), *arguments]
        if "--features" not in arguments:
            words += ["--features", "X.npy"]
        monkeypatch.setenv("COLUMNS", "200")
        code = main(words)
        return code, capsys.readouterr().out

    return run


# Checks on arrays.


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ([], []),
        ([spot(1, 499), spot(1, 900), spot(2, 0)], ["1 spot at position 0"]),
        ([spot(1, 0), spot(2, 0)], ["2 spots at position 0"]),
        ([spot(1, 1000, gameTime="1 - 00:02")], []),
        (
            [spot(1, 373_576, gameTime="1 - 06:45")],
            ["gameTime and position differ by more than 1 s in 1 spot, at 1 - 06:45 (31 s)"],
        ),
        (
            [spot(2, 1000 * t, gameTime=f"2 - 01:{t:02}") for t in range(1, 6)],
            [
                "gameTime and position differ by more than 1 s in 5 spots, at 2 - 01:01 (60 s), "
                "2 - 01:02 (60 s), 2 - 01:03 (60 s) and 2 more"
            ],
        ),
        (
            [spot(1, 1000), spot(1, 1499)],
            ["1 spot in one frame with another of the same class"],
        ),
        ([spot(1, 1000), spot(1, 1499, "Foul"), spot(1, 1500), spot(2, 1500)], []),
        (
            [spot(1, 9000), spot(1, 8000), spot(2, 1000)],
            ["not sorted: a later spot stands before 1 - 00:08"],
        ),
        ([spot(2, 1000), spot(1, 1000)], ["not sorted: a later spot stands before 1 - 00:01"]),
        (
            [spot(label="Fowl"), spot(label="Fowl"), spot(label="VAR")],
            ["3 spots of unknown classes, left out: 'Fowl', 'VAR'"],
        ),
    ],
)
def test_label_quirks(annotations, expected):
    assert label_quirks(parsed(*annotations)) == expected


def test_version_1_labels_have_no_position_to_quarrel_with():
    times = ["1 - 00:00", "1 - 35:21", "2 - 00:10"]
    annotations = [{"gameTime": time, "label": "soccer-ball"} for time in times]
    labels = parsed(*annotations, classes=SOCCERNET_V1)
    assert label_quirks(labels) == []
    assert label_quirks(parsed(*annotations[::-1], classes=SOCCERNET_V1)) != []


@pytest.mark.parametrize(("framerate", "expected"), [(1, 2), (2, 1), (25, 0)])
def test_spots_share_a_frame_according_to_the_framerate(framerate, expected):
    labels = parsed(spot(1, 1000), spot(1, 1400), spot(1, 1900))
    assert shared_frames(labels, framerate) == expected


def test_spots_beyond_the_last_row():
    labels = parsed(*(spot(1, 1000 * second) for second in range(1, 41)), spot(2, 50_000))
    assert late_spots(labels, 1, 81) == []
    assert late_spots(labels, 1, 80) == ["half 1: 1 spot beyond the last row, 79"]
    assert late_spots(labels, 1, 40) == [
        "half 1: 21 spots beyond the last row, 39; is --framerate right?"
    ]
    assert late_spots(labels, 2, 101) == []


def test_lengths_are_compared_with_the_median():
    real = np.array([5385, 5399, 5399, 6317, 7440])  # shortest and longest that are known
    assert not odd_lengths(real).any()
    assert (
        odd_lengths(np.array([5400, 5400, 5400, 2700, 13500])).tolist() == [False] * 3 + [True] * 2
    )


def test_dimension_is_that_of_the_majority_unless_given():
    reports = [GameReport(str(d), dimensions={1: d}, frames={1: 10}) for d in (8, 4, 8)]
    compare_halves(reports)
    assert [report.errors for report in reports] == [
        [],
        ["half 1: 4 features per frame, not 8"],
        [],
    ]
    reports = [GameReport(str(d), dimensions={1: d}, frames={1: 10}) for d in (8, 4)]
    compare_halves(reports, dimension=4)
    assert [bool(report.errors) for report in reports] == [True, False]
    compare_halves([GameReport("nothing opens")])


@pytest.mark.parametrize("row", [0, 1, 6, 9])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_are_read_in_blocks_to_the_last_row(tmp_path, row, value):
    values = np.zeros((10, 4), np.float32)
    np.save(tmp_path / "1_X.npy", values)
    three_rows = 3 * 4 * values.itemsize
    half = open_half(tmp_path, 1, ["X.npy"])
    assert read_all(half, three_rows)[0] == 10  # rows of nothing but 0
    values[3, 1] = -1
    np.save(tmp_path / "1_X.npy", values)
    assert read_all(open_half(tmp_path, 1, ["X.npy"]), three_rows)[0] == 9
    values[row, 2] = value
    np.save(tmp_path / "1_X.npy", values)
    with pytest.raises(UserError, match=f"row {row} holds NaN or infinity"):
        read_all(open_half(tmp_path, 1, ["X.npy"]), three_rows)


def test_the_real_labels_have_the_known_quirks(real_labels):
    counts = {"zero": 0, "shared": 0}
    other = []
    for path in real_labels.rglob(LABELS):
        labels = read_labels(path, SOCCERNET_V2)
        counts["zero"] += int((labels.milliseconds == 0).sum())
        counts["shared"] += shared_frames(labels)
        quirks = label_quirks(labels)
        other += [q for q in quirks if "position 0" not in q and "one frame" not in q]
    assert counts == {"zero": 471, "shared": 117}
    assert other == ["gameTime and position differ by more than 1 s in 1 spot, at 1 - 06:45 (31 s)"]


# Whole folders.


def test_sound_folder(root, examine):
    code, out = examine(root)
    assert code == 0
    assert out.splitlines() == [
        "note: there is no split valid: a training then needs --split_valid",
        "train: 3 games, 0 with errors, 0 with notes; 6 spots; 6 halves of 2.0 to 2.0 min "
        "(median 2.0), 8 features per frame",
        "test: 1 game, 0 with errors, 0 with notes; 2 spots; 2 halves of 2.0 to 2.0 min "
        "(median 2.0), 8 features per frame",
        "challenge: 1 game, 0 with errors, 0 with notes; 0 spots; 2 halves of 2.0 to 2.0 min "
        "(median 2.0), 8 features per frame",
    ]


def broken(root, how):
    """Breaks game b in one way."""
    folder = root / "l/s/b"
    first = folder / "1_X.npy"
    values = np.load(first)
    match how:
        case "missing half":
            first.unlink()
        case "missing labels":
            (folder / LABELS).unlink()
        case "truncated":
            first.write_bytes(first.read_bytes()[:-40])
        case "empty file":
            first.write_bytes(b"")
        case "text":
            first.write_text("<html>busy</html>")
        case "no rows":
            np.save(first, values[:0])
        case "other dimension":
            np.save(first, values[:, :4])
        case "nan":
            values[7, 3] = np.nan
            np.save(first, values)
        case "infinite":
            values[FRAMES - 1] = np.array([np.inf, -np.inf] * 4)
            np.save(first, values)
        case "bad json":
            (folder / LABELS).write_text('{"annotations": [')
        case "half 3":
            write_labels(folder, [spot(3)])
        case "bad clock":
            write_labels(folder, [spot(gameTime="1 - 7:4")])


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("missing half", "error: missing: 1_X.npy"),
        ("missing labels", f"error: missing: {LABELS}"),
        ("truncated", "error: 1_X.npy is cut off"),
        ("empty file", "error: 1_X.npy is cut off or is not a .npy"),
        ("text", "error: 1_X.npy is cut off or is not a .npy"),
        ("no rows", "error: 1_X.npy holds no rows"),
        ("other dimension", "error: half 1: 4 features per frame, not 8"),
        ("nan", "error: 1_X.npy: row 7 holds NaN or infinity"),
        ("infinite", f"error: 1_X.npy: row {FRAMES - 1} holds NaN or infinity"),
        ("bad json", f"error: {LABELS} is not valid JSON"),
        ("half 3", f"error: {LABELS}: annotation 0, field gameTime: expected a half"),
        ("bad clock", f"error: {LABELS}: annotation 0, field gameTime: expected"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_what_training_would_fail_on(root, examine, how, expected):
    broken(root, how)
    code, out = examine(root)
    assert code == 1
    row = next(line for line in out.splitlines() if "l/s/b" in line)
    assert expected in row
    assert "train: 3 games, 1 with errors" in out and "test: 1 game, 0 with errors" in out
    assert "l/s/a" not in out


def test_notes_do_not_fail(root, examine):
    write_labels(root / "l/s/b", [spot(1, 0), spot(2, 121_000)])
    np.save(root / "l/s/c/2_X.npy", np.ones((FRAMES // 2, DIM), np.float32))
    code, out = examine(root)
    assert code == 0
    for note in (
        "note: 1 spot at position 0",
        "note: half 2: 1 spot beyond the last row, 239; is --framerate right?",
        "note: half 2: 1.0 min, where 2.0 are usual",
    ):
        assert note in out
    assert "train: 3 games, 0 with errors, 2 with notes" in out
    code, out = examine(root, "--no-notes")
    assert code == 0 and "note:" not in out


def test_fast_does_not_read_values(root, examine):
    broken(root, "nan")
    assert examine(root, "--fast")[0] == 0
    broken(root, "truncated")
    assert examine(root, "--fast")[0] == 1


def test_dimensions_are_compared_across_splits(root, examine):
    for half in (1, 2):
        np.save(root / f"l/s/e/{half}_X.npy", np.ones((FRAMES, 4), np.float32))
    code, out = examine(root)
    assert code == 1 and "half 2: 4 features per frame, not 8" in out
    assert examine(root, "--split", "train", "test")[0] == 0
    assert examine(root, "--split", "train", "--feature_dim", "8")[0] == 0
    assert examine(root, "--split", "train", "--feature_dim", "16")[0] == 1


def test_features_side_by_side(root, examine):
    for game in [game for games in GAMES.values() for game in games]:
        for half in (1, 2):
            np.save(root / f"{game}/{half}_Y.npy", np.ones((FRAMES - 2, 3), np.float16))
    code, out = examine(root, "--features", "X.npy", "Y.npy", "--feature_dim", "11")
    assert code == 0 and "11 features per frame" in out
    np.save(root / "l/s/a/1_Y.npy", np.ones((FRAMES // 2, 3), np.float16))
    code, out = examine(root, "--features", "X.npy", "Y.npy")
    assert code == 1 and "240 and 120 rows" in out


def test_alike_games_share_a_row(root, examine):
    code, out = examine(root, "--features", "Z.npy")
    assert code == 1
    assert "and 4 more games" in out and out.count("missing: 1_Z.npy, 2_Z.npy") == 1
    assert out.splitlines()[-1].startswith("add them, or take their games out of")


def test_official_folder_gets_the_command_to_fetch(tmp_path, examine, monkeypatch):
    monkeypatch.setattr("common.data.games.official_splits", lambda: {"test": ["l/s/a"]})
    arguments = ("--features", "ResNET_TF2.npy", "--split", "test")
    code, out = examine(tmp_path, *arguments)
    assert code == 1
    assert "python -m common.download --SoccerNet_path" in out.splitlines()[-1]


def test_a_part_of_soccernet_is_a_data_folder(tmp_path, examine, monkeypatch):
    games = {"train": ["l/s/a", "l/s/b"], "test": ["l/s/c"]}
    monkeypatch.setattr("common.data.games.official_splits", lambda: games)
    (tmp_path / "l/s/b").mkdir(parents=True)
    np.save(tmp_path / "l/s/b/1_X.npy", np.ones((FRAMES, DIM), np.float32))
    np.save(tmp_path / "l/s/b/2_X.npy", np.full((FRAMES, DIM), 2, np.float32))
    write_labels(tmp_path / "l/s/b", [spot()])
    code, out = examine(tmp_path)
    assert code == 1  # a training would ask for games of test
    assert f"error: none of the 1 game of test is in {tmp_path}" in out
    code, out = examine(tmp_path, "--split", "train")
    assert code == 0
    assert len(out.splitlines()) == 1 and out.startswith("train: 1 of 2 games, 0 with errors")
    code, out = examine(tmp_path, "--split", "test")
    assert code == 1 and f"missing: 1_X.npy, 2_X.npy, {LABELS}" in out


def test_own_classes_and_a_challenge_with_labels(root, examine):
    (root / "classes.json").write_text(json.dumps({"classes": ["Foul"], "halves": 1}))
    (root / "l/s/e" / LABELS).write_text("{")
    code, out = examine(root, "--split", "challenge")
    assert code == 1 and f"{LABELS} is not valid JSON" in out
    code, out = examine(root, "--split", "train")
    assert code == 1 and "expected a half from 1 to 1" in out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--split", "tset"], "unknown split 'tset'"),
        (["--SoccerNet_path", "nowhere"], "nowhere"),
        (["--framerate", "0"], "--framerate"),
    ],
)
def test_wrong_arguments_are_one_sentence(root, repo_root, arguments, expected):
    command = [sys.executable, "-m", "common.doctor", "--SoccerNet_path", str(root)]
    done = subprocess.run(
        [*command, "--features", "X.npy", *arguments],
        cwd=repo_root, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and expected in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_many_games_are_read_at_once(root):
    reports = check_split(FolderCheck(root, ("X.npy",), SOCCERNET_V2), "train")
    assert [report.game for report in reports] == GAMES["train"]
    assert all(report.frames == {1: FRAMES, 2: FRAMES} for report in reports)


@pytest.mark.parametrize(
    ("splits", "expected"),
    [
        ({}, "must look like"),
        ([], "must look like"),
        (GAMES | {"test": ["l/s/a"]}, "1 game of train also in test, such as l/s/a"),
        (GAMES | {"valid": []}, "the split valid holds no games"),
        (GAMES | {"test": ["l/s/d", "l/s/d"]}, "the split test holds 'l/s/d' twice"),
        (GAMES | {"test": ["l/s/nowhere"]}, "none of the 1 game of test is in"),
    ],
)
def test_lists_on_which_training_would_fail_or_mislead(root, examine, splits, expected):
    (root / "splits.json").write_text(json.dumps(splits))
    code, out = examine(root)
    assert code == 1
    assert any(line.startswith("error: ") and expected in line for line in out.splitlines())


@pytest.mark.parametrize("label_file", ["", ".", "..", "a/b", 3])
def test_a_label_file_that_is_no_name_is_found(root, examine, label_file):
    (root / "classes.json").write_text(json.dumps({"classes": ["Foul"], "label_file": label_file}))
    code, out = examine(root)
    assert code == 1 and out.startswith("error: ") and '"label_file" must be a file name' in out


def test_a_split_whose_games_are_not_here_is_an_error_unless_others_are_named(tmp_path):
    (tmp_path / "l/s/a").mkdir(parents=True)
    listed = {"train": ["l/s/a"], "valid": ["l/s/b"], "test": ["l/s/c"], "challenge": ["l/s/d"]}
    told = check_lists(tmp_path, listed)
    assert [line.split(" is in ")[0] for line in told] == [
        "none of the 1 game of valid", "none of the 1 game of test"
    ]  # fmt: skip
    assert check_lists(tmp_path, listed, ["train"]) == []


def test_a_framerate_that_does_not_fit_the_labels_is_told(root, examine):
    for game in [*GAMES["train"], *GAMES["test"]]:
        write_labels(root / game, [spot(h, 1000 * s) for h in (1, 2) for s in (1, 10, 30, 80, 115)])
    code, out = examine(root)
    assert code == 0 and "no half has spots" not in out
    code, out = examine(root, "--framerate", "0.5")
    assert code == 0 and "note: no half has spots behind 24% of it; have the features more" in out
    code, out = examine(root, "--framerate", "12.5")
    assert code == 1 and "error: 24 of 40 spots lie behind the last row of their half" in out


def test_labels_and_features_are_compared_over_all_games():
    def report(game, spots, late, **how):
        return GameReport(game, late=LateSpots(Counter({1: spots}), Counter({1: late})), **how)

    few = report("a", 4, 4)
    assert compare_labels([few]) == ([], [])
    (error,), notes = compare_labels([few, report("b", 30, 16)])
    assert error.startswith("20 of 34 spots lie behind the last row") and not notes
    half = [report("a", 20, 0, reach=[0.48, 0.45])]
    errors, (note,) = compare_labels(half)
    assert not errors and note.startswith("no half has spots behind 48% of it")
    assert compare_labels([*half, report("b", 9, 0, reach=[0.9])]) == ([], [])


def test_arrays_that_are_all_turned_are_told_as_that():
    reports = [GameReport(str(d), dimensions={1: d}, frames={1: 16}) for d in (80, 81, 82, 83)]
    compare_halves(reports)
    errors = [error for report in reports for error in report.errors]
    assert len(errors) == 3 and all("stored as [features, frames]?" in error for error in errors)


def test_games_may_have_fewer_halves_than_the_most(root, examine):
    classes = {"classes": ["Goal", "Foul"], "halves": 3}
    (root / "classes.json").write_text(json.dumps(classes))
    assert examine(root)[0] == 0
    write_labels(root / "l/s/a", [spot(3)])
    code, out = examine(root)
    assert code == 1 and "error: missing: 3_X.npy" in out


def test_a_split_without_a_known_class_is_an_error_as_in_training(root, examine):
    for game in GAMES["train"]:
        write_labels(root / game, [spot(label="goal"), spot(label="foul")])
    code, out = examine(root)
    assert code == 1
    told = "error: not one annotation of the split train is of a known class: found 'goal' (3)"
    assert told in out
    write_labels(root / "l/s/b", [spot()])
    code, out = examine(root)
    assert code == 0 and "note: 4 annotations of the split train left out, of no known class" in out


def test_a_split_without_a_spot_and_clocks_that_disagree_are_told_once(root, examine):
    for game in GAMES["train"]:
        write_labels(root / game, [])
    write_labels(root / "l/s/d", [spot(1, t, gameTime="1 - 01:30") for t in (10, 20, 30)])
    code, out = examine(root)
    assert code == 0
    assert "note: the annotations of the split train hold not a single spot" in out
    assert out.count("gameTime and position differ by more than a second in 3 of 3 spots") == 1


def test_rows_of_zeros_are_told(root, examine):
    values = np.load(root / "l/s/b/2_X.npy")
    values[100:] = 0  # the rest of a file that was laid out first and never filled
    np.save(root / "l/s/b/2_X.npy", values)
    code, out = examine(root)
    assert code == 0 and f"half 2: 140 of {FRAMES} rows hold nothing but 0" in out
    assert "nothing but 0" not in examine(root, "--fast")[1]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["train", "val", "test"], ["valid"]),
        (["Train", "valid", "challenge"], ["train"]),
        (["a", "b"], ["train", "valid", "test or challenge"]),
        (["train", "valid", "test"], []),
    ],
)
def test_splits_that_a_training_takes_by_default_are_missed(root, examine, names, told):
    games = [["l/s/a"], ["l/s/b"], ["l/s/c"]]
    (root / "splits.json").write_text(json.dumps(dict(zip(names, games, strict=False))))
    write_labels(root / "l/s/c", [spot()])
    code, out = examine(root)
    notes = [line for line in out.splitlines() if line.startswith("note: there is no split")]
    assert code == 0
    assert [note.split("split ")[1].split(":")[0] for note in notes] == told
    assert "no split" not in examine(root, "--split", *names[:2])[1]


def test_what_is_missing_comes_with_what_is_there(root, examine):
    code, out = examine(root, "--features", "x.npy")
    assert code == 1 and "holds 1_X.npy: --features X.npy?" in out
    (root / "l/s/a/1_X.npy").unlink()
    (root / "l/s/a/1_X.npy").mkdir()
    assert "1_X.npy is there, but is no file: a folder" in examine(root)[1]


def test_clocks_that_go_on_in_the_second_half_are_told(root, examine):
    for game in [*GAMES["train"], *GAMES["test"]]:
        late = [spot(2, 1000 * (2700 + second)) for second in range(4)]
        write_labels(root / game, [spot(1, 1000 * second) for second in range(8)] + late)
    code, out = examine(root)
    assert code == 1
    assert "error: 16 of 16 spots of half 2 lie behind the last row of their half" in out
    assert "of half 1 0 of 32" in out
    assert "count from the start of each half" in out


def test_the_same_features_in_two_places_are_told(root, examine):
    assert "the same features" not in examine(root)[1]
    (root / "l/s/d/2_X.npy").write_bytes((root / "l/s/a/1_X.npy").read_bytes())
    code, out = examine(root)
    told = "note: 2 halves hold the same features: half 1 of l/s/a, half 2 of l/s/d"
    assert code == 0 and told in out.splitlines()


def test_a_game_of_two_splits_is_not_beside_itself(root, examine):
    (root / "splits.json").write_text(json.dumps({**GAMES, "again": GAMES["train"]}))
    assert "the same features" not in examine(root)[1]


def test_a_split_of_ones_own_may_be_without_annotations(root, examine):
    """Games to spot in; where only some lack them, or a training needs them, it is an error."""
    for game in GAMES["train"]:
        (root / game / "1_player_boundingbox_maskrcnn.json").write_text("{}")
        (root / game / LABELS).unlink()
    (root / "splits.json").write_text(json.dumps({"mine": GAMES["train"]}))
    code, out = examine(root)
    assert code == 0 and "note: no game of mine has a Labels-v2.json: it can be spotted in" in out
    (root / "splits.json").write_text(json.dumps({"train": GAMES["train"]}))
    code, out = examine(root)
    assert code == 1 and "missing: Labels-v2.json" in out and "label_file" not in out
    write_labels(root / GAMES["train"][0], [spot()])
    (root / "splits.json").write_text(json.dumps({"mine": GAMES["train"]}))
    assert examine(root)[0] == 1


def test_a_checksum_does_not_follow_the_blocks(tmp_path):
    np.save(tmp_path / "1_X.npy", np.arange(70, dtype=np.float64).reshape(10, 7))
    half = open_half(tmp_path, 1, ["X.npy"])
    assert len({read_all(half, size) for size in (1, 60, 1 << 20)}) == 1
