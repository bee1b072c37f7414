"""A data set as it is read: games, what they must have, halves with and without their labels."""

import json
from dataclasses import replace

import numpy as np
import pytest

from common.data.data_set import DataSet
from common.data.events import SOCCERNET_V2, V2_NAMES, EventClasses, split_classes
from common.data.features import Half
from common.errors import UserError

SPLITS = {"train": ["l/s/a", "l/s/b", "l/s/c"], "valid": ["l/s/d", "l/s/e"], "empty": []}
FRAMES = {"a": (20, 31), "b": (22, 18), "c": (9, 40), "d": (12, 13), "e": (5, 6)}
D = 4


def spot(half, seconds, label="Goal", position=None):
    clock = {"gameTime": f"{half} - {seconds // 60:02}:{seconds % 60:02}", "label": label}
    return clock if position is None else clock | {"position": str(position)}


def write_labels(root, game, *annotations):
    (root / game / "Labels-v2.json").write_text(json.dumps({"annotations": annotations}))


def write_rows(root, game, half, rows):
    np.save(root / game / f"{half}_F.npy", rows)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "splits.json").write_text(json.dumps(SPLITS))
    rng = np.random.default_rng(0)
    for letter, frames in FRAMES.items():
        game = f"l/s/{letter}"
        (tmp_path / game).mkdir(parents=True)
        for half, count in enumerate(frames, 1):
            write_rows(tmp_path, game, half, rng.normal(size=(count, D)).astype(np.float32))
        write_labels(tmp_path, game, spot(1, 2), spot(2, 1, "Foul"))
    return tmp_path


def data_set(root, **how):
    return DataSet(root=root, **{"features": ("F.npy",), "classes": SOCCERNET_V2, **how})


# Games.


def test_games_of_splits_come_in_the_order_that_is_asked_for(root):
    data = data_set(root)
    assert data.games(["valid", "train"]) == SPLITS["valid"] + SPLITS["train"]
    assert data.games(["empty"]) == data.games([]) == []
    assert data.games(("train",)) == SPLITS["train"]


@pytest.mark.parametrize(("most", "expected"), [(1, "ad"), (2, "abde"), (9, "abcde"), (0, "")])
def test_only_so_many_games_of_each_split(root, most, expected):
    games = data_set(root, most_games=most).games(["train", "valid"])
    assert games == [f"l/s/{letter}" for letter in expected]


def test_an_unknown_split_and_a_wrong_root_are_named(root):
    with pytest.raises(UserError, match=r"unknown split 'trian'; .* has train, "):
        data_set(root).games(["train", "trian"])
    with pytest.raises(UserError, match=f"expected the data folder at {root / 'nowhere'}"):
        data_set(root / "nowhere").games(["train"])


def test_only_official_games_at_hand_are_taken(tmp_path):
    game = "england_epl/2014-2015/2015-05-17 - 18-00 Manchester United 1 - 1 Arsenal"
    (tmp_path / game).mkdir(parents=True)
    data = data_set(tmp_path)
    splits = [s for s in ("train", "valid", "test") if games_or_none(data, s)]
    assert [data.games([split]) for split in splits] == [[game]]


def games_or_none(data, split):
    try:
        return data.games([split])
    except UserError as error:
        assert f"games of the split {split} is in" in str(error)
        return []


def test_games_can_be_scored_if_any_has_labels(root):
    data = data_set(root)
    (root / "l/s/a/Labels-v2.json").unlink()
    assert data.has_labels(["l/s/a", "l/s/b"])
    assert not data.has_labels(["l/s/a"])
    assert not data.has_labels([])
    assert data.labels("l/s/a") is None


def test_digests_are_of_games_spots_and_frames_wherever_they_lie(root, tmp_path):
    plain = data_set(root).digests(["train"], ["valid"])
    assert set(plain) == {"training", "validation"}
    assert len(set(plain.values())) == 2
    moved = root.rename(tmp_path.with_name(f"{tmp_path.name} moved"))
    write_rows(moved, "l/s/a", 1, np.ones((20, D), np.float32))
    assert data_set(moved).digests(["train"], ["valid"]) == plain
    write_labels(moved, "l/s/a", spot(1, 2, "Corner"), spot(2, 1, "Foul"))
    relabelled = data_set(moved).digests(["train"], ["valid"])
    assert relabelled["training"] != plain["training"]
    assert relabelled["validation"] == plain["validation"]
    write_rows(moved, "l/s/d", 2, np.ones((14, D), np.float32))
    assert data_set(moved).digests(["train"], ["valid"])["validation"] != plain["validation"]
    few = data_set(moved, most_games=2).digests(["train"], ["valid"])
    assert few["training"] != relabelled["training"]
    assert data_set(moved).digests(["train", "valid"], [])["training"] != relabelled["training"]


