"""Reading a run: its folder, or its result files and a data root."""

import json

import numpy as np
import pytest

from common.errors import UserError
from common.evaluate import evaluate
from common.metric.average_map import TOLERANCES_SECONDS, average_map
from common.results.reading import Reading
from common.results.scored_run import (
    find_results,
    read_run,
    results_of_run,
    splits_with_results,
)
from common.results.typed_commands import typed

GAMES = ["league/season/first", "league/season/second"]
LABELS = "Labels-v2.json"
RESULTS = "results_spotting.json"
ANNOTATIONS = [
    {"gameTime": "1 - 01:00", "label": "Goal", "position": "60600"},
    {"gameTime": "2 - 00:05", "label": "Corner", "position": "5000", "visibility": "not shown"},
]
FOUND = [{"label": "Goal", "position": "60500", "half": "1", "confidence": "0.75"}]


@pytest.fixture
def root(tmp_path, write_tree):
    path = write_tree(tmp_path / "data", dict.fromkeys(GAMES, ANNOTATIONS), LABELS)
    splits = {"train": [], "valid": GAMES[:1], "test": GAMES, "challenge": ["l/s/third"]}
    (path / "splits.json").write_text(json.dumps(splits))
    return path


@pytest.fixture
def run(root, tmp_path, write_tree):
    """A run folder as the programs leave it, started in tmp_path with a relative data root."""
    folder = tmp_path / "models" / "net"
    write_tree(folder / "outputs_test", dict.fromkeys(GAMES, FOUND), RESULTS)
    write_settings(folder, "train", SoccerNet_path="data", split_test=["test"])
    return folder


def write_settings(folder, kind, started="2026-01-01 00:00:00", **settings):
    content = {"settings": {"version": 2, **settings}, "started": started}
    (folder / f"settings_{kind}.json").write_text(json.dumps(content))


def test_a_run_folder_tells_all(run, root):
    read = read_run(run)
    assert (read.name, read.root.resolve(), read.split) == ("net", root, "test")
    assert read.games == tuple(GAMES)
    assert (len(read.classes), read.settings["version"]) == (17, 2)
    assert read.targets.half.tolist() == [0, 1, 2, 3]
    assert read.detections.half.tolist() == [0, 2]
    assert read.detections.frame.tolist() == [121, 121]


def test_scores_are_those_of_the_evaluator(run, root):
    read = read_run(run)
    result = average_map(read.targets, read.detections, 17, TOLERANCES_SECONDS["tight"])
    expected = evaluate(root, run / "outputs_test", metric="tight")
    np.testing.assert_array_equal(result.per_class(), expected["a_mAP_per_class"])


def test_the_archive_goes_before_the_folder(run, write_tree):
    write_tree(run / "results_spotting_test.zip", dict.fromkeys(GAMES, ()), RESULTS)
    assert len(read_run(run).detections) == 0


def test_a_split_that_was_written_among_the_detections_of_a_file_is_found(run, write_tree):
    write_tree(run / "results_spotting_test.zip", dict.fromkeys(GAMES, FOUND), RESULTS)
    (run / "outputs_test" / RESULTS).write_text(json.dumps({"predictions": []}))
    read = read_run(run)
    assert (read.games, len(read.detections)) == (tuple(GAMES), 2)


def test_result_files_alone_need_a_data_root(run, root, tmp_path, write_tree):
    packed = write_tree(tmp_path / "other.zip", dict.fromkeys(GAMES, FOUND), RESULTS)
    for path, name in ((packed, "other"), (run / "outputs_test", "outputs_test")):
        read = read_run(path, SoccerNet_path=root)
        assert (read.name, read.settings, len(read.detections)) == (name, None, 2)
        with pytest.raises(UserError, match="does not tell where its data is; pass --SoccerNet"):
            read_run(path)


