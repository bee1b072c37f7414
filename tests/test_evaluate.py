"""The evaluator on files: written-out examples, input edge cases, recordings of the package.

The package itself is compared in `test_evaluate_package.py`, the CLI in `test_evaluate_cli.py`.
"""

import json
import zipfile

import numpy as np
import pytest

from common.data.events import SOCCERNET_V1, SOCCERNET_V2, V1_NAMES, V2_NAMES
from common.data.games import official_splits
from common.errors import UserError
from common.evaluate import evaluate
from common.metric.average_map import last_of_each_cell
from common.results.json_tree import JsonTree
from common.results.reading import Reading, read_detections, read_targets

EXACT = {"rtol": 0, "atol": 1e-12}
GAME = "l/s/g0"
RESULTS = "results_spotting.json"
LABELS = "Labels-v2.json"


def spot(half, milliseconds, label, visibility="visible", **changes):
    minutes, seconds = divmod(milliseconds // 1000, 60)
    annotation = {
        "gameTime": f"{half} - {minutes:02}:{seconds:02}",
        "label": label,
        "position": str(milliseconds),
        "visibility": visibility,
        **changes,
    }
    return {key: value for key, value in annotation.items() if value is not None}


def detection(half, position, label, confidence):
    return {"half": half, "position": position, "label": label, "confidence": confidence}


@pytest.fixture
def score(tmp_path, write_tree):
    """Evaluates one game's annotations and predictions, of classes named as given."""

    def run(names, annotations, predictions, metric="loose", **settings):
        labels = write_tree(tmp_path / "labels", {GAME: annotations}, LABELS)
        results = write_tree(tmp_path / "results", {GAME: predictions}, RESULTS)
        numbers = {name: number for number, name in enumerate(names)}
        return evaluate(
            labels, results, metric=metric, dataset=None, EVENT_DICTIONARY=numbers,
            label_files=LABELS, **settings,
        )  # fmt: skip

    return run


# Worked examples of the metric: annotations, predictions, and per metric what the package returns:
# all, per class, visible, per class visible, unshown, per class unshown.
TWO_CLASSES = (
    "AB",
    [
        spot("1", 10000, "A"),
        spot("1", 20000, "A", "not shown"),
        spot("1", 5499, "B"),
        spot("2", 30000, "A"),
    ],
    [
        detection("1", "10500", "A", "0.9"),
        detection("1", "23000", "A", "0.8"),
        detection("2", "30000", "A", "0.3"),
        detection("2", "50000", "A", "0.6"),
        detection("1", "5500", "B", "0.5"),
        detection("2", "1000", "B", "0.7"),
    ],
    {
        "loose": (
            0.7138429752066116, [0.9276859504132232, 0.5],
            0.9552341597796143, [0.9104683195592287, 1.0],
            0.6241258741258741, [0.9545454545454546, 0.0],
        ),
        **dict.fromkeys(
            ("tight", "at1", "at2", "at3", "at4", "at5"),
            (0.5, [0.5, 0.5], 0.9242424242424242, [0.8484848484848484, 1.0], 0, [0, 0]),
        ),
    },
)  # fmt: skip
GREEDY_ORDER = (
    "A",
    [spot("1", 10000, "A", "not shown"), spot("1", 12000, "A")],
    [detection("1", "11000", "A", "0.9"), detection("1", "9500", "A", "0.5")],
    {
        "at1": (0.2727272727272727, [0.2727272727272727], 0, [0], 1, [1]),
        **dict.fromkeys(
            ("at2", "at3", "at4"), (0.5454545454545454, [0.5454545454545454], 1, [1], 0, [0])
        ),
        "at5": (1, [1], 1, [1], 1, [1]),
        "tight": (
            0.5681818181818181, [0.5681818181818181], 0.875, [0.875], 0.3269230769230769, [0.25],
        ),
        "loose": (1, [1], 1, [1], 1.3076923076923077, [1]),
    },
)  # fmt: skip
TIES_AND_OVERWRITING = (
    "A",
    [spot("1", 10000, "A"), spot("1", 10400, "A", "not shown"), spot("1", 60000, "A")],
    [
        detection("1", "59500", "A", "0.5"),
        detection("1", "60500", "A", "0.5"),
        detection("1", "10000", "A", "0.9"),
        detection("1", "10200", "A", "0.004"),
        detection("1", "80000", "A", "-0.5"),
        detection("1", "90000", "A", "0.0"),
    ],
    {
        **dict.fromkeys(
            ("loose", "tight"), (0.5, [0.5], 0.5, [0.5], 1.3076923076923077, [1])
        ),
        **dict.fromkeys(("at1", "at2"), (0.5, [0.5], 0.5, [0.5], 1, [1])),
    },
)  # fmt: skip
EXAMPLES = {
    "two classes": TWO_CLASSES,
    "greedy order": GREEDY_ORDER,
    "ties and overwriting": TIES_AND_OVERWRITING,
}
KEYS = [
    f"a_mAP{per_class}{kind}"
    for kind in ("", "_visible", "_unshown")
    for per_class in ("", "_per_class")
]


@pytest.mark.parametrize(
    ("example", "metric"), [(name, metric) for name in EXAMPLES for metric in EXAMPLES[name][3]]
)
def test_worked_examples(score, example, metric):
    names, annotations, predictions, expected = EXAMPLES[example]
    result = score(names, annotations, predictions, metric)
    assert list(result) == KEYS
    for key, value in zip(KEYS, expected[metric], strict=True):
        np.testing.assert_allclose(result[key], value, **EXACT, err_msg=key)


# Input edge cases. One spot at 1 s; the prediction under test finds it, or does not.


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (detection("1", 1000.7, "A", "0.5"), 1),  # a number is cut, to frame 2
        (detection(1, 1000, "A", 0.5), 1),
        (detection("1", "1000", "A", "-1e-9"), 0),
        (detection("1", "1000", "A", "0.0"), 1),
        (detection("1", "1000", "A", "7"), 1),
        (detection("2", "1000", "A", "0.5"), 0),
    ],
)
def test_predictions_let_pass(score, entry, expected):
    assert score("A", [spot("1", 1000, "A")], [entry], "at1")["a_mAP"] == expected