# Files.


def test_a_whole_data_set_lacks_nothing(root):
    data = data_set(root)
    data.require_files(["valid"], [["train"], ["valid"]])
    data.require_files([], [])
    (root / "l/s/b/1_F.npy").unlink()
    with pytest.raises(UserError, match="1 of the 15 files of train, valid are missing"):
        data.require_files(["valid"], [["train"], ["valid"]])


def test_missing_files_are_counted_and_named_with_what_to_do(root):
    for game in ("l/s/b", "l/s/c"):
        (root / game / "2_F.npy").unlink()
    with pytest.raises(UserError, match=r"2 of the 6 files of train are missing") as error:
        data_set(root).require_files(["train"])
    assert str(root / "l/s/b/2_F.npy") in str(error.value)
    assert "take their games out of" in str(error.value)
    data_set(root).require_files(["valid"])


def test_of_games_that_are_left_out_no_file_is_needed(root):
    (root / "l/s/b/1_F.npy").unlink()
    one, two = replace(data_set(root), most_games=1), replace(data_set(root), most_games=2)
    lacking = lambda folder, halves: [] if (folder / "1_F.npy").is_file() else [folder]  # noqa: E731
    assert one.games(["train"]) == ["l/s/a"]
    one.require_files(["train"], [["train"]])
    one.require_further(["train"], lacking, ["F.npy"])
    with pytest.raises(UserError, match="1 of the 6 files of train are missing"):
        two.require_files([], [["train"]])
    with pytest.raises(UserError, match="1 file beside the features is missing, such as"):
        two.require_further(["train"], lacking, ["F.npy"])


def test_labels_are_needed_where_there_is_training_alone(root):
    (root / "l/s/e/Labels-v2.json").unlink()
    data = data_set(root)
    data.require_files(["valid"], [["train"]])
    with pytest.raises(UserError, match="1 of the 15 files of train, valid are missing"):
        data.require_files(["valid"], [["train"], ["valid"]])


def test_a_game_counts_once_in_each_list_of_splits(root):
    data = data_set(root)
    data.require_files([], [["train"], ["train"]])  # to select on what was learnt is no error
    with pytest.raises(UserError, match="'l/s/a' twice"):
        data.require_files([], [["train", "train"]])


def test_features_side_by_side_and_another_number_of_halves(root):
    with pytest.raises(UserError, match="6 of the 12 files"):
        data_set(root, features=("F.npy", "G.npy")).require_files(["train"])
    ball = EventClasses(("pass",), "Labels-ball.json", halves=1)
    (root / "l/s/a/2_F.npy").unlink()
    data_set(root, classes=ball).require_files(["train"])
    with pytest.raises(UserError, match="3 of the 6 files"):
        data_set(root, classes=ball).require_files([], [["train"]])


def test_further_files_are_asked_for_by_the_names_they_are_downloaded_by(root):
    def missing(folder, halves):
        return [folder / f"{half}_boxes.json" for half in range(1, halves + 1)]

    with pytest.raises(UserError, match="10 files beside the features are missing") as error:
        data_set(root).require_further(["train", "valid", "train"], missing, ["boxes.json"])
    assert str(root / "l/s/a/1_boxes.json") in str(error.value)
    assert str(error.value).endswith(f"take their games out of {root / 'splits.json'}")
    data_set(root).require_further(["train"], lambda folder, halves: [], ["boxes.json"])


# Features.


def test_the_dimension_is_measured_on_disk(root):
    assert data_set(root).measure("valid") == D
    assert data_set(root, features=("F.npy", "F.npy")).measure("train") == 2 * D
    assert data_set(root, dimension=D).measure("train") == D
    with pytest.raises(UserError, match=r"a/1_F.npy has 4 features per frame, expected 9"):
        data_set(root, dimension=9).measure("train")


def test_nothing_can_be_measured_without_games_or_files(root):
    with pytest.raises(UserError, match=r"the split empty holds no games; check splits.json"):
        data_set(root).measure("empty")
    with pytest.raises(UserError, match="holds no games"):
        data_set(root, most_games=0).measure("train")
    (root / "l/s/a/1_F.npy").unlink()
    with pytest.raises(UserError, match=r"expected features at .*l/s/a/1_F.npy"):
        data_set(root).measure("train")


