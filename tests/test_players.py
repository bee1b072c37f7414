"""Box and calibration files: recordings, the cache file, aliases, everything that can be wrong."""

import json
import logging
import os

import numpy as np
import orjson
import pytest

from common.calibration import players as module
from common.calibration.player_json import parse_players
from common.calibration.players import (
    BOX_FILES,
    CALIBRATION_FILES,
    Players,
    missing_player_files,
    open_players,
)
from common.calibration.sealed_arrays import write_sealed
from common.data.array_file import map_arrays, write_arrays
from common.errors import UserError

CAMERA = [12, -5.12, 640, 0, 3, 330, 0, -0.008, 1]


def box_file(*frames, size=(3, 720, 1280, 3)):
    """Content of a box file; a frame is a list of (box, colour)."""
    predictions = [
        {"bboxes": [box for box, _ in frame], "colors": [colour for _, colour in frame]}
        for frame in frames
    ]
    return {"size": list(size), "predictions": predictions}


def calibration_file(*confidences, size=(3, 720, 1280, 3), homography=CAMERA):
    predictions = [
        [] if sure is None else [{"homography": homography, "confidence": sure}]
        for sure in confidences
    ]
    return {"size": list(size), "predictions": predictions}


BOX = ([600, 300, 620, 345], [200, 30.5, 40.9])
USUAL = box_file([BOX, ([1, 2, 3, 4.5], [1, 2, 3])], [], [BOX])


def parsed(boxes=USUAL, calibration=None):
    calibration = calibration or calibration_file(0.9, 0.5, 0.75)
    contents = [json.dumps(boxes).encode(), json.dumps(calibration).encode()]  # with NaN
    return Players.of_arrays(*parse_players(contents, ["boxes.json", "calibration.json"]))


@pytest.fixture
def game(tmp_path):
    folder = tmp_path / "league" / "season" / "game"
    folder.mkdir(parents=True)
    (folder / f"1_{BOX_FILES[0]}").write_bytes(orjson.dumps(USUAL))
    (folder / f"1_{CALIBRATION_FILES[0]}").write_bytes(
        orjson.dumps(calibration_file(0.9, None, 0.75))
    )
    return folder


def same(one, another):
    return all(
        np.array_equal(getattr(one, name), getattr(another, name), equal_nan=True)
        for name in ("offsets", "boxes", "colours", "inverses", "confidences", "box_picture")
    )


def test_boxes_of_a_frame():
    players = parsed()
    assert players.offsets.tolist() == [0, 2, 2, 3]
    number, place = players.boxes_of(np.array([2, 0, 1, 9, 0]))
    assert number.tolist() == [2, 0, 1, 0, 1]
    assert place.tolist() == [0, 1, 1, 4, 4]
    assert players.boxes[0].tolist() == [600, 300, 620, 345]
    assert players.box_picture == players.camera_picture == (720, 1280)


def test_a_frame_is_calibrated_from_the_threshold_on_and_inside_the_list():
    players = parsed(calibration=calibration_file(0.75, 0.7499, 0.9, None))
    found = players.calibrated(np.arange(6), 0.75)
    assert found.tolist() == [True, False, True, False, False, False]
    none = parsed(calibration=calibration_file())
    assert none.calibrated(np.arange(3), 0.75).tolist() == [False] * 3


def test_a_singular_homography_counts_as_no_calibration():
    players = parsed(calibration=calibration_file(0.9, homography=[1] * 9))
    assert not players.calibrated(np.array([0]), 0.75).any()


def test_numbers_stay_as_exact_as_they_are():
    odd = box_file([([900.3, 210.2, 921.9, 260.7], [254.9, 255, 0, 17])])
    players = parsed(odd)
    assert players.boxes.dtype == np.float64
    assert players.boxes.tolist() == [[900.3, 210.2, 921.9, 260.7]]
    assert players.colours.tolist() == [[254.9, 255, 0]]  # the first three
    assert parsed().boxes.dtype == np.float32  # which loses nothing there


def test_frames_without_any_box():
    players = parsed(box_file([], [], []))
    assert players.boxes.shape == (0, 4)
    assert players.boxes_of(np.arange(3))[0].tolist() == []