def test_confidence_in_scientific_notation(score):
    # 0.001 reaches the lowest threshold only, so the false positive outranks it at all others.
    predictions = [detection("1", "1000", "A", "1e-3"), detection("1", "90000", "A", "0.5")]
    assert score("A", [spot("1", 1000, "A")], predictions, "at1")["a_mAP"] == 0.5


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"position": "1000.0"}, "position"),
        ({"position": "-1"}, "position"),
        ({"half": "3"}, "half"),
        ({"half": "0"}, "half"),
        ({"confidence": "high"}, "confidence"),
        ({"confidence": "nan"}, "confidence"),
        ({"confidence": "inf"}, "confidence"),
        ({"confidence": "1e400"}, "confidence"),
        ({"confidence": float("nan")}, "not valid JSON"),
    ],
)
def test_malformed_prediction_is_refused_by_name(score, change, field):
    entry = detection("1", "1000", "A", "0.5") | change
    with pytest.raises(UserError, match=field) as error:
        score("A", [spot("1", 1000, "A")], [entry])
    assert f"{GAME}/{RESULTS}" in str(error.value)


@pytest.mark.parametrize("game_time", ["1 - 0:5", "1 - 10:5", "1-00:05", "", None, 5])
def test_malformed_game_time_is_refused_by_name(score, game_time):
    annotation = spot("1", 5000, "A") | {"gameTime": game_time}
    with pytest.raises(UserError, match="annotation 0, field gameTime"):
        score("A", [annotation], [])


