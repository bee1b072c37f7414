"""Lists of games: the official ones, a data root's own, and no path that leads out of it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from common.data.events import event_classes
from common.data.games import (
    OFFICIAL_SPLITS,
    check_relative_path,
    default_tested,
    games_at_hand,
    in_other_form,
    list_games,
    official_splits,
    read_splits,
    shared_games,
)
from common.errors import UserError

SPLITS = {"train": ["l/s/b", "l/s/a"], "test": ["l/s/c"], "mine": []}


def data_root(tmp_path, splits):
    (tmp_path / "splits.json").write_text(json.dumps(splits))
    return tmp_path


def test_official_lists_have_300_100_100_50_games_in_no_two_splits():
    splits = official_splits()
    assert tuple(splits) == OFFICIAL_SPLITS
    assert [len(splits[split]) for split in OFFICIAL_SPLITS] == [300, 100, 100, 50]
    games = [game for split in splits.values() for game in split]
    assert len(set(games)) == 550
    assert all(check_relative_path(game, "") and game.count("/") == 2 for game in games)
    united_arsenal = "england_epl/2014-2015/2015-05-17 - 18-00 Manchester United 1 - 1 Arsenal"
    assert united_arsenal in games


def test_official_games_are_named_by_league_season_date_and_score():
    form = re.compile(r"\d{4}-\d{2}-\d{2} - \d{2}-\d{2} .+ \d+ - \d+ .+")
    found = {}
    for split, games in official_splits().items():
        for game in games:
            league, season, name = game.split("/")
            assert form.fullmatch(name) and name == " ".join(name.split())
            assert re.fullmatch(r"[-A-Za-z0-9 ._/]+", game)
            found.setdefault((league, season), set()).add(split)
    assert {league for league, _ in found} == {
        "england_epl", "europe_uefa-champions-league", "france_ligue-1", "germany_bundesliga",
        "italy_serie-a", "spain_laliga",
    }  # fmt: skip
    assert found.pop(("spain_laliga", "2019-2020")) == {"challenge"}
    assert {season for _, season in found} == {"2014-2015", "2015-2016", "2016-2017"}


def test_official_lists_equal_the_recorded_ones(shared):
    assert official_splits() == json.loads(shared("data/games.json").read_text())


def test_official_lists_are_read_without_importing_the_package(repo_root):
    code = (
        "import sys; from common.data.games import official_splits\n"
        "print(len(official_splits()['train']), 'SoccerNet' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repo_root, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "300 False\n", done.stderr


def test_data_root_without_splits_has_the_official_ones(tmp_path):
    assert list_games(tmp_path, ["challenge"]) == official_splits()["challenge"]


def test_splits_of_the_data_root_in_the_order_asked_for(tmp_path):
    root = data_root(tmp_path, SPLITS)
    assert read_splits(root) == SPLITS
    assert list_games(root, ["train"]) == ["l/s/b", "l/s/a"]
    assert list_games(root, ["test", "train"]) == ["l/s/c", "l/s/b", "l/s/a"]
    assert list_games(root, ["mine"]) == list_games(root, []) == []


def test_unknown_split_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(UserError, match=r"unknown split 'valid'; .* has train, test, mine"):
        list_games(data_root(tmp_path, SPLITS), ["train", "valid"])


def test_a_game_asked_for_twice_is_refused(tmp_path):
    with pytest.raises(UserError, match="hold 'l/s/b' twice"):
        list_games(data_root(tmp_path, SPLITS), ["train", "train"])
    leaking = data_root(tmp_path, {"train": ["l/s/a"], "test": ["l/s/a"]})
    with pytest.raises(UserError, match="hold 'l/s/a' twice"):
        list_games(leaking, ["train", "test"])


def test_missing_data_root_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"expected the data folder at .*nowhere"):
        list_games(tmp_path / "nowhere", ["train"])


@pytest.mark.parametrize("content", [[], {}, "train", {"train": "l/s/a"}, {"train": {"l/s/a": 1}}])
def test_splits_of_another_shape_are_refused(tmp_path, content):
    with pytest.raises(UserError, match=r"splits\.json must look like"):
        read_splits(data_root(tmp_path, content))


UNSAFE = [
    "../a", "a/../b", "a/..", "..", ".", "./a", "a/./b", "/a", "~/a", "a//b", "a/", "", "C:/a",
    "c:a", "a\\b", "..\\a", "a\0b", None, 5, ["a"],
]  # fmt: skip
SAFE = [
    "l/s/a",
    "spain_laliga/2014-2015/2015-02-07 - 18-00 Atl. Madrid 4 - 0 Real Madrid",
    "germany_bundesliga/2016-2017/2017-04-08 - 16-30 1. FSV Mainz 05 1 - 0 ...",
    "a..b/.hidden/c...",
]


@pytest.mark.parametrize("name", UNSAFE)
def test_name_that_may_lead_out_of_the_root_is_refused(tmp_path, name):
    with pytest.raises(UserError) as error:
        read_splits(data_root(tmp_path, {"train": ["l/s/a", name]}))
    assert repr(name) in str(error.value)
    assert str(tmp_path / "splits.json") in str(error.value)


@pytest.mark.parametrize("name", SAFE)
def test_plain_names_pass(name):
    assert check_relative_path(name, "somewhere") == name


@pytest.mark.parametrize(
    ("splits", "expected", "left_out"),
    [
        (["train", "test", "challenge"], ["test", "challenge"], None),
        (["train", "valid", "test"], ["test"], "challenge"),
        (["challenge"], ["challenge"], "test"),
        (["train"], ["test", "challenge"], None),  # which is then an error that names them
    ],
)
def test_splits_are_tested_by_default_as_far_as_the_data_has_them(
    tmp_path, caplog, splits, expected, left_out
):
    caplog.set_level("WARNING", "spotting")
    root = data_root(tmp_path, {split: ["l/s/a"] for split in splits})
    assert default_tested(root) == expected
    told = [line for line in caplog.messages if "left out" in line]
    assert [f"the split {left_out} in" in line for line in told] == ([True] if left_out else [])


def test_a_challenge_without_games_is_left_out_by_default_and_a_test_is_not(tmp_path, caplog):
    caplog.set_level("WARNING", "spotting")
    root = data_root(tmp_path, {"train": ["l/s/a"], "test": [], "challenge": []})
    assert default_tested(root) == ["test"]
    assert "no games of the split challenge" in caplog.text


def test_official_splits_are_tested_by_default_if_some_game_is_here_or_comes(tmp_path):
    assert default_tested(tmp_path / "nowhere") == ["test", "challenge"]
    (tmp_path / official_splits()["test"][3]).mkdir(parents=True)
    assert default_tested(tmp_path) == ["test"]
    assert default_tested(tmp_path, complete=True) == ["test", "challenge"]


def test_games_of_two_splits_are_told():
    splits = {"train": ["l/s/a", "l/s/b"], "test": ["l/s/b"], "valid": ["l/s/c"]}
    (told,) = shared_games(splits)
    assert told.startswith("1 game of train also in test, such as l/s/b:")
    assert shared_games({"train": ["l/s/caf\u00e9"], "test": ["l/s/cafe\u0301"]})
    assert not shared_games({"train": ["l/s/a"], "test": ["l/s/b"]})
    thrice = shared_games(
        {"a": ["l/s/x", "l/s/x"], "b": ["l/s/x", "l/s/y"], "c": ["l/s/y", "l/s/x"]}
    )
    assert [told.partition(",")[0] for told in thrice] == [
        "1 game of a also in b", "1 game of b also in c", "1 game of a also in c"
    ]  # fmt: skip


def test_names_in_another_unicode_form_are_found(tmp_path):
    (tmp_path / "l" / "Atle\u0301tico").mkdir(parents=True)
    meant = tmp_path / "l" / "Atl\u00e9tico"
    assert in_other_form(meant, tmp_path) == tmp_path / "l" / "Atle\u0301tico"
    assert in_other_form(tmp_path / "l" / "Atle\u0301tico", tmp_path) is None
    assert in_other_form(tmp_path / "l" / "other", tmp_path) is None
    assert in_other_form(tmp_path / "nothing" / "at all", tmp_path) is None


def test_an_official_game_in_another_form_is_not_passed_over(tmp_path, monkeypatch):
    games = ["l/s/caf\u00e9", "l/s/b"]
    monkeypatch.setattr("common.data.games.official_splits", lambda: {"test": games})
    (tmp_path / "l/s/b").mkdir(parents=True)
    (tmp_path / "l/s/cafe\u0301").mkdir(parents=True)
    with pytest.raises(UserError, match="another Unicode form or case"):
        games_at_hand(tmp_path, ["test"])


@pytest.mark.parametrize("name", ["x/../../../evil", "a/b", "..", "/x", "", "a\\b", "~x", "a/"])
def test_a_split_whose_name_would_write_elsewhere_is_refused(tmp_path, name):
    (tmp_path / "splits.json").write_text(json.dumps({"train": [], name: ["l/s/a"]}))
    with pytest.raises(UserError, match=r"splits\.json holds the (path|name)"):
        read_splits(tmp_path)


@pytest.mark.parametrize("name", ["train", "my test", "2024-05", "täst", "a.b", ".."[:1] + "a"])
def test_plain_names_of_splits_pass(tmp_path, name):
    (tmp_path / "splits.json").write_text(json.dumps({name: ["l/s/a"]}))
    assert read_splits(tmp_path) == {name: ["l/s/a"]}


@pytest.mark.parametrize("name", ["splits.json", "classes.json"])
def test_a_list_behind_a_broken_link_is_missed_and_not_soccernets(tmp_path, name):
    (tmp_path / name).symlink_to("nowhere.json")
    with pytest.raises(UserError, match=f"expected a JSON file at .*{name}, found a link that"):
        read_splits(tmp_path)
        event_classes(tmp_path)


@pytest.mark.parametrize(
    ("name", "told"),
    [("l/s/a/", "without / at its end"), (None, "where a path is expected"), (3, "as a text")],
)
def test_what_is_no_danger_is_not_told_as_one(tmp_path, name, told):
    with pytest.raises(UserError, match=told) as error:
        read_splits(data_root(tmp_path, {"train": [name]}))
    assert "lead out" not in str(error.value)


@pytest.mark.parametrize("name", ["l/s/" + "x" * 256, "l/" + "é" * 128 + "/a", "l/s" * 700])
def test_names_that_no_file_system_takes_are_refused(tmp_path, name):
    with pytest.raises(UserError, match="longer than file systems take"):
        read_splits(data_root(tmp_path, {"train": [name]}))
    assert check_relative_path(name[: len(name) // 2], "") == name[: len(name) // 2]


def test_a_home_that_the_shell_left_as_it_is_and_a_file_are_told(tmp_path):
    with pytest.raises(UserError, match=r"folder at ~/data, found none; .* write \$HOME"):
        list_games(Path("~/data"), ["train"])
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file, found a file; check --SoccerNet_path$"):
        list_games(tmp_path / "file", ["train"])


@pytest.mark.parametrize("key", ["labelfile", "label-file", "Label_file", "halfs", "class", "half"])
def test_a_misspelt_key_of_the_classes_is_refused(tmp_path, key):
    (tmp_path / "classes.json").write_text(json.dumps({"classes": ["a"], key: 2}))
    with pytest.raises(UserError, match=f"has no key '{key}'; is"):
        event_classes(tmp_path)


def test_other_keys_of_the_classes_are_not_read(tmp_path):
    (tmp_path / "classes.json").write_text('{"classes": ["a"], "comment": "ours", "sport": 1}')
    assert event_classes(tmp_path).names == ("a",)
