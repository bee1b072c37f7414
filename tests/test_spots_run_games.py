"""Spots of runs, archives and single files, with the annotations and thresholds of their games."""

import json
from math import inf

import orjson
import pytest

from common.data.events import V2_NAMES
from common.errors import UserError
from common.results.predictions import write_zip
from common.results.run_record import new_record, record_settings, write_record
from common.spots.corrections import Correction, Corrections, Origin, format_corrections
from common.spots.moments import Moment
from common.spots.run_games import find_games, thresholds_of

GAMES = ("league/season/One 1 - 0 Two", "league/season/Three 0 - 0 Four")


def entry(half, position, label, confidence):
    return {"gameTime": "?", "label": label, "position": str(position), "half": str(half),
            "confidence": repr(confidence)}  # fmt: skip


def results(*entries, game=None):
    return orjson.dumps({"UrlLocal": game, "predictions": list(entries)} if game else
                        {"predictions": list(entries)})  # fmt: skip


@pytest.fixture
def data(tmp_path):
    """A data root with two games, of which one has labels; and a run that was tested on both."""
    root, run = tmp_path / "data", tmp_path / "models" / "Mine"
    labels = [
        {"gameTime": "2 - 00:07", "label": "Corner", "visibility": "not shown", "team": "away"},
        {"gameTime": "1 - 00:31", "label": "Goal", "position": "31007", "team": 3},
        {"gameTime": "1 - 00:31", "label": "Streaker", "position": "31007"},
    ]
    for game in GAMES:
        (root / game).mkdir(parents=True)
        (run / "outputs_test" / game).mkdir(parents=True)
        found = results(entry(2, 500, "Corner", 0.25), entry(1, 31_000, "Goal", 0.9), game=game)
        (run / "outputs_test" / game / "results_spotting.json").write_bytes(found)
    (root / GAMES[0] / "Labels-v2.json").write_bytes(orjson.dumps({"annotations": labels}))
    (root / "splits.json").write_bytes(orjson.dumps({"test": GAMES}))
    settings = {"SoccerNet_path": str(root), "version": 2, "model_name": "Mine"}
    record_settings(run, settings, "test")
    write_zip(run / "results_spotting_test.zip", run / "outputs_test", GAMES)
    return root, run


DETECTIONS = (Moment(1, 31_000, "Goal", 0.9), Moment(2, 500, "Corner", 0.25))
ANNOTATIONS = (
    Moment(1, 31_007, "Goal", None, None, None),
    Moment(2, 7_000, "Corner", None, "not shown", "away"),
)


def test_a_run_tells_detections_and_annotations(data):
    _, run = data
    found = find_games(run)
    assert (found.name, found.games, found.classes.names) == ("Mine", GAMES, V2_NAMES)
    first, second = map(found.read, GAMES)
    assert (first.detections, first.annotations) == (DETECTIONS, ANNOTATIONS)
    assert (second.detections, second.annotations) == (DETECTIONS, ())


def test_annotations_of_no_known_class_are_told_once(data, caplog):
    root, run = data
    labels = (root / GAMES[0] / "Labels-v2.json").read_bytes()
    (root / GAMES[1] / "Labels-v2.json").write_bytes(labels)
    found = find_games(run)
    for game in GAMES:
        assert found.read(game).annotations == ANNOTATIONS
    assert caplog.text.count("left out, of no known class: 'Streaker' (1)") == 1


def test_archives_and_folders_need_no_data(data):
    root, run = data
    for path in (run / "results_spotting_test.zip", run / "outputs_test"):
        found = find_games(path)
        assert sorted(found.games) == sorted(GAMES)
        assert found.read(GAMES[0]).detections == DETECTIONS
        assert found.read(GAMES[0]).annotations == ()
    found = find_games(run / "results_spotting_test.zip", SoccerNet_path=root)
    assert found.read(GAMES[0]).annotations == ANNOTATIONS


