"""The strict label reader: fields, both clocks, both versions' classes, refusals by name."""

import json

import numpy as np
import pytest

from common.data.events import SOCCERNET_V1, SOCCERNET_V2, V2_NAMES, EventClasses
from common.data.games import official_splits
from common.data.labels import parse_labels, read_labels
from common.errors import UserError
from common.metric.average_map import UNSHOWN_FACTOR

SPOT = {"gameTime": "1 - 00:25", "label": "Goal", "position": "25393", "visibility": "visible"}
V1_SPOT = {"gameTime": "2 - 35:21", "label": "soccer-ball", "team": "home"}


def parse(*annotations, classes=SOCCERNET_V2, lenient=False):
    content = json.dumps({"annotations": annotations}).encode()
    return parse_labels(content, "game/Labels.json", classes, lenient)


def without(key):
    return {name: value for name, value in SPOT.items() if name != key}


def test_fields_in_file_order():
    labels = parse(
        SPOT,
        SPOT | {"gameTime": "2 - 45:07", "label": "Yellow->red card", "position": 2707999},
        SPOT | {"gameTime": "1 - 00:00", "label": "Penalty", "visibility": "not shown"},
    )
    assert len(labels) == 3
    assert labels.half.tolist() == [1, 2, 1]
    assert labels.seconds.tolist() == [25, 2707, 0]
    assert labels.milliseconds.tolist() == [25393, 2707999, 25393]
    assert labels.event.tolist() == [2, 16, 0]
    assert labels.visible.tolist() == [True, True, False]
    assert labels.unknown == {}


def test_minutes_may_have_three_digits():
    assert parse(SPOT | {"gameTime": "1 - 101:42"}).seconds.tolist() == [101 * 60 + 42]


def test_frames_from_either_clock():
    labels = parse(SPOT, SPOT | {"gameTime": "1 - 06:45", "position": "373576"})
    assert labels.frames(2).tolist() == [50, 810]
    assert labels.frames(2, "gameTime").tolist() == [50, 810]
    assert labels.frames(2, "position").tolist() == [50, 747]
    assert labels.frames(1, "position").tolist() == [25, 373]


def test_frames_at_25_fps_follow_the_published_float_expression():
    # Exact arithmetic gives 29, 57, 58; the evaluator's floats stay just below them.
    labels = parse(*(SPOT | {"position": str(ms)} for ms in (1160, 2280, 2320, 1161)))
    assert labels.frames(25, "position").tolist() == [28, 56, 57, 29]


@pytest.mark.parametrize("framerate", [1, 2, 5, 10])
def test_frames_are_exact_at_other_rates(framerate):
    milliseconds = np.arange(0, 7_200_001, 7)
    labels = parse(*(SPOT | {"position": int(ms)} for ms in milliseconds[:20_000]))
    exact = framerate * milliseconds[:20_000] // 1000
    np.testing.assert_array_equal(labels.frames(framerate, "position"), exact)


def test_a_position_may_be_a_whole_number_with_a_point():
    labels = parse(SPOT | {"position": "10000.0"}, SPOT | {"position": 10000.0})
    assert labels.milliseconds.tolist() == [10000, 10000]
    with pytest.raises(UserError, match=r"expected whole milliseconds from 0 on, found '10000\.5'"):
        parse(SPOT | {"position": "10000.5"})


def test_frames_are_whole_at_rates_that_are_not():
    labels = parse(SPOT)
    assert labels.frames(12.5).tolist() == [312]
    assert labels.frames(12.5, "position").tolist() == [317]
    assert labels.frames(12.5).dtype == labels.frames(2).dtype == np.int64


def test_without_position_the_game_time_counts():
    labels = parse(without("position"), SPOT)
    assert labels.milliseconds.tolist() == [-1, 25393]
    assert labels.frames(2, "position").tolist() == [50, 50]


def test_only_not_shown_is_unshown():
    others = [SPOT | {"visibility": value} for value in ("visible", "Not shown", "", None)]
    assert parse(without("visibility"), *others).visible.all()
    assert not parse(SPOT | {"visibility": "not shown"}).visible.any()


def test_unknown_labels_are_left_out_and_counted():
    other = SPOT | {"label": "VAR"}
    labels = parse(other, SPOT, other, SPOT | {"label": "goal"})
    assert labels.event.tolist() == [2]
    assert labels.unknown == {"VAR": 2, "goal": 1}