def test_spot_without_position_counts_at_its_game_time(score):
    annotation = spot("1", 5000, "A", gameTime="1 - 100:05", position=None)
    found = detection("1", str((100 * 60 + 5) * 1000), "A", "0.5")
    assert score("A", [annotation], [found], "at1")["a_mAP"] == 1


def test_game_time_counts_only_when_asked_for(score):
    # As in the one label of SoccerNet-v2 whose clocks disagree: 06:45 and 373576 ms (06:13).
    annotation = spot("1", 373576, "A", gameTime="1 - 06:45")
    at_position, at_clock = (detection("1", p, "A", "0.5") for p in ("373576", "405000"))
    assert score("A", [annotation], [at_position], "at1")["a_mAP"] == 1
    assert score("A", [annotation], [at_clock], "at1")["a_mAP"] == 0
    assert score("A", [annotation], [at_clock], "at1", gt_time="gameTime")["a_mAP"] == 1


def test_spots_and_detections_behind_two_hours_meet_in_the_last_frame(score):
    late = [spot("2", 7_300_000, "A", gameTime="2 - 99:00")]
    for position in ("7199500", "7200000", "9999999", "9" * 30):
        assert score("A", late, [detection("2", position, "A", "0.5")], "at1")["a_mAP"] == 1
    assert score("A", late, [detection("2", "7198000", "A", "0.5")], "at1")["a_mAP"] == 0
    before = [spot("2", 7_199_000, "A")]  # half a second, one frame, before the last
    assert score("A", before, [detection("2", "7300000", "A", "0.5")], "at1")["a_mAP"] == 1


def test_lenient_counts_negative_positions_from_the_end(score):
    last = [spot("1", 7_199_500, "A")]
    for position, expected in (("-600", 1), ("-499", 0)):
        found = [detection("1", position, "A", "0.5")]
        assert score("A", last, found, "at1", lenient=True)["a_mAP"] == expected
    with pytest.raises(UserError, match="120 minutes before"):
        score("A", last, [detection("1", "-7200500", "A", "0.5")], lenient=True)


AT_5 = [detection("1", "5000", "A", "0.5")]


# What the package returns for each, at1.
@pytest.mark.parametrize(
    ("annotations", "predictions", "expected"),
    [
        ([spot("1", 5000, "A", gameTime="1 - 0:05", position=None)], AT_5, 1),
        ([spot("1", 5000, "A", gameTime="1 - 100:05", position=None)], AT_5, 1),
        ([spot("1", 5000, "A"), spot("1", 5000, "A", gameTime="90:01")], AT_5, 1),
        ([spot("1", 5000, "A"), spot("1", 9000, 5), spot("1", 9000, "a")], AT_5, 1),
        ([spot("1", 5000, "A"), spot("1", 7_199_500, "A", position="-600")], AT_5, 6 / 11),
        ([spot("1", 0, "A", position="-1", gameTime="1 - 50:00")], AT_5, 0),
        ([spot("1", 5000, "A")], [*AT_5, detection("1", "9000", "A", float("nan"))], 1),
        ([spot("1", 5000, "A")], [*AT_5, detection("1", "9000", "A", None)], 1),
        ([spot("1", 5000, "A")], [*AT_5, detection("1", "9000", "A", float("inf"))], 0.5),
        ([spot("1", 5000, "A")], [*AT_5, detection("1", "9000", "B", "high")], 1),
        ([spot("1", 5000, "A")], [detection("1", "5000", "B", "0.5")], 0),
        ([spot("1", 5000, "B")], AT_5, 0),
    ],
)
def test_lenient_reads_as_loosely_as_the_package(score, annotations, predictions, expected):
    found = score("A", annotations, predictions, "at1", lenient=True)["a_mAP"]
    np.testing.assert_allclose(found, expected, **EXACT)