def test_a_file_names_its_game_and_finds_its_labels(data):
    root, run = data
    file = run / "outputs_test" / GAMES[0] / "results_spotting.json"
    found = find_games(file)
    assert found.games == GAMES[:1] and found.classes.names == V2_NAMES
    assert found.read(GAMES[0]).detections == DETECTIONS
    assert find_games(file.parent).games == GAMES[:1]
    labelled = find_games(file, SoccerNet_path=root)
    assert labelled.read(GAMES[0]).annotations == ANNOTATIONS


def test_what_spot_writes_is_read(tmp_path):
    run = tmp_path / "models" / "Mine"
    folder = run / "outputs_match"
    folder.mkdir(parents=True)
    record_settings(run, {"video_path": "m.mkv", "classes": ["Duel", "Goal"]}, "file_match")
    found = results(entry(1, 31_000, "Goal", 0.9))
    (folder / "results_spotting.json").write_bytes(found)
    spots = [{"half": 1, "time": "00:31", "milliseconds": 31_000, "class": "Goal",
              "confidence": 0.9}]  # fmt: skip
    (folder / "spots.json").write_text(json.dumps({"run": "…", "spots": spots}))
    for path, split in ((run, "match"), (run, None), (folder, None), (folder / "spots.json", None)):
        games = find_games(path, split)
        assert games.games == ("match",), path
        assert games.read("match").detections == DETECTIONS[:1]
    assert find_games(run, "match").classes.names == ("Duel", "Goal")


def test_thresholds_are_those_of_the_run_or_given(data):
    _, run = data
    found = find_games(run)
    assert thresholds_of(found)[0]["Goal"] == 0.5
    assert thresholds_of(found, 0.2)[0] == dict.fromkeys(V2_NAMES, 0.2)
    with pytest.raises(UserError, match="operating_point"):
        thresholds_of(found, "auto")
    classes = {name: {"threshold": 0.3, "F1": 0.5} for name in V2_NAMES}
    classes["Corner"]["threshold"] = None
    point = {"chosen_on": "valid", "tolerance_seconds": 5, "classes": classes}
    (run / "operating_point.json").write_text(json.dumps(point))
    for path in (run, run / "outputs_test" / GAMES[0]):
        thresholds, words = thresholds_of(find_games(path))
        assert (thresholds["Goal"], thresholds["Corner"]) == (0.3, inf)
        assert "valid" in words


@pytest.mark.parametrize("content", ["[]", "{}", '{"classes": 5}', '{"classes": [1, 2]}', "3"])
def test_thresholds_that_are_none_are_told_where_their_classes_are_wanted(data, content):
    _, run = data
    (run / "operating_point.json").write_text(content)
    with pytest.raises(UserError, match=r'operating_point.json has no object "classes"'):
        find_games(run / "outputs_test" / GAMES[0] / "results_spotting.json")


def test_games_are_chosen_by_a_part_of_their_name(data):
    _, run = data
    assert find_games(run, games=["One"]).games == GAMES[:1]
    with pytest.raises(UserError, match=r"no game has 'Five'.*2 games"):
        find_games(run, games=["Five"])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{}", 'no list "predictions", "spots" or'),
        (b'{"spots": [{"half": 1}]}', "without 'milliseconds'"),
        (results(game="../../etc"), "may lead out"),
        (results(entry(12, 1, "Goal", 0.5)), "halves 1 to 9, found 12"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, content, sentence):
    path = tmp_path / "some.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        found = find_games(path)
        found.read(found.games[0])


def test_classes_of_another_data_set_are_told(tmp_path):
    path = tmp_path / "results" / "game" / "results_spotting.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(results(entry(1, 1, "PASS", 0.5)))
    with pytest.raises(UserError, match=r"'PASS' \(1\)"):
        find_games(tmp_path / "results").read("game")


