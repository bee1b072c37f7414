"""Files that are spotted in by themselves: which halves they are, their name, whose results."""

import json
from dataclasses import replace

import numpy as np
import pytest

from common.errors import UserError
from common.results.given_files import (
    VIDEOS,
    claim_outputs,
    find_outputs,
    given_files,
    open_given,
    refuse_names_of_files,
    require_unclaimed,
)
from common.results.scored_run import find_results


def one_file(path, halves, flag="features_path"):
    return given_files([path], halves, flag)


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
    assert (found.halves, found.name) == ((half,), name)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match="is a folder; give --features_path one feature file"):
        one_file(tmp_path, 2)


def test_the_detections_of_another_file_are_not_replaced(tmp_path):
    one, another = (one_file(tmp_path / folder / "video.npy", 2) for folder in "ab")
    claim_outputs(tmp_path / "run", one, {"framerate": 2}, ["Goal"])
    claim_outputs(tmp_path / "run", one, {"framerate": 2}, ["Goal"])
    with pytest.raises(UserError, match=rf"outputs_video holds the detections of {one.paths[0]}; "):
        claim_outputs(tmp_path / "run", another, {"framerate": 2}, ["Goal"])
    claim_outputs(tmp_path / "run 2", another, {"framerate": 2}, ["Goal"])


def test_a_split_is_not_written_among_the_detections_of_a_file(tmp_path):
    file = one_file(tmp_path / "holdout.npy", 2)
    claim_outputs(tmp_path / "run", file, {"framerate": 2}, ["Goal"])
    refuse_names_of_files(tmp_path / "run", ["holdout"])  # nothing was spotted yet
    (tmp_path / "run/outputs_holdout").mkdir()
    refuse_names_of_files(tmp_path / "run", ["test"])
    refuse_names_of_files(tmp_path / "other", ["holdout"])
    with pytest.raises(UserError, match=rf"detections of {file.paths[0]}, .*settings_file_holdout"):
        refuse_names_of_files(tmp_path / "run", ["test", "holdout"])


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


@pytest.mark.parametrize(
    ("files", "halves", "order", "name"),
    [
        (["g/1_Mine.npy", "g/2_Mine.npy"], (1, 2), (0, 1), "g_Mine"),
        (["g/2_Mine.npy", "g/1_Mine.npy"], (1, 2), (1, 0), "g_Mine"),
        (["g/first.npy", "g/second.npy"], (1, 2), (0, 1), "first+second"),
        (["g/b.npy", "g/a.npy"], (1, 2), (0, 1), "b+a"),
        (["g/1_A.npy", "g/2_B.npy"], (1, 2), (0, 1), "1_A+2_B"),
        (["g/1_A.npy", "h/2_A.npy"], (1, 2), (0, 1), "1_A+2_A"),
        (["g/whole.npy", "g/2_A.npy"], (1, 2), (0, 1), "whole+2_A"),
        (["g/8_A.npy", "g/9_A.npy"], (1, 2), (0, 1), "8_A+9_A"),
        ([f"g/{'x' * 100}.npy", f"g/{'y' * 100}.npy"], (1, 2), (0, 1), f"{'x' * 100}+{'y' * 19}"),
    ],
)
def test_names_and_else_the_order_tell_the_halves(tmp_path, files, halves, order, name):
    paths = [tmp_path / file for file in files]
    found = given_files(paths, 2)
    assert (found.halves, found.name) == (halves, name)
    assert found.paths == tuple(paths[n] for n in order)
    assert found.path_of(2) == found.paths[1]


@pytest.mark.parametrize(
    ("files", "halves", "name"),
    [
        (["g/1_224p.mkv"], (1,), "g_1_224p"),
        (["g/2.mkv"], (2,), "g_2"),
        (["g/1.mkv", "g/2.mkv"], (1, 2), "g"),
        (["test/1.mkv", "test/2.mkv"], (1, 2), "test_halves"),
        (["g/match.mp4"], (1,), "match"),
        (["g/12.mkv"], (1,), "12"),
    ],
)
def test_a_video_may_have_the_half_for_a_name(tmp_path, files, halves, name):
    paths = [tmp_path / file for file in files]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"a video")
    found = given_files(paths, 2, VIDEOS)
    assert (found.halves, found.name) == (halves, name)


def test_two_files_of_one_half_or_too_many_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"g/1_A\.npy and .*h/1_A\.npy would both be half 1"):
        given_files([tmp_path / "g/1_A.npy", tmp_path / "h/1_A.npy"], 2)
    with pytest.raises(UserError, match="would both be half 2"):
        given_files([tmp_path / "2_A.npy", tmp_path / "other.npy"], 2)
    with pytest.raises(UserError, match="2 at most, found 3"):
        given_files([tmp_path / f"{n}.npy" for n in "abc"], 2)
    with pytest.raises(UserError, match=r"of a game; give --video the halves"):
        given_files([tmp_path / "1_A.npy", tmp_path / "1_A.npy"], 2, said="video")