def test_what_is_of_no_known_class_is_named_and_never_scored(score, caplog):
    known, other = spot("1", 1000, "Goal"), spot("1", 1000, "GOAL")
    right, wrong = (detection("1", "1000", name, "0.5") for name in ("Goal", "goal "))
    with pytest.raises(UserError, match=r"not one annotation .*: found 'GOAL' \(2\); .*'Goal'"):
        score(["Goal"], [other, other], [right])
    with pytest.raises(UserError, match=r"not one detection .*: found 'goal ' \(1\); .*'Goal'"):
        score(["Goal"], [known], [wrong])
    assert score(["Goal"], [known, other], [right, wrong, wrong], "at1")["a_mAP"] == 1
    assert "1 annotation of 1 game" in caplog.text and "'GOAL' (1)" in caplog.text
    assert "2 detections in" in caplog.text and "'goal ' (2)" in caplog.text


def test_what_lies_behind_two_hours_is_said(score, caplog):
    late = [spot("1", 7_300_000, "A"), spot("1", 7_400_000, "A"), spot("1", 1000, "A")]
    score("A", late, [detection("1", "7200000", "A", "0.5")])
    assert "2 of 3 annotations of 1 game" in caplog.text and "1 of 1 detections" in caplog.text
    assert caplog.text.count("behind 120 minutes") == 2


def test_clocks_that_disagree_are_said(score, caplog):
    apart = [spot("2", 1000 * s, "A", position=str(1000 * s + 2_700_000)) for s in range(9)]
    score("A", apart, [detection("1", "1000", "A", "0.5")])
    assert "more than a second in 9 of 9 spots" in caplog.text and "--gt-time" in caplog.text
    caplog.clear()
    score("A", [spot("2", 1000 * s, "A", position=str(1000 * s + 999)) for s in range(9)],
          [detection("1", "1000", "A", "0.5")])  # fmt: skip
    assert "gameTime" not in caplog.text


def test_games_without_labels_are_left_out_and_said(tmp_path, write_tree, caplog):
    found = {GAME: [detection("1", "1000", "Goal", "0.5")], "l/s/g1": []}
    root = write_tree(tmp_path / "data", {GAME: [spot("1", 1000, "Goal")]}, LABELS)
    (root / "splits.json").write_text(json.dumps({"test": [*found], "other": ["l/s/g1"]}))
    results = write_tree(tmp_path / "results", found, RESULTS)
    assert evaluate(root, results, metric="at1")["a_mAP_per_class"][2] == 1
    assert "1 of 2 games" in caplog.text and "such as l/s/g1" in caplog.text
    with pytest.raises(UserError, match=r"none of 1 game in .* has a Labels-v2\.json"):
        evaluate(root, results, split="other")


def test_data_and_results_that_are_swapped_are_told(tmp_path, write_tree):
    labels = write_tree(tmp_path / "labels", {GAME: [spot(1, 0, "Goal")]}, LABELS)
    results = write_tree(tmp_path / "results.zip", {GAME: []}, RESULTS)
    with pytest.raises(UserError, match="it holds results: give it as --Predictions_path"):
        evaluate(results, labels)


def test_a_part_of_soccernet_is_enough(tmp_path, write_tree):
    games = official_splits()["test"][:2]
    goals = {game: [spot("1", 1000, "Goal")] for game in games}
    root = write_tree(tmp_path / "data", goals, LABELS)
    found = {game: [detection("1", "1000", "Goal", "0.5")] for game in games}
    results = write_tree(tmp_path / "results", found, RESULTS)
    for allow_missing in (False, True):
        scores = evaluate(root, results, metric="at1", allow_missing=allow_missing)
        assert scores["a_mAP_per_class"][2] == 1


def test_data_sets_that_the_package_knows_by_name(tmp_path, write_tree):
    games = official_splits("Ball")["test"]
    passes = [spot("1", 1000 * s, "PASS") for s in range(1, 9)]
    found = [detection("1", str(1000 * s), "PASS", "0.5") for s in range(1, 9)]
    root = write_tree(tmp_path / "data", dict.fromkeys(games, passes), "Labels-ball.json")
    results = write_tree(tmp_path / "results", dict.fromkeys(games, found), RESULTS)
    scores = evaluate(root, results, metric="at1", framerate=25, dataset="Ball", num_classes=2)
    assert scores["a_mAP_per_class"] == [1, 0]
    with pytest.raises(UserError, match=r"none of 3 games .* has a Labels-Header"):
        evaluate(root, results, dataset="Headers")


