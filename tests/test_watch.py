"""`python -m common.watch`: what the page is made of. The page itself: test_watch_page.py."""

import json
import re
import shutil

import pytest
from shell import succeeds

from common.data.events import EventClasses
from common.errors import UserError
from common.spots.run_games import find_games
from common.spots.spotted_games import SpottedGames
from common.watch import page_data as module
from common.watch.__main__ import main
from common.watch.page import SCRIPTS
from common.watch.page_data import page_data
from common.watch.videos import GivenVideos

CLASSES = ["Goal", "Corner"]
GAMES = ["league/one", "league/two"]


@pytest.fixture(scope="module")
def made(tmp_path_factory, write_tree):
    """A folder with data of two games, of which one has annotations, and a run."""
    root = tmp_path_factory.mktemp("watched")
    found = [{"half": "2", "position": "61000", "label": "Corner", "confidence": "0.75"},
             {"half": "1", "position": "5000", "label": "Goal", "confidence": "0.25"}]  # fmt: skip
    spots = [{"gameTime": "1 - 00:07", "label": "Goal", "team": "away"},
             {"gameTime": "2 - 01:00", "position": "60500", "label": "Offside",
              "visibility": "not shown"}]  # fmt: skip
    data = write_tree(root / "data", {GAMES[0]: spots}, "Labels-v2.json")
    (data / "classes.json").write_text(json.dumps(CLASSES))
    (data / "splits.json").write_text(json.dumps({"test": GAMES}))
    run = root / "models/a"
    write_tree(run / "outputs_test", dict.fromkeys(GAMES, found), "results_spotting.json")
    record = {"settings": {"SoccerNet_path": "data"}, "command": ["CALF/main.py"]}
    (run / "settings_train.json").write_text(json.dumps(record))
    return root


def data_of(path):
    return json.loads(re.search(r'id="data">(.*?)</script>', path.read_text())[1])


def test_a_run_becomes_a_page(made):
    done = succeeds(made, "-m", "common.watch", "models/a", "--threshold", "0.3")
    path = made / "models/a/watch.html"
    assert "2 games, 0 with videos" in done.stdout and "watch.html" in done.stdout
    data = data_of(path)
    one, two = data["games"]
    assert one["detections"] == [[1, 2], [5000, 61000], [0, 1], [0.25, 0.75]]
    assert one["annotations"] == [[1], [7000], [0], [None], ["away"]]
    assert one["others"] == [[2, 60500, "Offside", "not shown", None]]
    assert (two["annotations"], two["others"]) == (None, [])
    assert (data["thresholds"], data["classes"], data["run"]) == ([0.3, 0.3], CLASSES, "a")
    assert path.read_text().count("<script") == 2


def test_saved_thresholds_are_where_sliders_start(made, tmp_path):
    run = shutil.copytree(made / "models/a", tmp_path / "models/a")
    classes = {"Goal": {"threshold": 0.1, "F1": 0.5}, "Corner": {"threshold": None, "F1": 0}}
    point = {"chosen_on": "valid", "tolerance_seconds": 5, "classes": classes}
    (run / "operating_point.json").write_text(json.dumps(point))
    done = succeeds(tmp_path, "-m", "common.watch", run, "--SoccerNet_path", made / "data",
                    "--game", "one", "--output", "one.html")  # fmt: skip
    assert "thresholds chosen on valid" in done.stdout
    data = data_of(tmp_path / "one.html")
    assert data["thresholds"] == [0.1, None]
    assert [game["name"] for game in data["games"]] == GAMES[:1]


def test_the_browser_knows_a_page_by_its_spots(made):
    found = find_games(made / "models/a")
    page = made / "watch.html"
    one, again = (page_data(found, dict.fromkeys(CLASSES, limit), GivenVideos(), page)
                  for limit in (0.1, 0.9))  # fmt: skip
    assert one["id"] == again["id"]
    fewer = find_games(made / "models/a", games=["one"])
    assert page_data(fewer, dict.fromkeys(CLASSES, 0.1), GivenVideos(), page)["id"] != one["id"]


def test_of_very_many_detections_the_most_confident_are_taken(made, monkeypatch):
    monkeypatch.setattr(module, "MOST_DETECTIONS", 1)
    found = find_games(made / "models/a")
    data = page_data(found, dict.fromkeys(CLASSES, 0.0), GivenVideos(), made / "watch.html")
    assert data["games"][0]["detections"] == [[2], [61000], [1], [0.75]]


def test_a_game_may_have_more_halves_than_two(tmp_path, write_tree):
    entry = {"half": "4", "position": "0", "label": "a", "confidence": "1"}
    results = write_tree(tmp_path, {"g": [entry]}, "results_spotting.json")
    found = find_games(results / "g/results_spotting.json")
    data = page_data(found, {"a": 0.5}, GivenVideos(), tmp_path / "watch.html")
    assert data["games"][0]["halves"] == 4


def test_videos_that_are_nowhere_are_said(tmp_path):
    found = SpottedGames("run", EventClasses(("a",)), ("g",))
    with pytest.raises(UserError, match="has no video of 1 game, such as 'g'"):
        page_data(found, {"a": 0.5}, GivenVideos(("{game}/{half}.mp4",)), tmp_path / "watch.html")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["models/none"], "none"),
        (["models/a", "--game", "three"], "three"),
        (["models/a", "--video", "none.mp4"], "--game"),
        (["models/a", "--tolerance", "61"], "--tolerance must be at most 60 s"),
        (["models/a", "--threshold", "auto"], "choose thresholds first"),
        (["models/a", "--kick_off", "1", "2", "3"], "2 at most, found 3"),
    ],
)
def test_wrong_words_are_one_sentence(made, monkeypatch, words, said):
    monkeypatch.chdir(made)
    with pytest.raises(UserError, match=re.escape(said)):
        main(words)


def test_every_script_is_in_the_page_and_no_longer_than_a_file_may_be(repo_root):
    found = sorted((repo_root / "common/watch").glob("*.js"))
    assert [path.name for path in found] == sorted(SCRIPTS)
    assert max(len(path.read_text().splitlines()) for path in found) <= 300