def test_a_video_that_is_none_is_answered_with_those_that_are_there(tmp_path):
    with pytest.raises(UserError, match=r"expected a video at .* found no such file$"):
        one_file(tmp_path / "1.mkv", 2, VIDEOS)
    (tmp_path / "2_HQ.MKV").write_bytes(b"")
    for given in ("1.mkv", "."):
        with pytest.raises(UserError, match=r"that folder holds:\n  .*2_HQ\.MKV"):
            one_file(tmp_path / given, 2, VIDEOS)


def test_a_file_for_the_other_flag_is_told_which_one(tmp_path):
    for name, flag, other in (
        ("1_224p.mkv", "features_path", "a video; give it to --video_path"),
        ("1_own.npy", VIDEOS, "a feature file; give it to --features_path"),
    ):
        (tmp_path / name).write_bytes(b"content")
        with pytest.raises(UserError, match=f"{name} is {other} instead of --{flag}"):
            one_file(tmp_path / name, 2, flag)


def test_halves_have_as_many_features_as_each_other(tmp_path):
    for half, dimension in ((1, 4), (2, 5)):
        np.save(tmp_path / f"{half}_A.npy", np.zeros((3, dimension), np.float32))
    given = given_files([tmp_path / "1_A.npy", tmp_path / "2_A.npy"], 2)
    with pytest.raises(UserError, match="has 5 features per frame, expected 4"):
        open_given(given)
    np.save(tmp_path / "2_A.npy", np.zeros((7, 4), np.float32))
    halves = open_given(given, 4)
    assert [(half.number, half.features.frames) for half in halves] == [(1, 3), (2, 7)]


def test_detections_are_found_by_their_files(tmp_path):
    one = one_file(tmp_path / "video.npy", 2)
    both = given_files([tmp_path / "a.npy", tmp_path / "b.npy"], 2)
    for given in (one, both):
        claim_outputs(tmp_path / "run", given, {"framerate": 2}, ["Goal", "Foul"])
    found = find_outputs(tmp_path / "run", "features_path", [tmp_path / "video.npy"])
    assert found == ("video", ("Goal", "Foul"))
    turned = [tmp_path / "b.npy", tmp_path / "a.npy"]
    assert find_outputs(tmp_path / "run", "features_path", turned)[0] == "a+b"
    with pytest.raises(UserError, match="holds no detections of"):
        find_outputs(tmp_path / "run", VIDEOS, [tmp_path / "video.npy"])


@pytest.mark.parametrize("classes", [None, "Goal", [1]])
def test_records_of_files_that_hold_other_things_are_told(tmp_path, classes):
    path = tmp_path / "video.npy"
    for number, files in enumerate(([5, None], str(path))):
        settings = {"features_path": files, "classes": classes}
        (tmp_path / f"settings_file_{number}.json").write_text(json.dumps({"settings": settings}))
    with pytest.raises(UserError, match=r"settings_file_1.json does not name the classes"):
        find_outputs(tmp_path, "features_path", [path])
    with pytest.raises(UserError, match="holds the detections of 5 and None; pass another"):
        require_unclaimed(tmp_path, replace(one_file(tmp_path / "x.npy", 2), name="0"))


def test_the_detections_of_a_split_and_of_a_video_are_not_replaced(tmp_path):
    (tmp_path / "outputs_league").mkdir()
    with pytest.raises(UserError, match="outputs_league holds the detections of a split"):
        claim_outputs(tmp_path, one_file(tmp_path / "league.npy", 2), {}, [])
    (tmp_path / "match.mp4").write_bytes(b"")
    claim_outputs(tmp_path, one_file(tmp_path / "match.mp4", 2, VIDEOS), {}, [])
    with pytest.raises(UserError, match=r"holds the detections of .*match\.mp4; "):
        claim_outputs(tmp_path, one_file(tmp_path / "match.npy", 2), {}, [])


@pytest.mark.parametrize(
    ("name", "kept"),
    [("汉" * 80, 53), ("é" * 120, 80), ("a" * 200, 120)],
    ids=["Chinese", "French", "Latin"],
)
def test_long_names_leave_room_for_those_of_results(tmp_path, name, kept):
    """A file's name has 255 bytes, of which settings_file_….json needs some."""
    path = tmp_path / f"{name}.npy"
    np.save(path, np.zeros((4, 2), np.float32))
    given = one_file(path, 2)
    assert given.name == name[:kept]
    claim_outputs(tmp_path / "run", given, {}, ["Goal"])
    with pytest.raises(UserError, match="holds the detections of"):
        require_unclaimed(tmp_path / "run", replace(given, paths=(tmp_path / "other.npy",)))