def test_recorded_files(golden):
    files = golden("calibration_files.json")
    for half, frames in ((1, 96), (2, 87)):
        contents = [
            content if isinstance(content, str) else json.dumps(content)
            for content in (
                files[f"{half}_{BOX_FILES[0]}"],
                files[f"{half}_{CALIBRATION_FILES[0]}"],
            )
        ]
        arrays, facts = parse_players([c.encode() for c in contents], ["b", "c"])
        assert len(arrays["offsets"]) == frames + 1
        assert facts["box_picture"] == [720, 1280]
        assert (arrays["confidences"] == 0.75).any()


# The cache.


def test_files_are_parsed_once_and_mapped_from_then_on(game, monkeypatch):
    first = open_players(game, 1)
    calls = []
    original = module.parse_players
    monkeypatch.setattr(module, "parse_players", lambda *a: calls.append(1) or original(*a))
    again = open_players(game, 1)
    assert same(first, again)
    assert not calls
    assert not again.boxes.flags.owndata  # a memory map
    # Touched, or copied from elsewhere: the same content is enough.
    path = game / f"1_{BOX_FILES[0]}"
    os.utime(path, (1, 1))
    assert same(open_players(game, 1), first)
    assert not calls
    path.write_bytes(orjson.dumps(box_file([BOX])))
    assert open_players(game, 1).offsets.tolist() == [0, 1]
    assert calls == [1]
    assert open_players(game, 1).offsets.tolist() == [0, 1]
    assert calls == [1]


def test_files_of_the_same_size_and_time_are_read_anew(game):
    assert open_players(game, 1).confidences.tolist() == [0.9, -1, 0.75]
    path = game / f"1_{CALIBRATION_FILES[0]}"
    for sure in (0.8, 0.7):
        before = path.stat()
        content = orjson.dumps(calibration_file(sure, None, 0.75))
        if sure == 0.8:
            path.write_bytes(content)
        else:  # another file in its place
            (game / "new").write_bytes(content)
            (game / "new").replace(path)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size
        assert open_players(game, 1).confidences.tolist() == [sure, -1, 0.75]


def test_a_damaged_cache_file_is_replaced(game):
    first = open_players(game, 1)
    (cache,) = game.glob(".*.cache")
    whole = cache.read_bytes()
    for content in (whole[:-7], b"nonsense", b""):
        cache.write_bytes(content)
        assert same(open_players(game, 1), first)
        assert cache.read_bytes() == whole


def test_the_cache_can_lie_elsewhere(game, tmp_path):
    open_players(game, 1, tmp_path / "cache")
    assert not list(game.glob(".*"))
    (cache,) = (tmp_path / "cache").rglob("*.cache")
    assert cache.relative_to(tmp_path / "cache").parts[:-1] == ("league", "season", "game")


def test_a_folder_that_cannot_be_written_to_is_told_once(game, monkeypatch, caplog):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_sealed", full)
    with caplog.at_level(logging.WARNING, "spotting"):
        players = [open_players(game, 1) for _ in range(3)]
    assert all(same(players[0], each) for each in players)
    assert [record.getMessage().count("--cache_dir") for record in caplog.records] == [1]


