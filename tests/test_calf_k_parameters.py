"""Context parameters: the published table, files of one's own, whole frames."""

import json
import logging

import numpy as np
import pytest

from common.calf.k_parameters import (
    MOST_FRAMES,
    SECONDS,
    k_frames,
    kept_k_frames,
    read_k_seconds,
    tell_k_parameters,
)
from common.data.events import CLASS_SPLITS, V2_NAMES
from common.errors import UserError
from common.results.run_record import TRAINED, record_settings


def test_every_class_of_soccernet_v2_has_published_parameters():
    assert set(SECONDS) == set(V2_NAMES)
    table = np.array([SECONDS[name] for name in V2_NAMES])
    assert (np.diff(table, axis=1) > 0).all()
    assert (table[:, 1] < 0).all()
    assert (table[:, 2] > 0).all()


PRINTED = {
    "visual": (
        (-100, -98, -31, -97, -75, -20, -84, -18), (-50, -49, -15, -49, -38, -10, -42, -9),
        (50, 49, 15, 49, 38, 10, 42, 9), (100, 98, 31, 97, 75, 20, 84, 18),
    ),
    "nonvisual": (
        (-20, -40, -96, -5, -8, -93, -99, -75, -10), (-10, -20, -48, -3, -4, -46, -50, -37, -5),
        (60, 10, 48, 3, 4, 46, 50, 37, 5), (90, 20, 96, 5, 8, 93, 99, 75, 10),
    ),
}  # fmt: skip


@pytest.mark.parametrize("split", CLASS_SPLITS)
def test_printed_tables_of_the_class_splits(split):
    assert k_frames(CLASS_SPLITS[split], 1).tolist() == [list(row) for row in PRINTED[split]]


@pytest.mark.parametrize(
    ("recorded", "classes"),
    [("all", V2_NAMES), ("fps1", V2_NAMES), *CLASS_SPLITS.items()],
)
def test_recorded_tables(golden, recorded, classes):
    expected = golden("context_aware_loss.npz")[f"{recorded}_K"]
    framerate = 1 if recorded == "fps1" else 2
    assert np.array_equal(k_frames(classes, framerate), expected)


def test_classes_come_in_the_order_asked_for():
    found = k_frames(["Corner", "Goal"], 2)
    assert found.tolist() == [[-150, -40], [-76, -20], [76, 120], [150, 180]]


def test_a_file_replaces_the_table(tmp_path):
    path = tmp_path / "k.json"
    path.write_text(json.dumps({"pass": [-4.2, -2, 1.5, 3], "shot": [-8, -4, 4, 8]}))
    assert k_frames(["shot", "pass"], 5, path).T.tolist() == [[-40, -20, 20, 40], [-21, -10, 8, 15]]


def test_times_below_a_frame_keep_their_regions_apart(tmp_path):
    path = tmp_path / "k.json"
    path.write_text(json.dumps({"pass": [-0.2, -0.1, 0.1, 0.2]}))
    assert k_frames(["pass"], 1, path).T.tolist() == [[-2, -1, 1, 2]]


def test_a_class_without_parameters_is_named(tmp_path):
    with pytest.raises(UserError, match=r"for pass, shot in the published table.*--k_params"):
        k_frames(["Goal", "pass", "shot"], 2)
    path = tmp_path / "k.json"
    path.write_text('{"pass": [-4, -2, 2, 4]}')
    with pytest.raises(UserError, match=rf"for Goal in {path}"):
        k_frames(["Goal"], 2, path)


@pytest.mark.parametrize(
    "row",
    ["[-4, -2, 2]", "[-2, -4, 2, 4]", "[-4, -2, 4, 2]", "[-4, 0, 2, 4]", '["-4", -2, 2, 4]',
     "[-4, -2, null, 4]", "[true, -2, 2, 4]", "7", "[[-4], -2, 2, 4]", "[-4, -2, 2, {}]"],
)  # fmt: skip
def test_malformed_rows_are_shown(tmp_path, row):
    path = tmp_path / "k.json"
    path.write_text(f'{{"Goal": {row}}}')
    with pytest.raises(UserError, match=r"k.json: expected four numbers .* for 'Goal', found"):
        read_k_seconds(path)


@pytest.mark.parametrize("text", ["[]", "{}", "3", '"Goal"'])
def test_other_content_is_refused(tmp_path, text):
    path = tmp_path / "k.json"
    path.write_text(text)
    with pytest.raises(UserError, match="must look like"):
        read_k_seconds(path)


@pytest.mark.parametrize("far", ["1e300", "1e20", "18446744073709551616", "16384", "1.7e308"])
@pytest.mark.parametrize("row", ["[-4, -2, 2, {}]", "[-{}, -2, 2, 4]"])
def test_times_that_shifts_cannot_tell_are_refused(tmp_path, far, row):
    path = tmp_path / "k.json"
    path.write_text(f'{{"pass": [-4, -2, 2, 4], "shot": {row.format(far)}}}')
    with pytest.raises(
        UserError, match=r"k.json: expected .* at most 16383 s .* for 'shot', found"
    ):
        k_frames(["pass", "shot"], 2, path)


def test_the_longest_time_is_taken(tmp_path):
    path = tmp_path / "k.json"
    path.write_text(json.dumps({"pass": [-MOST_FRAMES, -2, 2, MOST_FRAMES]}))
    assert k_frames(["pass"], 1, path).T.tolist() == [[-MOST_FRAMES, -2, 2, MOST_FRAMES]]


@pytest.mark.parametrize("number", ["NaN", "1e400", "-Infinity"])
def test_what_is_no_number_is_refused(tmp_path, number):
    path = tmp_path / "k.json"
    path.write_text(f'{{"pass": [-4, -2, 2, {number}]}}')
    with pytest.raises(UserError, match=r"k.json"):
        read_k_seconds(path)


@pytest.mark.parametrize(
    ("names", "path", "level", "told"),
    [
        (V2_NAMES, None, logging.INFO, "as published for SoccerNet-v2"),
        (CLASS_SPLITS["visual"], None, logging.INFO, "as published for SoccerNet-v2"),
        (("Goal", "Foul"), None, logging.WARNING, "of Goal, Foul: those published for soccer"),
        (("Goal", "Foul"), "k.json", logging.INFO, "of the classes: k.json"),
    ],
)
def test_where_parameters_come_from_is_said(names, path, level, told, caplog):
    with caplog.at_level(logging.INFO, "spotting"):
        tell_k_parameters(names, path)
    (record,) = caplog.records
    assert record.levelno == level
    assert told in record.getMessage()


# What a run keeps of them.


def test_parameters_that_were_edited_since_the_training_are_refused(tmp_path):
    names, record = ["Corner", "Goal"], tmp_path / TRAINED
    k = k_frames(names, 2)
    assert kept_k_frames(record, names, None) == {}
    kept = kept_k_frames(record, names, k)
    assert kept == {"k_frames": {"Corner": [-150, -76, 76, 150], "Goal": [-40, -20, 120, 180]}}
    record_settings(tmp_path, {"LR": 0.1}, "train")  # of an earlier version
    assert kept_k_frames(record, names, k) == kept
    record_settings(tmp_path, kept, "train")
    assert kept_k_frames(record, names, k) == kept
    other = k.copy()
    other[3, 1] += 1
    words = r"parameters \[-40, -20, 120, 180\] frames of 'Goal', now \[-40, -20, 120, 181\]"
    with pytest.raises(UserError, match=words):
        kept_k_frames(record, names, other)
    assert kept_k_frames(None, names, other) != kept  # a new run, or one that replaces it