def test_a_game_opens_as_its_halves(root):
    halves = data_set(root, dimension=D).open_game("l/s/c")
    assert [half[:2] for half in halves] == [(root / "l/s/c", 1), (root / "l/s/c", 2)]
    assert all(isinstance(half, Half) for half in halves)
    assert [half.features.frames for half in halves] == [9, 40]
    for half in halves:
        rows = np.load(root / f"l/s/c/{half.number}_F.npy")
        assert np.array_equal(half.features.rows(0, len(rows)), rows)
    one = data_set(root, classes=EventClasses(("pass",), "x.json", halves=1)).open_game("l/s/c")
    assert len(one) == 1


def test_a_game_with_other_features_does_not_open(root):
    write_rows(root, "l/s/b", 2, np.zeros((18, 3), np.float32))
    with pytest.raises(UserError, match=r"b/2_F.npy has 3 features per frame, expected 4"):
        data_set(root, dimension=D).open_game("l/s/b")


# Halves with their labels.


def test_labelled_halves_are_those_of_all_games_in_order(root):
    write_labels(root, "l/s/a", spot(2, 9), spot(1, 7, "Foul"), spot(2, 3), spot(2, 1, "A party"))
    found = list(data_set(root).labelled_halves(["l/s/a", "l/s/d"]))
    assert [(half.folder.name, half.number, half.features.frames) for half, _, _ in found] == [
        ("a", 1, 20), ("a", 2, 31), ("d", 1, 12), ("d", 2, 13)
    ]  # fmt: skip
    goal, foul = V2_NAMES.index("Goal"), V2_NAMES.index("Foul")
    assert [each.spot_frames.tolist() for each in found] == [[14], [18, 6], [4], [2]]
    assert [each.spot_events.tolist() for each in found] == [[foul], [goal, goal], [goal], [foul]]


def test_frames_follow_framerate_and_clock_and_may_lie_behind_the_half(root):
    write_labels(root, "l/s/a", spot(1, 14, position=15_100), spot(1, 3000, position=3_000_000))

    def frames(**how):
        return next(data_set(root, **how).labelled_halves(["l/s/a"])).spot_frames.tolist()

    assert frames() == [28, 6000]
    assert frames(framerate=1) == [14, 3000]
    assert frames(label_time="position") == [30, 6000]


def test_without_games_there_is_nothing_to_train_on(root):
    with pytest.raises(UserError, match="there are no games to train on; check the splits"):
        next(data_set(root).labelled_halves([]))


def test_the_first_half_says_which_dimension_all_have(root):
    write_rows(root, "l/s/b", 1, np.zeros((22, 3), np.float32))
    halves = data_set(root).labelled_halves(["l/s/a", "l/s/b"])
    assert len([next(halves), next(halves)]) == 2
    with pytest.raises(UserError, match=r"b/1_F.npy has 3 features per frame, expected 4"):
        next(halves)
    with pytest.raises(UserError, match=r"a/1_F.npy has 4 features per frame, expected 3"):
        next(data_set(root, dimension=3).labelled_halves(["l/s/a"]))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, r"expected the annotations at .*l/s/b/Labels-v2.json"),
        ("{", "is not valid JSON"),
        ('{"annotations": {}}', "is not a label file"),
        ('{"annotations": [{"label": "Goal"}]}', "gameTime"),
    ],
)
def test_labels_that_are_missing_or_malformed_are_named(root, content, sentence):
    path = root / "l/s/b/Labels-v2.json"
    path.unlink() if content is None else path.write_text(content)
    halves = data_set(root).labelled_halves(["l/s/a", "l/s/b"])
    next(halves), next(halves)
    with pytest.raises(UserError, match=sentence):
        next(halves)


# Annotations that do not count.


def test_a_split_without_a_known_class_stops_before_anything_is_read(root):
    data = data_set(root)
    data.require_files([], [["train"], ["valid"]])
    for game in SPLITS["train"]:
        write_labels(root, game, spot(1, 2, "GOAL"), spot(2, 1, "FOUL"))
    for asked in (([], [["train"], ["valid"]]), (["train"], [])):
        with pytest.raises(UserError, match=r"split train .*: found 'GOAL' \(3\), 'FOUL' \(3\)"):
            data.require_files(*asked)
    write_labels(root, SPLITS["train"][2], spot(1, 2, "Goal"))
    data.require_files([], [["train"]])