def test_a_linked_run_keeps_its_name_and_finds_its_data(run, root, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    (work / "models").symlink_to(run.parent)
    root.rename(work / "data")
    read = read_run(work / "models" / "net")
    assert (read.name, read.root, len(read.detections)) == ("net", work / "data", 2)
    (work / "best").symlink_to(run)
    (work / "data").rename(root)
    read = read_run(work / "best")
    assert (read.name, read.root.resolve()) == ("best", root)


def test_a_run_tested_on_other_data_says_where_its_split_is_looked_for(run, root, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "splits.json").write_text(json.dumps({"own": ["a/b/c"]}))
    write_settings(run, "test", "2026-01-02 00:00:00", SoccerNet_path="mine", split_test=["own"])
    (run / "settings_train.json").unlink()
    with pytest.raises(
        UserError, match=r"results of test, and .*mine, .* last used with, has own: "
    ):
        find_results(run)
    assert find_results(run, SoccerNet_path=root).games == tuple(GAMES)


def test_of_a_run_the_results_of_the_split_are_scored(run, root, write_tree):
    """Not the detections above thresholds, which lie beside them."""
    write_tree(run / "detections_test", dict.fromkeys(GAMES, ()), RESULTS)
    assert results_of_run(run, "test") == run / "outputs_test"
    assert results_of_run(run / "detections_test", "test") == run / "detections_test"
    assert evaluate(root, run) == evaluate(root, run / "outputs_test")
    write_tree(run / "results_spotting_test.zip", dict.fromkeys(GAMES, ()), RESULTS)
    assert results_of_run(run, "test") == run / "results_spotting_test.zip"
    with pytest.raises(UserError, match="no results of the split 'valid', only of: test"):
        results_of_run(run, "valid")


def test_the_clock_of_annotations(run):
    assert read_run(run).targets.frame.tolist() == [121, 10] * 2
    by_clock = read_run(run, reading=Reading(gt_time="gameTime"))
    assert by_clock.targets.frame.tolist() == [120, 10] * 2


def test_settings_are_those_that_the_split_was_last_tested_with(run, tmp_path):
    write_settings(run, "test", "2026-01-02 00:00:00", SoccerNet_path="gone", split_test=["valid"])
    assert read_run(run).root.name == "data"
    write_settings(run, "test", "2026-01-02 00:00:00", SoccerNet_path="gone", split_test=["test"])
    with pytest.raises(UserError, match=r"gone, is not there; pass --SoccerNet_path"):
        read_run(run)
    assert read_run(run, SoccerNet_path=tmp_path / "data").settings["SoccerNet_path"] == "gone"


def test_a_split_without_results_says_which_there_are(run, write_tree):
    write_tree(run / "results_spotting_challenge.zip", {"l/s/third": []}, RESULTS)
    assert splits_with_results(run) == ["challenge", "test"]
    with pytest.raises(UserError, match=r"only of: challenge, test; .* --split_test valid"):
        read_run(run, "valid")
    with pytest.raises(UserError, match=r"challenge in .* have no Labels-v2.json"):
        read_run(run, "challenge")


def test_a_game_without_results_is_named(run):
    (run / "outputs_test" / GAMES[1] / RESULTS).unlink()
    with pytest.raises(UserError, match=GAMES[1]):
        read_run(run)
    assert read_run(run, reading=Reading(allow_missing=True)).detections.half.tolist() == [0]


def test_broken_settings_are_named(run):
    (run / "settings_train.json").write_text("[]")
    with pytest.raises(UserError, match=r"settings_train.json has no object"):
        read_run(run)


def test_nothing_there(tmp_path):
    with pytest.raises(UserError, match="found neither"):
        read_run(tmp_path / "absent", SoccerNet_path=tmp_path)


def test_the_command_that_makes_results_is_told(run):
    content = json.loads((run / "settings_train.json").read_text())
    flags = ["--model_name", "net", "--SoccerNet_path", "my data"]
    another_start = ["--overwrite", "--challenge", "--load_weights", "w", "--load_weights=w"]
    command = ["CALF/main.py", *flags, *another_start]
    (run / "settings_train.json").write_text(json.dumps({**content, "command": command}))
    with pytest.raises(UserError) as error:
        read_run(run, "valid")
    line = str(error.value).splitlines()[-1].strip()
    assert line == typed(
        ["-m", "CALF.main", *flags, "--test_only", "--split_test", "valid"], run.parents[1]
    )
    (run / "settings_train.json").rename(run / "settings_test.json")  # only tested: these weights
    with pytest.raises(UserError, match="--load_weights w --load_weights=w --test_only"):
        read_run(run, "valid")


def test_results_are_found_where_nothing_can_be_scored(run, write_tree):
    write_tree(run / "results_spotting_challenge.zip", {"l/s/third": []}, RESULTS)
    found = find_results(run, "challenge")
    assert (found.games, found.file, found.has_labels()) == (("l/s/third",), RESULTS, False)
    assert f"l/s/third/{RESULTS}" in found.predictions
    assert find_results(run).has_labels()


def test_two_models_of_a_class_split_and_what_was_merged(run, tmp_path, write_tree):
    pair = tmp_path / "models" / "pair"
    for part in ("visual", "nonvisual"):
        write_tree(pair / part / "outputs_test", dict.fromkeys(GAMES, FOUND), RESULTS)
        write_settings(
            pair / part, "train", SoccerNet_path="data", split_test=["test"], class_split=part,
            model_name=f"pair/{part}",
        )  # fmt: skip
    visual, other = read_run(pair / "visual"), read_run(pair / "nonvisual")
    assert "Goal" not in visual.classes.names and len(visual.detections) == 0
    assert "Goal" in other.classes.names and len(other.detections) == 2
    assert len(visual.classes) + len(other.classes) == 17
    write_tree(pair / "outputs_test", dict.fromkeys(GAMES, FOUND), RESULTS)
    write_settings(
        pair, "train", SoccerNet_path="data", split_test=["test"], class_split="both",
        model_name="pair",
    )  # fmt: skip
    merged = read_run(pair)
    assert (len(merged.classes), len(merged.detections), merged.name) == (17, 2, "pair")
    assert merged.root.resolve() == tmp_path / "data"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SoccerNet_path", 5), ("model_name", []), ("version", "2"), ("version", 7),
        ("class_split", "x"), ("class_split", []), ("split_test", "test"),
    ],
)  # fmt: skip
def test_settings_of_another_type_are_named(run, name, value):
    write_settings(run, "train", **{"SoccerNet_path": "data", "split_test": ["test"], name: value})
    with pytest.raises(UserError, match=rf"settings_train\.json .*look at settings\.{name}"):
        read_run(run)


def test_games_without_annotations_are_left_out(run, root):
    (root / GAMES[0] / LABELS).unlink()
    found = read_run(run)
    assert (found.games, len(found.targets), len(found.detections)) == ((GAMES[1],), 2, 1)


def test_the_framerate_of_the_metric(run):
    read = read_run(run, reading=Reading(framerate=25))
    assert read.framerate == 25 and read.targets.frame.tolist()[:2] == [1515, 125]