def test_splits_by_list_and_by_the_names_of_the_package(tmp_path, write_tree):
    games = {"train": "l/s/a", "valid": "l/s/b", "test": "l/s/c", "challenge": "l/s/d"}
    goals = {game: [spot("1", 1000, "Goal")] for game in games.values()}
    root = write_tree(tmp_path / "data", goals, LABELS)
    (root / "splits.json").write_text(json.dumps({s: [game] for s, game in games.items()}))
    one = {game: [] for game in games.values()} | {"l/s/c": [detection("1", "1000", "Goal", "1")]}
    results = write_tree(tmp_path / "results", one, RESULTS)
    for split, recall in (
        ("test", 1), (["test"], 1), (("valid", "test"), 1 / 2), ("v1", 1 / 3), ("all", 1 / 4),
    ):  # fmt: skip
        expected = (1 + int(10 * recall)) / 11
        ap = evaluate(root, results, metric="at1", split=split)["a_mAP_per_class"][2]
        np.testing.assert_allclose(ap, expected, **EXACT)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"dataset": "Handball"}, "unknown dataset 'Handball'"),
        ({"task": "captions"}, "the task 'captions' has no classes"),
        ({"split": None}, "split must be a name or a list of names, found None"),
        ({"split": ["test", 5]}, "split must be a name"),
        ({"split": "final"}, "unknown split 'final'"),
        ({"framerate": "25"}, "--framerate must be frames per second .*found '25'"),
        ({"framerate": float("nan")}, "--framerate must be"),
        ({"framerate": 1e9}, "--framerate must be"),
        ({"metric": ["loose"]}, "unknown metric"),
        ({"gt_time": "clock"}, "--gt-time must be position or gameTime"),
        ({"EVENT_DICTIONARY": {"Goal": 0, "Foul": 0}}, "EVENT_DICTIONARY must hold names"),
        ({"EVENT_DICTIONARY": {"Goal": 1}}, "EVENT_DICTIONARY must hold names"),
        ({"EVENT_DICTIONARY": ["Goal"]}, "EVENT_DICTIONARY must hold names"),
    ],
)
def test_arguments_are_honoured_or_refused(tmp_path, write_tree, arguments, told):
    root = write_tree(tmp_path / "data", {GAME: [spot("1", 1000, "Goal")]}, LABELS)
    (root / "splits.json").write_text(json.dumps({"test": [GAME]}))
    results = write_tree(tmp_path / "results", {GAME: []}, RESULTS)
    with pytest.raises(UserError, match=told):
        evaluate(root, results, **arguments)


def test_a_zip_with_a_folder_at_its_top_is_explained(tmp_path, write_tree):
    root = write_tree(tmp_path / "data", {GAME: [spot("1", 1000, "Goal")]}, LABELS)
    (root / "splits.json").write_text(json.dumps({"test": [GAME]}))
    results = write_tree(tmp_path / "results.zip", {f"mine/{GAME}": []}, RESULTS)
    with pytest.raises(UserError, match="zip from inside mine/"):
        evaluate(root, results)


def test_lenient_leaves_out_other_halves(score):
    annotations = [spot("1", 1000, "A"), spot("3", 1000, "A")]
    predictions = [detection(half, "1000", "A", "0.5") for half in ("1", "3", "0", "9" * 30)]
    assert score("A", annotations, predictions, lenient=True)["a_mAP"] == 1
    with pytest.raises(UserError, match="a half from 1 to 2"):
        score("A", annotations, predictions)