def test_corrections_and_labels_are_spots_too(tmp_path, data):
    root, _ = data
    labels = find_games(root / GAMES[0] / "Labels-v2.json")
    (game,) = labels.games
    assert labels.classes.names[-1] == "Streaker"
    assert [each for each in labels.read(game).detections if each.label != "Streaker"] == [
        *ANNOTATIONS
    ]
    was = Origin(1, 5_000, "Goal")
    spots = [
        Correction(Moment(1, 5_500, "Goal", 0.1), "accepted", was),
        Correction(Moment(1, 5_000, "Goal", 0.9), "rejected", was),
        Correction(Moment(1, 5_000, "Goal", 0.4), "open", was),
        Correction(Moment(2, 1, "Duel"), "added", None),
    ]
    path = tmp_path / "corrections.json"
    path.write_text(format_corrections(Corrections(GAMES[0], tuple(spots))))
    found = find_games(path)
    assert found.games == GAMES[:1]
    assert found.read(GAMES[0]).detections == (
        Moment(1, 5_000, "Goal", 0.4), Moment(1, 5_500, "Goal"), Moment(2, 1, "Duel")
    )  # fmt: skip


def test_classes_that_are_left_out_are_told_once(data, caplog):
    """Of a folder whose games hold a class that is not known; not silently."""
    root, run = data
    for game in GAMES:
        path = run / "outputs_test" / game / "results_spotting.json"
        path.write_bytes(results(entry(1, 5, "Header", 0.9), entry(1, 5, "Goal", 0.9)))
    found = find_games(run / "outputs_test")
    assert [len(found.read(game).detections) for game in GAMES] == [1, 1]
    assert caplog.text.count("left out, of no known class: 'Header' (1)") == 1
    path = root / "c.json"
    spot = Correction(Moment(1, 2, "Header"), "added", None)
    path.write_text(format_corrections(Corrections(GAMES[0], (spot,))))
    assert find_games(path, SoccerNet_path=root).read(GAMES[0]).detections == ()
    assert "c.json: left out, of no known class: 'Header' (1)" in caplog.text


def test_a_file_without_a_spot_has_classes_all_the_same(tmp_path):
    path = tmp_path / "results.json"
    path.write_bytes(results())
    assert find_games(path).classes.names == V2_NAMES


def test_results_of_own_data_with_more_halves(data, tmp_path):
    """Its classes.json tells how many there are; without it there may be nine."""
    root, run = data
    (root / "classes.json").write_bytes(orjson.dumps({"classes": ["Goal"], "halves": 4}))
    settings = {"SoccerNet_path": str(root), "version": 2, "model_name": "Mine"}
    write_record(run / "settings_test.json", new_record(settings, classes=["Goal"]))
    for game in GAMES:
        found = results(entry(4, 500, "Goal", 0.25), game=game)
        (run / "outputs_test" / game / "results_spotting.json").write_bytes(found)
    (run / "results_spotting_test.zip").unlink()
    write_zip(run / "results_spotting_test.zip", run / "outputs_test", GAMES)
    for halves in (4, 9):
        for path in (run / "results_spotting_test.zip", run / "outputs_test"):
            games = find_games(path)
            assert (games.classes.names, games.classes.halves) == (("Goal",), halves)
            assert games.read(GAMES[0]).detections == (Moment(4, 500, "Goal", 0.25),)
        if root.exists():
            root.rename(tmp_path / "gone")


def test_results_of_a_file_of_any_half(tmp_path):
    """Where files were spotted in, the classes are recorded, and not how many halves there are."""
    outputs, name = tmp_path / "outputs_new_F", "results_spotting.json"
    outputs.mkdir()
    (outputs / name).write_bytes(results(entry(4, 500, "Goal", 0.25)))
    record_settings(tmp_path, {"classes": ["Goal"]}, "file_new_F")
    games = find_games(tmp_path, "new_F")
    assert games.read("new_F").detections == (Moment(4, 500, "Goal", 0.25),)
