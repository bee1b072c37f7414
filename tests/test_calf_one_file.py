"""A single feature file: its half and name, the settings of its run, whose detections are whose."""

import json

import numpy as np
import pytest

from common.calf.one_file import (
    claim_outputs,
    one_file,
    require_as_trained,
    require_classes,
    trained_settings,
)
from common.errors import UserError
from common.results.run_record import record_settings
from common.results.scored_run import find_results


@pytest.mark.parametrize(
    ("file", "halves", "half", "name"),
    [
        ("a game/1_Mine.npy", 2, 1, "a game_1_Mine"),
        ("a game/2_Mine.npy", 2, 2, "a game_2_Mine"),
        ("b/2_Mine.npy", 2, 2, "b_2_Mine"),
        ("b/2_Mine.npy", 1, 1, "2_Mine"),
        ("b/4_Mine.npy", 4, 4, "b_4_Mine"),
        ("b/7_Mine.npy", 2, 1, "7_Mine"),
        ("b/12_Mine.npy", 2, 1, "12_Mine"),
        ("b/1_.npy", 2, 1, "b_1_"),
        ("b/2.npy", 2, 1, "2"),
        ("b/my video.npy", 2, 1, "my video"),
        ("b/test.npy", 2, 1, "b_test"),
    ],
)
def test_a_name_tells_half_and_game(tmp_path, file, halves, half, name):
    found = one_file(tmp_path / file, halves)
    assert (found.half, found.name) == (half, name)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match="is a folder; give --features_path one feature file"):
        one_file(tmp_path, 2)


def test_the_run_of_the_weights_knows_its_settings(tmp_path):
    weights = tmp_path / "models" / "a" / "run" / "model.pth.tar"
    assert trained_settings(weights, ["framerate"]) == {}
    settings = {"framerate": 5, "version": 2, "class_split": None, "LR": 1, "chunk_size": 60,
                "SoccerNet_path": "data", "model_name": "a/run"}  # fmt: skip
    record_settings(weights.parent, settings, "train")
    found = trained_settings(weights, ["framerate", "version", "class_split", "SoccerNet_path"])
    assert found == {"framerate": 5, "version": 2, "SoccerNet_path": str(tmp_path / "data")}


def test_flags_that_differ_are_refused_by_name(tmp_path):
    trained = {"framerate": 5, "version": 2, "SoccerNet_path": "elsewhere"}
    require_as_trained({"framerate": 5, "version": 2, "SoccerNet_path": "here"}, trained, tmp_path)
    with pytest.raises(UserError, match="was trained with --framerate 5, now 2; leave out"):
        require_as_trained({"framerate": 2, "version": 2}, trained, tmp_path)


def test_another_number_of_classes_is_one_sentence(tmp_path):
    weights = {"conv_class.bias": np.zeros(15 * 3), "conv_conf.bias": np.zeros(30)}
    require_classes(weights, ["a", "b", "c"], tmp_path)
    require_classes({}, ["a"], tmp_path)
    with pytest.raises(UserError, match=r"trained on 3 classes, expected 4: a, b, c, …; pass"):
        require_classes(weights, ["a", "b", "c", "d"], tmp_path)


def test_the_detections_of_another_file_are_not_replaced(tmp_path):
    one, another = (one_file(tmp_path / folder / "video.npy", 2) for folder in "ab")
    claim_outputs(tmp_path / "run", one, {"framerate": 2}, ["Goal"])
    claim_outputs(tmp_path / "run", one, {"framerate": 2}, ["Goal"])
    with pytest.raises(UserError, match=rf"outputs_video holds the detections of {one.path}; "):
        claim_outputs(tmp_path / "run", another, {"framerate": 2}, ["Goal"])
    claim_outputs(tmp_path / "run 2", another, {"framerate": 2}, ["Goal"])


def test_results_of_a_file_are_found_by_its_name(tmp_path):
    claim_outputs(tmp_path, one_file(tmp_path / "video.npy", 2), {"framerate": 2}, ["Goal", "Foul"])
    path = tmp_path / "outputs_video" / "results_spotting.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"predictions": []}))
    found = find_results(tmp_path, "video")
    assert found.classes.names == ("Goal", "Foul")
    assert not found.has_labels()
    assert [f"{game}/{found.file}" in found.predictions for game in found.games] == [True]


def test_a_folder_and_a_missing_file_are_answered_with_the_arrays_that_are_there(tmp_path):
    (tmp_path / "game").mkdir()
    with pytest.raises(UserError, match="one feature file, of which it holds none"):
        one_file(tmp_path, 2)
    for number in range(6):
        np.save(tmp_path / "game" / f"{number + 1}_Mine.npy", np.zeros((2, 2)))
    for given in ("game", "game/Mine.npy"):
        with pytest.raises(UserError, match=r"holds:(?s:.*)1_Mine\.npy(?s:.*)and 2 more$"):
            one_file(tmp_path / given, 2)