def test_version_1_takes_its_own_label_file_and_its_three_classes(tmp_path, write_tree):
    labels = [
        {"gameTime": f"1 - 0{i}:00", "label": label, "team": "home"}
        for i, label in enumerate(("soccer-ball-own", "yr-card", "substitution-in", "corner"))
    ]
    found = [
        detection("1", str(i * 60_000), label, "0.5")
        for i, label in enumerate(("soccer", "card", "subs"))
    ]
    root = write_tree(tmp_path / "data", {GAME: labels}, "Labels.json")
    (root / "splits.json").write_text(json.dumps({"test": [GAME]}))
    # What version 2 would read instead, the trap of current packages.
    write_tree(root, {GAME: [spot("1", 0, "Yellow card")]}, LABELS)
    results = write_tree(tmp_path / "results", {GAME: found}, RESULTS)
    result = evaluate(root, results, version=1)
    assert result["a_mAP_per_class"] == [1, 1, 1]
    assert result["a_mAP_visible"] is result["a_mAP_per_class_unshown"] is None
    write_tree(tmp_path / "results", {GAME: [detection("1", "0", "Goal", "0.5")]}, RESULTS)
    with pytest.raises(UserError, match="--version 2"):
        evaluate(root, results, version=1)


def test_version_1_on_the_labels_of_version_2_finds_cards_alone(tmp_path, write_tree):
    # What current packages read unless they are told otherwise: perfect results score a third.
    names = {"Yellow card": "card", "Substitution": "subs", "Goal": "soccer"}
    labels = [spot("1", 60_000 * i, name) for i, name in enumerate(names)]
    found = [detection("1", str(60_000 * i), name, "0.5") for i, name in enumerate(names.values())]
    root = write_tree(tmp_path / "data", {GAME: labels}, LABELS)
    (root / "splits.json").write_text(json.dumps({"test": [GAME]}))
    results = write_tree(tmp_path / "results", {GAME: found}, RESULTS)
    result = evaluate(root, results, version=1, label_files=LABELS)
    assert result["a_mAP_per_class"] == [1, 0, 0]
    assert result["a_mAP"] == pytest.approx(1 / 3, abs=1e-12)


def test_floating_point_never_fails_and_numpy_keeps_its_error_state(score):
    before = np.geterr()
    with np.errstate(all="raise"):
        found = [detection("1", "1000", "B", "nan")]
        score("AB", [spot("1", 1000, "A")], found, lenient=True)
        score("AB", [], [])
    assert np.geterr() == before


def test_unknown_metric_is_refused(score):
    with pytest.raises(UserError, match=r"unknown metric 'at6'; choose of loose, tight, at1"):
        score("A", [], [], metric="at6")


# Recordings of the package.


@pytest.mark.parametrize("metric", ["loose", "tight", "at1", "at3"])
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("unpacked", [True, False])
def test_recorded_results(shared, golden, tmp_path, unpacked, version, metric):
    trees = [shared(f"golden/evaluate_{what}_v{version}.zip") for what in ("labels", "predictions")]
    if unpacked:
        for archive in trees:
            with zipfile.ZipFile(archive) as file:
                file.extractall(tmp_path / archive.stem)
        trees = [tmp_path / archive.stem for archive in trees]
    names = V1_NAMES if version == 1 else V2_NAMES
    result = evaluate(
        *trees, prediction_file=None, label_files=None, dataset=None, version=version,
        metric=metric, EVENT_DICTIONARY={name: i for i, name in enumerate(names)},
    )  # fmt: skip
    recorded = golden("evaluate.npz")
    for key in KEYS if version == 2 else KEYS[:2]:
        np.testing.assert_allclose(result[key], recorded[f"v{version}_{metric}_{key}"], **EXACT)