def test_what_is_left_out_and_clocks_that_disagree_are_said(root, caplog):
    write_labels(root, "l/s/a", spot(1, 2), spot(1, 3, "VAR"), spot(2, 4, position=2_704_000))
    assert len(list(data_set(root).labelled_halves(SPLITS["train"]))) == 6
    assert "1 annotation of 3 games" in caplog.text and "'VAR' (1)" in caplog.text
    assert "1 of 1 spot of 3 games" in caplog.text and "--label-time" in caplog.text


def test_classes_left_out_on_purpose_are_not_told(root, caplog):
    classes = split_classes(SOCCERNET_V2, "visual")
    list(data_set(root, classes=classes).labelled_halves(SPLITS["train"]))
    assert "left out" not in caplog.text


# Games that differ.


def test_games_have_as_many_halves_as_their_files_say_where_they_may_differ(root):
    classes = EventClasses(V2_NAMES, halves=4, halves_vary=True)
    data = data_set(root, classes=classes)
    write_rows(root, "l/s/a", 3, np.ones((6, D), np.float32))
    assert [data.halves(f"l/s/{letter}") for letter in "abc"] == [3, 2, 2]
    assert [half.number for half in data.open_game("l/s/a")] == [1, 2, 3]
    data.require_files(["valid"], [["train"]])
    (root / "l/s/b/2_F.npy").unlink()  # which has a spot
    with pytest.raises(UserError, match=r"1 of the .* files of train are missing"):
        data.require_files(["train"])
    write_labels(root, "l/s/b", spot(1, 2))
    data.require_files(["train"])
    assert data.halves("l/s/b") == 1
    (root / "l/s/a/2_F.npy").unlink()  # a gap
    with pytest.raises(UserError, match=r"a/2_F\.npy"):
        data.require_files(["train"])


def test_a_game_of_a_tested_split_that_is_learnt_from_is_told(root, caplog):
    caplog.set_level("WARNING", "spotting")
    data_set(root).require_files(["valid"], [["train"], ["valid"]])
    assert not [line for line in caplog.messages if "also in" in line]
    (root / "splits.json").write_text(json.dumps({**SPLITS, "test": ["l/s/b"]}))
    data_set(root).require_files(["test"], [["train"], ["valid"]])
    assert [line for line in caplog.messages if "1 game of train also in test" in line]


def test_labels_that_were_there_are_missed(root):
    data = data_set(root)
    (root / "l/s/e/Labels-v2.json").unlink()
    data.require_files(["valid"])
    assert data.has_labels(SPLITS["valid"])
    (root / "l/s/d/Labels-v2.json").unlink()
    with pytest.raises(UserError, match=r"labels of 1 game were there .*/l/s/d/Labels-v2\.json"):
        data.has_labels(SPLITS["valid"])
    assert not data_set(root).has_labels(SPLITS["valid"])


def test_most_spots_behind_the_end_of_their_half_are_refused(root):
    for letter in "abc":
        write_labels(root, f"l/s/{letter}", *(spot(h, s) for h in (1, 2) for s in (1, 70, 80, 90)))
    with pytest.raises(UserError, match=r"18 of 24 spots lie behind .* check --framerate"):
        list(data_set(root).labelled_halves(SPLITS["train"]))


@pytest.mark.parametrize(
    ("name", "features", "hint"),
    [
        ("F.npy", ("G.npy",), "holds 1_F.npy: --features F.npy?"),
        ("F.npy", ("1_F.npy",), "holds 1_F.npy: --features F.npy?"),
        ("F.npy", ("F",), "holds 1_F.npy: --features F.npy?"),
        ("F.npy", ("f.npy",), "holds 1_F.npy: --features F.npy?"),
        ("F.npy", ("/dev/null",), "there is no folder"),
        ("ResNET_TF2.npy", ("ResNet.npy",), "--features ResNET_TF2.npy?"),
    ],
)
def test_missing_features_come_with_what_is_there(root, name, features, hint):
    for letter in FRAMES:
        (root / f"l/s/{letter}/1_F.npy").rename(root / f"l/s/{letter}/1_{name}")
    with pytest.raises(UserError) as error:
        data_set(root, features=features).require_files(["train"])
    assert hint in str(error.value)