@pytest.mark.parametrize(
    ("label", "event"),
    [
        ("y-card", 0),
        ("r-card", 0),
        ("yr-card", 0),
        ("Yellow card", 0),  # why version 2's files must not be read as version 1
        ("substitution-in", 1),
        ("Substitution", -1),  # case counts
        ("subs-card", 0),  # card comes first,
        ("soccer-subs", 1),  # then subs
        ("soccer-ball", 2),
        ("soccer-ball-own", 2),
        ("Goal", -1),
        ("corner", -1),
    ],
)
def test_version_1_classes_are_found_as_substrings_in_order(label, event):
    labels = parse(V1_SPOT | {"label": label}, classes=SOCCERNET_V1)
    assert labels.event.tolist() == ([event] if event >= 0 else [])
    assert labels.unknown == ({} if event >= 0 else {label: 1})


@pytest.mark.parametrize(
    ("annotation", "field", "found"),
    [
        *(
            (SPOT | {"gameTime": value}, "gameTime", value)
            for value in ("1 - 0:5", "1 - 10:5", "1 - 10:60", "10:05", "x - 10:05", "1 - 10:05 ",
                          "1 - 1000:05", "", "\N{SUPERSCRIPT ONE} - 00:05", 5, None, ["1 - 00:05"])
        ),
        (without("gameTime"), "gameTime", None),
        *(
            (SPOT | {"position": value}, "position", value)
            for value in ("12.5", "-1", -1, -0.4, "abc", "", None, [], "nan", True)
        ),
        *((SPOT | {"label": value}, "label", value) for value in (None, 5, ["Goal"])),
        (without("label"), "label", None),
        ("Goal", "entry", "Goal"),
        (None, "entry", None),
    ],
)  # fmt: skip
def test_malformed_field_is_named(annotation, field, found):
    with pytest.raises(UserError) as error:
        parse(SPOT, annotation)
    assert str(error.value).startswith(f"game/Labels.json: annotation 1, field {field}: expected ")
    assert f"found {found!r};" in str(error.value)


@pytest.mark.parametrize("game_time", ["3 - 00:05", "0 - 00:05"])
def test_other_halves_are_refused_or_left_out(game_time):
    annotation = SPOT | {"gameTime": game_time}
    with pytest.raises(
        UserError, match="annotation 1, field gameTime: expected a half from 1 to 2"
    ):
        parse(SPOT, annotation)
    assert parse(SPOT, annotation, lenient=True).half.tolist() == [1]


def test_a_data_set_may_have_other_halves():
    one_half = EventClasses(("Goal",), halves=1)
    with pytest.raises(UserError, match="from 1 to 1"):
        parse(SPOT | {"gameTime": "2 - 00:05"}, classes=one_half)
    four = EventClasses(("Goal",), halves=4)
    assert parse(SPOT | {"gameTime": "4 - 00:05"}, classes=four).half.tolist() == [4]


@pytest.mark.parametrize("content", [b"[]", b"{}", b'{"annotations": {}}', b'{"predictions": []}'])
def test_other_json_is_no_label_file(content):
    with pytest.raises(UserError, match='the-file has no list "annotations"'):
        parse_labels(content, "the-file", SOCCERNET_V2)


@pytest.mark.parametrize("nothing", ["{}", '""'])
def test_lenient_finds_nothing_in_what_is_empty(nothing):
    content = f'{{"annotations": {nothing}}}'.encode()
    assert len(parse_labels(content, "the-file", SOCCERNET_V2, lenient=True)) == 0


@pytest.mark.parametrize("content", [b"", b'{"annotations": [', b"\xff\xfe", b"NaN"])
def test_broken_json_is_refused(content):
    with pytest.raises(UserError, match="the-file is not valid JSON"):
        parse_labels(content, "the-file", SOCCERNET_V2)


def test_no_annotations_give_empty_arrays():
    labels = parse()
    assert len(labels) == 0 and labels.frames(2, "position").shape == (0,)
    assert labels.visible.dtype == bool


def test_position_beyond_any_array_entry_stays_far_behind():
    assert parse(SPOT | {"position": "9" * 30}).frames(2, "position")[0] > 10**12


