"""Which videos a game has."""

import json

import pytest

from common.errors import UserError
from common.video.backbones import BACKBONES
from common.video.game_videos import FEATURE_NAMES, HalfVideo, games_of, half_videos
from common.video.sampling import Sampling

INI = "[1_HQ.mkv]\nstart_time_second = 301.5\nduration_second = 2700\n\n[2_HQ.mkv]\n"
INI += "start_time_second = 0\nduration_second = 2822.25\n"


def folder_with(path, *names):
    path.mkdir(parents=True, exist_ok=True)
    for name in names:
        (path / name).touch()
    return path


@pytest.mark.parametrize(
    ("kind", "names", "expected"),
    [
        ("224p", ["1_224p.mkv", "2_224p.mkv", "1_HQ.mkv"], ["1_224p.mkv", "2_224p.mkv"]),
        ("224p", ["1.mkv", "2.mkv", "1_224p.mkv", "x.mkv"], ["1_224p.mkv", "2.mkv"]),
        ("LQ", ["1_224p.mkv", "1_LQ.mkv", "2_224p.mkv"], ["1_LQ.mkv"]),
        ("LQ", ["1.mp4", "2.mp4", "10.mp4", "3.mkv"], ["1.mp4", "2.mp4", "3.mkv", "10.mp4"]),
        ("HQ", ["1_HQ.mkv", "2_HQ.mkv"], ["1_HQ.mkv", "2_HQ.mkv"]),
        ("HQ", ["1_224p.mkv", "0.mkv", "a1.mkv", "1.avi.mkv"], []),
    ],
)
def test_files_of_the_halves(tmp_path, kind, names, expected):
    found = half_videos(folder_with(tmp_path / "game", *names), kind)
    assert [video.path.name for video in found] == expected
    assert [video.half for video in found] == [int(name.split("_")[0].split(".")[0])
                                               for name in expected]  # fmt: skip
    assert {(video.start, video.duration) for video in found} <= {(None, None)}


def test_the_file_with_the_parts(tmp_path):
    game = folder_with(tmp_path / "game", "1_HQ.mkv", "2_HQ.mkv", "1_224p.mkv")
    (game / "video.ini").write_text(INI)
    assert half_videos(game, "HQ") == [
        HalfVideo(1, game / "1_HQ.mkv", 301.5, 2700.0),
        HalfVideo(2, game / "2_HQ.mkv", 0.0, 2822.25),
    ]
    assert half_videos(game, "224p") == [HalfVideo(1, game / "1_224p.mkv")]
    sampling = half_videos(game, "HQ")[0].sampling(5)
    assert sampling == Sampling(framerate=5, start=301.5, duration=2700)


@pytest.mark.parametrize(
    "text",
    ["start = 1", "[1_HQ.mkv]\nstart_time_second = 3", INI.replace("2700", "soon"), "[1_HQ.mkv",
     INI.replace("2700", "0"), INI.replace("301.5", "-1"), INI.replace("2700", "nan"),
     INI.replace("1_HQ", "../1_HQ"), INI + INI],
)  # fmt: skip
def test_a_broken_file_is_told(tmp_path, text):
    game = folder_with(tmp_path / "game")
    (game / "video.ini").write_text(text)
    with pytest.raises(UserError, match=r"video\.ini: expected sections such as \[1_HQ\.mkv\]"):
        half_videos(game, "HQ")


def test_no_folder_no_videos(tmp_path):
    assert half_videos(tmp_path / "none", "224p") == []


def test_games(tmp_path):
    splits = {"train": ["a/one", "a/two"], "mine": ["a/three", "a/one"]}
    (tmp_path / "splits.json").write_text(json.dumps(splits))
    with pytest.raises(UserError, match="none of its 3 games"):
        games_of(tmp_path, None)
    for name in ("one", "three"):
        folder_with(tmp_path / "a" / name)
    assert games_of(tmp_path, None) == games_of(tmp_path, ["all"]) == ["a/one", "a/three"]
    assert games_of(tmp_path, ["mine"]) == ["a/three", "a/one"]
    splits = json.loads((tmp_path / "splits.json").read_text())
    (tmp_path / "splits.json").write_text(json.dumps({**splits, "all": ["a/one"]}))
    assert games_of(tmp_path, ["all"]) == ["a/one"]
    (tmp_path / "splits.json").write_text(json.dumps(splits))
    with pytest.raises(UserError, match="expected the data folder"):
        games_of(tmp_path / "nowhere", None)


def test_each_backbone_has_a_name_for_its_features():
    assert tuple(FEATURE_NAMES) == BACKBONES
