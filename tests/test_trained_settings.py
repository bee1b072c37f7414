"""What the run of some weights knows: settings that count, further ones, classes."""

import pytest

from common.data.events import SOCCERNET_V2, V2_NAMES
from common.errors import UserError
from common.results.run_record import TRAINED, new_record, record_settings, write_record
from common.training.trained_settings import (
    require_as_trained,
    trained_classes,
    trained_settings,
)

PROGRAM = "CALF/main.py"


def test_the_run_of_the_weights_knows_its_settings(tmp_path):
    weights = tmp_path / "models" / "a" / "run" / "model.pth.tar"
    assert trained_settings(weights, ["framerate"], PROGRAM) == {}
    settings = {"framerate": 5, "version": 2, "class_split": None, "LR": 1, "chunk_size": 60,
                "SoccerNet_path": "data", "model_name": "a/run"}  # fmt: skip
    record_settings(weights.parent, settings, "train")
    flags = ["framerate", "version", "class_split", "SoccerNet_path"]
    found = trained_settings(weights, flags, PROGRAM)
    assert found == {"framerate": 5, "version": 2, "SoccerNet_path": str(tmp_path / "data")}


def test_flags_that_differ_are_refused_by_name(tmp_path):
    trained = {"framerate": 5, "version": 2, "SoccerNet_path": "elsewhere"}
    require_as_trained({"framerate": 5, "version": 2, "SoccerNet_path": "here"}, trained, tmp_path)
    with pytest.raises(UserError, match="was trained with --framerate 5, now 2; leave out"):
        require_as_trained({"framerate": 2, "version": 2}, trained, tmp_path)


def test_what_the_flags_of_a_program_do_not_have_is_left_out(tmp_path):
    settings = {"pool": "MAX", "chunk_size": 20, "NMS_window": 8, "LR": 0.1, "proj_dim": None}
    record_settings(tmp_path, settings, "train")
    flags = ["pool", "NMS_window", "LR", "proj_dim"]
    found = trained_settings(tmp_path / "model.pth.tar", flags, PROGRAM)
    assert found == {"pool": "MAX", "NMS_window": 8}


@pytest.mark.parametrize("theirs", ["Pooling/main.py", "/home/me/copy/Pooling/main.py"])
def test_a_run_of_another_program_names_it(tmp_path, theirs):
    write_record(tmp_path / TRAINED, new_record({}) | {"command": [theirs, "--max_epochs", "1"]})
    with pytest.raises(UserError, match=r"is a run of Pooling/main\.py, and this is CALF/main\.py"):
        trained_settings(tmp_path / "model.pth.tar", [], PROGRAM)


@pytest.mark.parametrize("theirs", ["CALF/main.py", "mine/main.py", "train.py", "?"])
def test_a_program_of_ones_own_may_have_trained_it(tmp_path, theirs):
    write_record(tmp_path / TRAINED, new_record({"pool": "MAX"}) | {"command": [theirs]})
    assert trained_settings(tmp_path / "model.pth.tar", ["pool"], PROGRAM) == {"pool": "MAX"}


def test_the_classes_of_a_run_outlive_its_data(tmp_path):
    weights, data = tmp_path / "run/model.pth.tar", tmp_path / "data"
    assert trained_classes(weights, SOCCERNET_V2, data) is SOCCERNET_V2
    write_record(tmp_path / "run" / TRAINED, new_record({}, classes=["Goal", "Foul"]))
    assert trained_classes(weights, SOCCERNET_V2, data).names == ("Goal", "Foul")
    data.mkdir()
    assert trained_classes(weights, SOCCERNET_V2, data) is SOCCERNET_V2


@pytest.mark.parametrize(("names", "halves"), [(["Goal", "Foul"], 9), (list(V2_NAMES), 2)])
def test_without_its_data_a_game_of_ones_own_may_have_more_halves(tmp_path, names, halves):
    write_record(tmp_path / TRAINED, new_record({}, classes=names))
    known = trained_classes(tmp_path / "model.pth.tar", SOCCERNET_V2, tmp_path / "nowhere")
    assert known.halves == halves


def test_a_run_that_is_a_link_knows_its_data(tmp_path):
    """Runs lie on another disk than the folder that programs are started in."""
    work, disk = tmp_path / "work", tmp_path / "disk"
    record_settings(disk / "models" / "T", {"SoccerNet_path": "data", "model_name": "T"}, "train")
    (work / "data").mkdir(parents=True)
    (work / "models").symlink_to(disk / "models")
    (work / "latest").symlink_to("models/T")
    flags = ["SoccerNet_path"]
    found = trained_settings(work / "models" / "T" / "model.pth.tar", flags, PROGRAM)
    assert found == {"SoccerNet_path": str(work / "data")}
    (disk / "data").mkdir()
    found = trained_settings(work / "latest" / "model.pth.tar", flags, PROGRAM)
    assert found == {"SoccerNet_path": str(disk / "data")}
