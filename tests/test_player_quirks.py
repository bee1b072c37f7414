"""What the doctor, and a training, say of box and calibration files."""

import json

import numpy as np
import pytest

from CALF_Calibration_GCN.dataset import PlayersByGraph
from CALF_Calibration_GCN.player_graph import GraphOptions
from common.calibration.player_quirks import player_quirks
from common.calibration.players import BOX_FILES, CALIBRATION_FILES, Players
from common.calibration.top_view import TopView
from common.calibration.top_view_rows import PlayersByTopView
from common.data.data_set import DataSet
from common.data.events import event_classes
from common.doctor.__main__ import main
from common.synthetic.data_set import FEATURE_FILE, write_data_set


def players(
    box_frames=100, camera_frames=100, box=(10, 10, 20, 30), picture=(720, 1280), sure=0.9,
    colour=0, inverse=(1, 1, 1), boxed=True,
):  # fmt: skip
    boxes = np.tile(np.array(box, float), (box_frames * boxed, 1))
    return Players(
        np.arange(box_frames + 1) * boxed, boxes, np.full((len(boxes), 3), colour),
        np.tile(np.diag(inverse), (camera_frames, 1, 1)), np.full(camera_frames, sure),
        (720, 1280), picture,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, None),
        ({"box_frames": 99, "camera_frames": 101}, None),
        ({"box_frames": 90}, "the box file has 90 frames, the features 100: it may belong to"),
        ({"camera_frames": 130}, "the calibration file has 130 frames, the features 100"),
        ({"picture": (224, 398)}, "of a picture of 1280x720, the calibration is of 398x224"),
        ({"box": (1300, 0, 1400, 50)}, "100 of 100 boxes stand outside the picture"),
        ({"sure": 0.5}, "the camera is known in only 0% of the frames"),
        ({"boxed": False}, "there is not a single box"),
        ({"box": (20, 30, 12, 25)}, "100 of 100 boxes end before they begin"),
        ({"box": (0.1, 0.2, 0.3, 0.4)}, "no box reaches farther than 1: expected pixels"),
        ({"colour": 0.9}, "no colour is above 1: expected 0 to 255"),
        ({"colour": 2}, None),
        ({"inverse": (5, 1, 1)}, "the calibration puts only 0% of the players on the pitch"),
        ({"inverse": (4, 1, 1)}, None),  # 60 m from the centre, as some who watch
    ],
)
def test_what_is_odd(change, told):
    found = player_quirks(players(**change), 2, 100)
    if told is None:
        assert found == []
    else:
        assert len(found) == 1
        assert found[0].startswith("half 2: ")
        assert told in found[0]


@pytest.fixture
def root(tmp_path):
    write_data_set(tmp_path / "data", games=(2, 0, 0, 0), minutes=1, dim=16, players=True)
    return tmp_path / "data"


def examine(monkeypatch, capsys, root, *more):
    words = ["--SoccerNet_path", str(root), "--features", FEATURE_FILE, "--split", "train"]
    monkeypatch.setenv("COLUMNS", "220")
    return main([*words, "--players", *more]), capsys.readouterr().out


def test_the_files_of_another_game_are_recognised(root, monkeypatch, capsys):
    assert examine(monkeypatch, capsys, root, "--no-notes")[0] == 0
    game = next(root.rglob(f"1_{BOX_FILES[0]}")).parent
    for name in (BOX_FILES[0], CALIBRATION_FILES[0]):
        path = game / f"1_{name}"
        content = json.loads(path.read_text())
        content["predictions"] *= 2
        path.write_text(json.dumps(content))
    code, out = examine(monkeypatch, capsys, root)
    assert code == 0
    assert out.count("it may belong to another game or half") == 2
    assert not list(root.rglob(".*.cache"))  # a look leaves nothing behind


def test_missing_and_malformed_player_files_are_errors(root, monkeypatch, capsys):
    first, second = sorted(root.rglob(f"1_{BOX_FILES[0]}"))
    first.unlink()
    second.write_text('{"predictions": 3}')
    code, out = examine(monkeypatch, capsys, root, "--no-notes")
    assert code == 1
    assert f"expected 1_{BOX_FILES[0]}, found no such file" in out
    assert f'1_{BOX_FILES[0]} has no list "predictions"' in out


def test_without_a_calibration_in_use_it_is_not_looked_at():
    odd = players(camera_frames=15, picture=(224, 398), inverse=(9, 9, 1))
    assert player_quirks(odd, 1, 100, None) == []
    assert len(player_quirks(odd, 1, 100)) == 4


@pytest.mark.parametrize("seen_as", ["picture", "graph"])
def test_a_training_is_told_of_odd_files_once(root, seen_as, monkeypatch, caplog):
    monkeypatch.setattr("common.calibration.player_quirks.told", set())
    for path in root.rglob(f"1_{BOX_FILES[0]}"):
        content = json.loads(path.read_text())
        for frame in content["predictions"]:
            frame["colors"] = [[c / 255 for c in colour] for colour in frame["colors"]]
        path.write_text(json.dumps(content))
    if seen_as == "graph":
        source = PlayersByGraph(GraphOptions(calibration=True))
    else:
        source = PlayersByTopView(TopView(calibration=True))
    data = DataSet(root=root, features=(FEATURE_FILE,), classes=event_classes(root, 2))
    halves = [half for game in data.games(["train"]) for half in data.open_game(game)]
    with caplog.at_level("WARNING", "spotting"):
        source.open(halves, training=True)
        source.open(halves, training=True)
        assert len(caplog.messages) == 1
        for half in halves:
            source.open([half], training=False)
    first, second = caplog.messages
    assert "odd box or calibration files in 2 halves of 4, such as " in first
    assert "half 1: no colour is above 1" in first
    assert "in 1 half of 1, such as " in second