def test_older_names_are_found(game):
    first = open_players(game, 1)
    for names in (BOX_FILES, CALIBRATION_FILES):
        for older in names[1:]:
            for name in names:
                if (game / f"1_{name}").is_file():
                    (game / f"1_{name}").rename(game / f"1_{older}")
            assert same(open_players(game, 1), first)


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        lambda arrays, facts: arrays.pop("boxes"),
        lambda arrays, facts: arrays.update(offsets=arrays["offsets"][::-1].copy()),
        lambda arrays, facts: arrays.update(offsets=np.array(0)),
        lambda arrays, facts: arrays.update(boxes=arrays["boxes"][:, :3].copy()),
        lambda arrays, facts: arrays.update(colours=arrays["colours"][:1]),
        lambda arrays, facts: arrays.update(confidences=arrays["confidences"][1:]),
        lambda arrays, facts: facts.update(box_picture=None),
        lambda arrays, facts: facts.update(camera_picture=[720]),
        lambda arrays, facts: facts.update(digest=5),
        lambda arrays, facts: arrays.update(offsets=np.array([0, 2, 1, 3])),
        lambda arrays, facts: arrays.update(boxes=np.full_like(arrays["boxes"], np.nan)),
        lambda arrays, facts: arrays.update(colours=arrays["colours"].astype(np.int64)),
    ],
)
def test_a_cache_that_does_not_hang_together_is_made_anew(game, change, sealed):
    first = open_players(game, 1)
    (cache,) = game.glob(".1_players.cache")
    arrays, facts = map_arrays(cache)
    change(arrays, facts)
    if sealed:  # by whoever knows how
        write_sealed(cache, arrays, {k: each for k, each in facts.items() if k != "seal"})
    else:
        write_arrays(cache, arrays, facts)
    again = open_players(game, 1)
    for name in ("offsets", "boxes", "colours", "inverses", "confidences"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))
    assert (again.box_picture, again.digest) == (first.box_picture, first.digest)
    assert map_arrays(cache)[1]["digest"]


def test_missing_files_are_named(game):
    assert missing_player_files(game, 1) == []
    lacking = missing_player_files(game, 2)
    assert [path.name for path in lacking] == [f"2_{BOX_FILES[0]}", f"2_{CALIBRATION_FILES[0]}"]
    with pytest.raises(UserError, match=rf"expected {game}/2_{BOX_FILES[0]}.*put it there"):
        open_players(game, 2)


# What can be wrong.


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([], 'boxes.json has no list "predictions"'),
        ({"predictions": {}}, 'boxes.json has no list "predictions"'),
        ({"size": [3, 720], "predictions": []}, r'boxes.json: expected "size"'),
        ({"size": [3, 0, 1280], "predictions": []}, r'boxes.json: expected "size"'),
        ({"size": [3, 720, 1280], "predictions": [{"bboxes": []}]}, 'prediction 0 needs "bboxes"'),
        ({"size": [3, 720, 1280], "predictions": [{"bboxes": [], "colors": []}, 7]},
         'prediction 1 needs "bboxes"'),
        (box_file([BOX], [(BOX[0], [1, 2])]), "prediction 1: expected as many boxes"),
        (box_file([BOX], [([1, 2, 3], BOX[1])]), "prediction 1: expected as many boxes"),
        (box_file([BOX], [BOX], [([1, 2, 3, "x"], BOX[1])]), "prediction 2: expected as many"),
        ({"size": [3, 720, 1280], "predictions": [{"bboxes": [[1, 2, 3, 4]], "colors": []}]},
         "prediction 0: .* found 1 boxes and 0 colours"),
        ({"size": [3, 720, 1280], "predictions": [{"bboxes": 3, "colors": []}]}, "prediction 0"),
        *(
            (box_file([BOX], size=(3, side, 1280)), r'boxes.json: expected "size"')
            for side in (0.5, 719.5, 1e300, 1e5 + 1, -3, True, "720", None, [720])
        ),
        *(
            (box_file([BOX], [BOX], [BOX, (box, BOX[1])]), r"prediction 2: .* found .* have 4 numb")
            for box in ([1, 2, 3, 4, 0.9], [1, 2, 3], [1, 2, 3, None], [1, 2, 3, "4"],
                        [1, 2, 3, True], [1, 2, 3, 1e300], "1234", {"1": 1}, None, 7)
        ),
        (box_file([BOX], [(BOX[0], [1, 2, 3, 4])]), "prediction 1: .* where others have 3 numbers"),
        (box_file([([1, 2, 3, 4, 5], BOX[1])], [BOX], [BOX]), "prediction 0: .* have 4 numbers"),
        (box_file([BOX], size=(720, 1280, 3)), r"from 16 to 100000, found \[720, 1280, 3\]"),
        *(
            (box_file([BOX], [BOX, (BOX[0], colour)]),
             r"prediction 1: .* from 0 to 255, found the colour \[")
            for colour in ([300, 0, 0], [0, -5, 0], [0, 0, 256], [-0.1, 0, 0])
        ),
        *(
            ({"size": [3, 720, 1280], "predictions": [{"bboxes": odd, "colors": [[1, 2, 3]] * 2}]},
             "prediction 0: .* found " + shown)
            for odd, shown in (({"0": [1, 2, 3, 4]}, r"\{'0'"), ("abcd", "'abcd'"))
        ),
    ],
)  # fmt: skip
def test_malformed_box_files_are_named_with_their_frame(content, told):
    with pytest.raises(UserError, match=told):
        parsed(content)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ([{"homography": CAMERA}], "prediction 1"),
        ([{"homography": CAMERA[:8], "confidence": 0.9}], "prediction 1"),
        ([{"homography": CAMERA, "confidence": "sure"}], "prediction 1"),
        ([7], "prediction 1"),
        ({"homography": CAMERA, "confidence": 0.9}, "prediction 1"),
        *(
            ([{"homography": CAMERA, "confidence": sure}], "prediction 1")
            for sure in (None, True, "0.9", [1], {}, 1.5, 1e300, float("inf"))
        ),
        *(
            ([{"homography": camera, "confidence": 0.9}], "prediction 1")
            for camera in (
                None,
                "123456789",
                [*CAMERA, 1],
                ["1"] * 9,
                [True] * 9,
                [None] * 9,
                [[1, 2, 3], [1, 2, 3], [1, 2]],
                [[[1]] * 3] * 3,
                [float("inf")] * 9,
            )
        ),
    ],
)
def test_malformed_calibrations_are_named_with_their_frame(entry, told):
    content = calibration_file(0.9, 0.9)
    content["predictions"][1] = entry
    with pytest.raises(UserError, match=f"calibration.json: {told}: expected"):
        parsed(calibration=content)


