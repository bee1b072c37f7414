"""Data sets that the SoccerNet package knows by name: how many games their splits hold."""

import pytest

from common.data.games import OFFICIAL_SPLITS, check_relative_path, official_splits
from common.data.package_games import package_classes, package_splits
from common.errors import UserError


@pytest.mark.parametrize(
    ("task", "games"),
    [
        ("spotting", [300, 100, 100, 50]),
        ("camera-changes", [120, 40, 40, 50]),
        ("frames", [290, 55, 55, 43]),
        ("caption", [281, 92, 98, 42]),
        ("spotting-ball", [4, 1, 2, 2]),
    ],
)
def test_tasks_have_games_of_their_own(task, games):
    splits = package_splits("SoccerNet", task)
    assert [len(splits[split]) for split in OFFICIAL_SPLITS] == games
    assert all(check_relative_path(game, "") for split in splits.values() for game in split)


def test_action_spotting_has_the_official_lists_and_the_classes_of_its_version():
    assert package_splits("SoccerNet", "spotting") == official_splits()
    assert package_classes("SoccerNet", "spotting") is None


def test_the_ball_has_the_classes_of_2023_in_their_order():
    classes = package_classes("Ball", "spotting")
    assert (classes.names, classes.label_file) == (("PASS", "DRIVE"), "Labels-ball.json")


@pytest.mark.parametrize("wanted", [("Handball", "spotting"), ("SoccerNet", "tracking")])
def test_what_the_package_has_not_is_refused_with_what_it_has(wanted):
    with pytest.raises(UserError, match=r"unknown dataset .*choose of SoccerNet \(spotting\)"):
        package_splits(*wanted)
