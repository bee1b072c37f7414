"""Which video shows which half, and what the page is told about it."""

import json
from pathlib import Path

import pytest
from small_videos import write_video

from common.data.events import EventClasses
from common.errors import UserError
from common.spots.spotted_games import SpottedGames
from common.watch.videos import GameVideos, GivenVideos, for_page, frame_seconds

GAME = "league/season/game"


def found(*games, root=None, run=None, halves=2):
    return SpottedGames("run", EventClasses(("a",), halves=halves), games, root, run)


def files(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")
    return tuple(str(folder / name) for name in names)


def test_files_are_halves_by_their_names_or_their_order(tmp_path):
    two, one = files(tmp_path, "2_LQ.mkv", "1_LQ.mkv")
    videos = GivenVideos((two, one), (3.5,)).of(found(GAME), GAME)
    assert [path.name for path in videos.files] == ["1_LQ.mkv", "2_LQ.mkv"]
    assert videos.halves == ((0, 3.5), (1, 0.0))
    b, a = files(tmp_path, "b.mp4", "a.mp4")
    assert [p.name for p in GivenVideos((b, a)).of(found(GAME), GAME).files] == ["b.mp4", "a.mp4"]
    (second,) = files(tmp_path, "2.mp4")
    assert GivenVideos((second,)).of(found(GAME), GAME).halves == (None, (0, 0.0))


def test_one_file_with_several_kick_offs_holds_all_halves(tmp_path):
    (match,) = files(tmp_path, "match.mp4")
    videos = GivenVideos((match,), (312.5, 4000)).of(found(GAME), GAME)
    assert [path.name for path in videos.files] == ["match.mp4"]
    assert videos.halves == ((0, 312.5), (0, 4000))


def test_without_a_word_videos_lie_beside_the_data(tmp_path):
    files(tmp_path / GAME, "1_224p.mkv", "1_HQ.mkv", "2_HQ.mkv")
    videos = GivenVideos().of(found(GAME, root=tmp_path), GAME)
    assert [path.name for path in videos.files] == ["1_224p.mkv"]
    assert videos.halves == ((0, 0.0), None)
    assert GivenVideos().of(found("other", root=tmp_path), "other") == GameVideos((), (None, None))


def test_a_video_ini_tells_kick_offs(tmp_path):
    files(tmp_path / GAME, "1_HQ.mkv", "2_HQ.mkv")
    (tmp_path / GAME / "video.ini").write_text(
        "[1_HQ.mkv]\nstart_time_second = 20.5\nduration_second = 9\n"
        "[2_HQ.mkv]\nstart_time_second = 7\nduration_second = 9\n"
    )
    videos = GivenVideos((), (1,)).of(found(GAME, root=tmp_path), GAME)
    assert videos.halves == ((0, 1), (1, 7))  # a number that was given counts


def test_what_a_run_spotted_in_is_found_again(tmp_path):
    paths = files(tmp_path / "mine", "1_x.mp4", "2_x.mp4")
    record = {"settings": {"video_path": list(paths), "classes": ["a"]}, "command": ["x"]}
    (tmp_path / "settings_file_mine_x.json").write_text(json.dumps(record))
    videos = GivenVideos().of(found("mine_x", run=tmp_path), "mine_x")
    assert [str(path) for path in videos.files] == list(paths)
    (tmp_path / "mine/1_x.mp4").unlink()
    assert GivenVideos().of(found("mine_x", run=tmp_path), "mine_x").files == ()


def test_a_folder_holds_games_or_the_one_game(tmp_path):
    files(tmp_path / GAME, "1.mp4", "2.mp4")
    for folder in (tmp_path, tmp_path / GAME):
        videos = GivenVideos((str(folder),)).of(found(GAME), GAME)
        assert [path.name for path in videos.files] == ["1.mp4", "2.mp4"]
    two = found(GAME, "other")
    assert GivenVideos((str(tmp_path / GAME),)).of(two, "other").files == ()


def test_a_template_names_game_and_half_and_nothing_else(tmp_path):
    files(tmp_path / GAME, "2_{x}.mp4")
    template = f"{tmp_path}/{{game}}/{{half}}_{{x}}.mp4"
    videos = GivenVideos((template,), (1, 2)).of(found(GAME, "other"), GAME)
    assert videos.halves == (None, (0, 2))
    assert [path.name for path in videos.files] == ["2_{x}.mp4"]
    hostile = "a{half}/{game}"  # a name is text, and what it contains no template
    files(tmp_path / hostile, "1_{x}.mp4")
    assert len(GivenVideos((template,)).of(found(hostile), hostile).files) == 1


@pytest.mark.parametrize(
    ("paths", "kick_off", "games", "said"),
    [
        (("1.mp4",), (), (GAME, "other"), "choose one with --game"),
        (("none.mp4",), (), (GAME,), "expected"),
        (("1.mp4", "2.mp4", "3.mp4"), (), (GAME,), "2 at most, found 3"),
        (("1.mp4",), (1, 2, 3), (GAME,), "--kick_off takes one number for each half, 2 at most"),
        (("{game}/1.mp4", "2.mp4"), (), (GAME,), "--video takes one template"),
    ],
)
def test_what_cannot_be_is_one_sentence(tmp_path, monkeypatch, paths, kick_off, games, said):
    monkeypatch.chdir(tmp_path)
    files(tmp_path, "1.mp4", "2.mp4", "3.mp4")
    with pytest.raises(UserError, match=said):
        GivenVideos(paths, kick_off).of(found(*games), games[0])


def test_addresses_lead_from_the_page_to_the_file(tmp_path):
    """Relative, so that the folder can be moved; every letter of a name survives."""
    name = "1 #?%&'<b> \u05e9.mp4"
    files(tmp_path / "a b", name)
    videos = GameVideos((tmp_path / "a b" / name,), ((0, 1.5), None))
    told = for_page(videos, tmp_path / "pages/watch.html")
    (file,) = told["files"]
    assert file["name"] == name
    assert file["places"][0].startswith("../a%20b/1%20%23%3F%25%26%27%3Cb%3E%20")
    assert file["places"][1] == file["places"][0].rpartition("/")[2]
    assert told["halves"] == [{"file": 0, "kickOff": 1.5}, None]
    assert for_page(videos, tmp_path / "a b/watch.html")["files"][0]["places"] == [
        file["places"][1]
    ]


def test_a_frame_is_as_long_as_the_header_says(tmp_path, monkeypatch):
    video = write_video(tmp_path / "v.mkv", 3, size=(16, 16), rate=50)
    assert frame_seconds(video) == pytest.approx(0.02)
    (tmp_path / "no.mp4").write_bytes(b"no video")
    video.rename(tmp_path / "2:1.mkv")  # which is no protocol of the name 2
    monkeypatch.chdir(tmp_path)
    assert frame_seconds(Path("2:1.mkv")) == pytest.approx(0.02)
    assert frame_seconds(tmp_path / "no.mp4") is None
    assert frame_seconds(tmp_path / "absent.mp4") is None
