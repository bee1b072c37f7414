"""Flags that all baselines share: whole and other numbers, seconds to frames, what data decides."""

import argparse
import importlib
import json
from pathlib import Path

import pytest

from common.data.events import event_classes
from common.errors import UserError
from common.training.argument_types import above_zero, not_negative, positive
from common.training.flags import (
    add_data_flags,
    add_run_flags,
    new_parser,
    parse_flags,
    to_frames,
)


@pytest.mark.parametrize(
    ("text", "number"),
    [("2", 2), ("2.0", 2), ("12.5", 12.5), ("1.5625", 25 / 16), ("1e3", 1000), (".5", 0.5)],
)
def test_numbers_above_zero_stay_whole_if_they_are(text, number):
    found = above_zero(text)
    assert found == number and type(found) is type(number)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "two", ""])
def test_other_numbers_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected a number above 0"):
        above_zero(text)


@pytest.mark.parametrize("kind", [positive, not_negative])
def test_where_whole_numbers_are_needed_it_is_said(kind):
    with pytest.raises(argparse.ArgumentTypeError, match=r"a whole number .* found 12\.5"):
        kind("12.5")


@pytest.mark.parametrize(
    ("seconds", "framerate", "frames"),
    [(15, 2, 30), (120, 2, 240), (1.5, 12.5, 19), (15, 25 / 16, 23), (0.5, 25, 13), (0.1, 2, 1)],
)
def test_seconds_become_the_nearest_number_of_frames(seconds, framerate, frames):
    found = to_frames(seconds, framerate)
    assert found == frames and type(found) is int


def test_every_program_has_the_clocks_and_the_protocol_that_are_documented(repo_root):
    programs = [path.parent.name for path in repo_root.glob("*/main.py")]
    assert {"Pooling", "TemporallyAwarePooling"} < {*programs}
    for name in programs:
        args = importlib.import_module(f"{name}.main").parse_arguments(["--SoccerNet_path", "DATA"])
        learnt = "position" if name == "DenseAnchors" else "gameTime"
        found = args.label_time, args.gt_time, args.protocol
        assert found == (learnt, "position", "corrected"), name


def flags(*words):
    parser = new_parser("main.py", "")
    add_data_flags(parser, features="F.npy")
    add_run_flags(parser, model_name="m")
    parser.add_argument("--features_path", type=Path, nargs="+")
    return parse_flags(parser, [*map(str, words)])


def test_without_a_data_root_nothing_begins():
    with pytest.raises(UserError, match="Give --SoccerNet_path FOLDER"):
        event_classes(flags("--download").SoccerNet_path)
    assert flags("--features_path", "somewhere/F.npy").SoccerNet_path == Path("somewhere")


def test_tested_splits_are_those_of_the_data_unless_named(tmp_path):
    (tmp_path / "splits.json").write_text(json.dumps({"train": ["a"], "test": ["b"]}))
    assert flags("--SoccerNet_path", tmp_path).split_test == ["test"]
    named = ["--split_test", "test", "challenge"]
    assert flags("--SoccerNet_path", tmp_path, *named).split_test == ["test", "challenge"]