def test_missing_labels_and_folders_come_with_what_is_there(root):
    (root / "l/s/a/Labels-v2.json").rename(root / "l/s/a/Labels.json")
    with pytest.raises(UserError, match=r"holds Labels.json: pass --version 1\?"):
        data_set(root).require_files([], [["train"]])
    (root / "l/s/a").rename(root / "l/s/z")
    with pytest.raises(UserError, match=r"no folder .*l/s/a; .*l/s holds b, c, d, e, z"):
        data_set(root).require_files([], [["train"]])


def test_a_missing_file_that_is_something_else_or_in_another_form_is_told(root):
    (root / "l/s/a/1_F.npy").unlink()
    (root / "l/s/a/1_F.npy").symlink_to(root / "nowhere")
    with pytest.raises(UserError, match=r"a/1_F\.npy is there, but is no file: .* a broken link"):
        data_set(root).require_files(["train"])
    (root / "splits.json").write_text(json.dumps({"train": ["l/s/caf\u00e9"]}))
    (root / "l/s/b").rename(root / "l/s/cafe\u0301")
    with pytest.raises(UserError, match="another Unicode form or case"):
        data_set(root).require_files(["train"])


@pytest.mark.parametrize(("framerate", "expected"), [(12.5, 37), (25 / 16, 4), (0.5, 1)])
def test_rates_need_not_be_whole(root, framerate, expected):
    write_labels(root, "l/s/a", spot(1, 3))
    half = next(data_set(root, framerate=framerate).labelled_halves(["l/s/a"]))
    assert half.spot_frames.tolist() == [expected]
    assert half.spot_frames.dtype == np.int64


def test_clocks_that_go_on_in_a_later_half_are_refused(root):
    for letter in "abc":
        first, second = [spot(1, s) for s in (1, 2, 3, 4)] * 2, [spot(2, 2700)] * 4
        write_labels(root, f"l/s/{letter}", *first, *second)
    with pytest.raises(UserError, match=r"12 of 12 spots of half 2 lie .* start of each half"):
        list(data_set(root).labelled_halves(SPLITS["train"]))
    write_labels(root, "l/s/c", *[spot(2, 2)] * 13)  # 8 of 21: may be a slip
    assert len(list(data_set(root).labelled_halves(SPLITS["train"]))) == 6


def test_features_of_tested_games_are_opened_before_a_training(root):
    data = data_set(root)
    data.require_files(["valid"], [["train"]])
    write_rows(root, "l/s/e", 2, np.ones((6, D + 1), np.float32))
    with pytest.raises(UserError, match=r"e/2_F\.npy has 5 features per frame, expected 4"):
        data.require_files(["valid"], [["train"]])
    (root / "l/s/e/2_F.npy").write_bytes(b"<html>")
    with pytest.raises(UserError, match=r"e/2_F\.npy is cut off .* a web page"):
        data.require_files(["valid"], [["train"]])
    data.require_files([], [["train"]])


def test_a_first_half_that_is_not_there_while_the_second_is_comes_with_what_can_be_done(root):
    (root / "l/s/a/1_F.npy").unlink()
    (root / "l/s/b/2_F.npy").unlink()
    with pytest.raises(UserError) as error:
        data_set(root).require_files(["train"])
    assert f"{root / 'l/s/a'} has features of half 2 and none of half 1" in str(error.value)
    assert "number the others from 1 on" in str(error.value)
    write_rows(root, "l/s/a", 1, np.ones((6, D), np.float32))
    with pytest.raises(UserError) as error:
        data_set(root).require_files(["train"])
    assert "has features of half" not in str(error.value)  # the last one is missing


def test_one_file_that_is_missing_is_one(root):
    def missing(folder, halves):
        return [folder / "1_boxes.json"] if folder.name == "d" else []

    with pytest.raises(UserError, match=r"^1 file beside the features is missing, such as"):
        data_set(root).require_further(["valid"], missing, ["boxes.json"])


def test_features_that_are_asked_for_already_are_not_advised(root):
    for letter in FRAMES:
        for half in (1, 2):
            rows = np.load(root / f"l/s/{letter}/{half}_F.npy")
            np.save(root / f"l/s/{letter}/{half}_G.npy", rows)
    (root / "l/s/a/1_G.npy").unlink()
    with pytest.raises(UserError) as error:
        data_set(root, features=("F.npy", "G.npy")).require_files(["train"])
    assert "--features F.npy?" not in str(error.value)
    assert "has features of half 2 and none" not in str(error.value)  # the half was recorded