@pytest.mark.parametrize("version", [1, 2])
def test_recorded_spots_and_detections(shared, golden, version):
    recorded = golden("evaluate.npz")
    classes = SOCCERNET_V1 if version == 1 else SOCCERNET_V2
    games = recorded["games"].tolist()
    labels, predictions = (
        JsonTree(shared(f"golden/evaluate_{what}_v{version}.zip"))
        for what in ("labels", "predictions")
    )
    targets = read_targets(labels, games, classes)
    detections = read_detections(predictions, games, classes)
    for name, read in (("targets", targets), ("detections", detections)):
        read = last_of_each_cell(read)
        index, value = (recorded[f"v{version}_{name}_{part}"] for part in ("index", "value"))
        order = np.lexsort((index[:, 1], index[:, 0], index[:, 2]))
        np.testing.assert_array_equal(
            np.stack([read.half, read.frame, read.event], axis=1), index[order]
        )
        np.testing.assert_array_equal(read.value, value[order])


@pytest.mark.parametrize("version", [1, 2])
def test_recorded_label_vectors(golden, tmp_path, version):
    files, recorded = golden("label_files.json"), golden("label_vectors.npz")
    classes = SOCCERNET_V1 if version == 1 else SOCCERNET_V2
    for game, content in files.items():
        (tmp_path / game).mkdir(parents=True)
        for file, text in content.items():
            (tmp_path / game / file).write_text(json.dumps(text))
    read = read_targets(JsonTree(tmp_path), list(files), classes, Reading(lenient=True))
    for half in range(2 * len(files)):
        expected = recorded[f"eval_vector_v{version}_g{half // 2}_h{half % 2 + 1}"]
        vector = np.zeros_like(expected)
        ours = last_of_each_cell(read.select(read.half == half))
        vector[ours.frame, ours.event] = ours.value
        np.testing.assert_array_equal(vector, expected)


# Predictions that the authors of NetVLAD released, on the labels of the 100 test games.

RELEASED = {
    ("position", "loose"): (0.31382766826473724, 0.342661008450346, 0.232337917524782),
    ("position", "tight"): (0.042223713134495, 0.043781468371729, 0.069954615710273),
    ("gameTime", "loose"): (0.313653974232528, 0.342964260742395, 0.232714020521968),
    ("gameTime", "tight"): (0.042030319780039, 0.043607369042438, 0.074709587190903),
}
RELEASED_PER_CLASS = {
    "loose": [
        0.3253, 0.4575, 0.5465, 0.5166, 0.1461, 0.2144, 0.2006, 0.3260, 0.4781, 0.4234, 0.3210,
        0.1675, 0.3305, 0.5497, 0.3319, 0, 0,
    ],
    "tight": [
        0.0126, 0.1356, 0.0161, 0.1164, 0.0909, 0.0286, 0.0242, 0.0312, 0.0403, 0.0360, 0.0436,
        0.0455, 0.0132, 0.0312, 0.0523, 0, 0,
    ],
}  # fmt: skip


@pytest.mark.parametrize(("gt_time", "metric"), RELEASED)
def test_released_predictions(shared, real_labels, gt_time, metric):
    predictions = shared("data/released/NETVLAD_v2_results_spotting_test.zip")
    result = evaluate(real_labels, predictions, metric=metric, gt_time=gt_time)
    found = [result[f"a_mAP{kind}"] for kind in ("", "_visible", "_unshown")]
    np.testing.assert_allclose(found, RELEASED[gt_time, metric], **EXACT)
    if gt_time == "position":
        assert np.round(result["a_mAP_per_class"], 4).tolist() == RELEASED_PER_CLASS[metric]


# What would give a number that says nothing.


@pytest.fixture
def two(tmp_path, write_tree):
    """Data of one game, and a function that writes detections of it."""
    root = write_tree(tmp_path / "data", {GAME: [spot("1", 1000, "Goal")]}, LABELS)
    (root / "splits.json").write_text(json.dumps({"test": [GAME]}))

    def found(*entries, name="results", game=GAME):
        return write_tree(tmp_path / name, {game: entries}, RESULTS)

    return root, found