def test_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"expected the annotations at .*nowhere"):
        read_labels(tmp_path / "nowhere.json", SOCCERNET_V2)


@pytest.mark.parametrize("version", [1, 2])
def test_recorded_frame_labels(golden, tmp_path, version):
    files, recorded = golden("label_files.json"), golden("label_vectors.npz")
    classes = SOCCERNET_V1 if version == 1 else SOCCERNET_V2
    for g, content in enumerate(files.values()):
        path = tmp_path / f"{g}.json"
        path.write_text(json.dumps(content[classes.label_file]))
        labels = read_labels(path, classes)
        assert sum(labels.unknown.values()) > 0
        for half in (1, 2):
            expected = recorded[f"tap_test_v{version}_g{g}_h{half}"]
            vector = np.zeros_like(expected)
            for i in np.flatnonzero(labels.half == half):
                frame = min(labels.frames(2, "gameTime")[i], len(vector) - 1)
                vector[frame, labels.event[i]] = 1 if labels.visible[i] else -1
            np.testing.assert_array_equal(vector, expected)


# Visible and unshown spots of each class in the real labels: train, valid, test.
REAL_SPOTS = [
    ((96, 0), (36, 0), (41, 0)),
    ((412, 1104), (135, 401), (156, 358)),
    ((994, 1), (371, 0), (337, 0)),
    ((1404, 296), (459, 101), (478, 101)),
    ((1204, 61), (386, 31), (395, 21)),
    ((3452, 11), (1179, 3), (1174, 1)),
    ((3205, 9), (981, 3), (1056, 2)),
    ((2164, 2585), (648, 868), (778, 853)),
    ((18278, 819), (5994, 259), (6178, 282)),
    ((8095, 3296), (2612, 1106), (2741, 1068)),
    ((6941, 143), (2136, 40), (2373, 41)),
    ((3483, 2848), (985, 922), (1266, 1017)),
    ((1214, 165), (384, 55), (365, 17)),
    ((2533, 351), (815, 138), (881, 118)),
    ((1117, 121), (349, 29), (400, 31)),
    ((33, 1), (13, 0), (8, 0)),
    ((24, 0), (8, 0), (14, 0)),
]


def test_real_labels_hold_in_each_split_what_is_known_of_them(real_labels):
    found, moved = np.zeros((len(V2_NAMES), 3, 2), int), 0
    for number, split in enumerate(("train", "valid", "test")):
        for game in official_splits()[split]:
            labels = read_labels(real_labels / game / "Labels-v2.json", SOCCERNET_V2)
            np.add.at(found[:, number], (labels.event, 1 - labels.visible), 1)
            moved += int((labels.frames(2, "position") == labels.frames(2) + 1).sum())
    np.testing.assert_array_equal(found, REAL_SPOTS)
    # Why the metric multiplies a mean over all classes by 17 / 13.
    assert len(V2_NAMES) / (found[:, 2, 1] > 0).sum() == UNSHOWN_FACTOR
    # Nearly half of the spots lie a row later by their position than by their gameTime.
    assert round(moved / found.sum(), 2) == 0.49


def test_all_real_labels_are_read_completely(real_labels):
    paths = sorted(real_labels.rglob("Labels-v2.json"))
    games = [read_labels(path, SOCCERNET_V2) for path in paths]
    assert (len(games), sum(map(len, games))) == (500, 110_458)
    assert (min(map(len, games)), max(map(len, games))) == (125, 290)
    assert sum(np.bincount(labels.half) for labels in games).tolist() == [0, 53_307, 57_151]
    assert max(labels.milliseconds.max() for labels in games) == 3_231_909
    assert sum(int((~labels.visible).sum()) for labels in games) == 19_677
    counts = sum(np.bincount(labels.event, minlength=len(V2_NAMES)) for labels in games)
    assert counts.tolist() == [
        173, 2566, 1703, 2839, 2098, 5820, 5256, 7896, 31810, 18918, 11674, 10521, 2200, 4836,
        2047, 55, 46,
    ]  # fmt: skip
    # The two clocks disagree in one annotation of all.
    off = sum(int((labels.milliseconds // 1000 != labels.seconds).sum()) for labels in games)
    assert off == 1