def test_swapped_files_are_named_by_their_kind():
    boxes, calibrations = box_file([BOX], []), calibration_file(0.9)
    calibrations["predictions"].insert(0, [])
    expected = "expected a file of calibrations at .*calibration.json, found a file of boxes; put"
    with pytest.raises(UserError, match=expected):
        parsed(boxes, calibration=boxes)
    with pytest.raises(UserError, match=r"expected a file of boxes at .*, found a file of calibra"):
        parsed(calibrations)


def test_own_files_are_to_be_mended_released_ones_downloaded():
    odd = box_file([BOX, BOX], [BOX, BOX])
    odd["predictions"][1]["colors"].pop()
    with pytest.raises(
        UserError, match=r"found 2 boxes and 1 colours; download .* released .* mend"
    ):
        parsed(odd)


def test_three_rows_of_three_are_the_same_homography():
    nested = calibration_file(0.9, homography=[CAMERA[:3], CAMERA[3:6], CAMERA[6:]])
    found = parsed(calibration=nested)
    assert np.array_equal(found.inverses, parsed(calibration=calibration_file(0.9)).inverses)


@pytest.mark.parametrize(
    ("camera", "sure"),
    [
        ([float("nan")] * 9, 0.9),
        ([*CAMERA[:8], float("nan")], 0.9),
        (CAMERA, float("nan")),
        ([1e300, 0, 0, 0, 1e300, 0, 0, 0, 1e-300], 0.9),
        ([1e200, 0, 0, 0, 1e200, 0, 0, 0, 1], 0.9),
        ([1e-200, 0, 0, 0, 1e-200, 0, 0, 0, 1], 0.9),
        ([0] * 9, 0.9),
    ],
)
def test_frames_with_no_usable_camera_leave_the_others_alone(camera, sure, recwarn):
    content = calibration_file(0.9, 0.9, 0.8)
    content["predictions"][1] = [{"homography": camera, "confidence": sure}]
    found = parsed(calibration=content)
    assert found.calibrated(np.arange(3), 0.75).tolist() == [True, False, True]
    assert not recwarn.list


def test_text_that_is_no_json(game):
    (game / f"1_{BOX_FILES[0]}").write_text("{")
    with pytest.raises(UserError, match="is not valid JSON"):
        open_players(game, 1)