FOUND = detection("1", "1000", "Goal", "0.5")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"game": f"run/{GAME}"}, "pass .*results/run"),
        ({"game": f"run/{GAME}", "name": "r.zip"}, "zip from inside run/"),
        ({"game": "other/s/g0"}, "check the path, the name of the files and the split"),
    ],
)
def test_not_one_game_with_results_is_no_score_of_0(two, changes, told):
    root, found = two
    with pytest.raises(UserError, match=told):
        evaluate(root, found(FOUND, **changes), allow_missing=True)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("which", ["labels", "results"])
def test_a_file_that_is_in_a_zip_twice_is_refused(two, tmp_path, which):
    paths = {"labels": two[0], "results": two[1](FOUND)}
    packed = tmp_path / "twice.zip"
    name = f"{GAME}/{LABELS if which == 'labels' else RESULTS}"
    with zipfile.ZipFile(packed, "w") as archive:
        for _ in range(2):
            archive.write(paths[which] / name, name)
    paths[which] = packed
    settings = {"dataset": None, "EVENT_DICTIONARY": {"Goal": 0}, "metric": "at1"}
    with pytest.raises(UserError, match=f"twice.zip holds {name} twice"):
        evaluate(paths["labels"], paths["results"], label_files=LABELS, **settings)
    assert evaluate(*paths.values(), label_files=LABELS, **settings, lenient=True)["a_mAP"] == 1


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_nobody_reads_may_be_in_a_zip_twice(two, tmp_path):
    root, results = two[0], two[1](FOUND)
    packed = tmp_path / "twice.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(results / GAME / RESULTS, f"{GAME}/{RESULTS}")
        for _ in range(2):
            archive.writestr(f"__MACOSX/{GAME}/._{RESULTS}", "")
    settings = {"dataset": None, "EVENT_DICTIONARY": {"Goal": 0}, "metric": "at1"}
    assert evaluate(root, packed, label_files=LABELS, **settings)["a_mAP"] == 1


def test_confidences_that_are_no_shares_are_said(two, caplog):
    root, found = two
    evaluate(root, found(FOUND, {**FOUND, "half": "2", "confidence": "1"}))
    assert "confidence" not in caplog.text
    odd = [{**FOUND, "confidence": each} for each in ("75", "-0.5", "-3")]
    evaluate(root, found(*odd))
    assert "of 3 detections" in caplog.text
    assert "2 have a confidence below 0" in caplog.text and "1 have one above 1" in caplog.text


@pytest.mark.parametrize("name", ["splits.json", "classes.json"])
def test_lists_of_ones_own_in_a_zip_are_not_passed_over(two, tmp_path, name):
    root, found = two
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.write(root / GAME / LABELS, f"{GAME}/{LABELS}")
        archive.writestr(name, "{}")
    with pytest.raises(UserError, match=f"holds a {name}, .*unpack it"):
        evaluate(tmp_path / "data.zip", found(FOUND))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"version": 1, "EVENT_DICTIONARY": {"Goal": 0}}, "version 1 has the classes card, subs"),
        ({"EVENT_DICTIONARY": {"Goal": [0]}}, "EVENT_DICTIONARY must hold names"),
        ({"EVENT_DICTIONARY": {"Goal": "0"}}, "EVENT_DICTIONARY must hold names"),
    ],
)
def test_a_dictionary_that_would_not_be_honoured_is_refused(two, arguments, told):
    root, found = two
    with pytest.raises(UserError, match=told):
        evaluate(root, found(FOUND), **arguments)


def test_a_half_has_all_its_frames_at_any_rate(score):
    # 7200 * 1.13 is 8136, as a float just below: the spots are in frames 8134 and 8135.
    annotations = [spot("1", ms, "A") for ms in (7_199_000, 7_199_900)]
    found = [detection("1", "7199900", "A", "0.5")]
    assert score("A", annotations, found, "at1", framerate=1.13)["a_mAP"] == pytest.approx(6 / 11)
