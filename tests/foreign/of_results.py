"""Readers of what a run leaves: results, archives, records, curves, thresholds, scores."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import orjson

from CALF.main import parse_arguments
from common.calf.k_parameters import kept_k_frames
from common.data.events import SOCCERNET_V1, SOCCERNET_V2, V2_NAMES
from common.report.run import recorded_origin
from common.reproduce.outcome import read_scores
from common.reproduce.progress import progress_of
from common.reproduce.runs import RECORD
from common.reproduce.runs import read_record as read_reproduced
from common.reproduce.tables import Row, read_tables
from common.results.given_files import FEATURES, find_outputs, given_files, require_unclaimed
from common.results.json_tree import JsonTree
from common.results.kept_detections import keep
from common.results.merging import merge
from common.results.operating_points import POINT_FILE, given_point, load_point
from common.results.predictions import RESULT_FILE, format_game, guess_file_name
from common.results.reading import Reading, read_detections
from common.results.run_record import TESTED, TRAINED, new_record, read_record, recorded_program
from common.results.scored_run import find_results, read_run, recorded_classes
from common.results.spots_table import UNCHOSEN, read_spots
from common.results.training_curves import best_epoch, read_curves
from common.results.validity import validate, verdict
from common.spots.run_games import find_games
from common.training.trained_settings import trained_classes, trained_settings
from foreign.reader import GAME, Reader, given, put, told
from foreign.recipes import archive_of, recipe_of, toml_of

_NUMBER_OF = {name: number for number, name in enumerate(V2_NAMES)}
_LENIENT = Reading(lenient=True, framerate=25)


def _results(content: bytes, folder: Path) -> None:
    path = put(folder / "results" / GAME / RESULT_FILE, content)
    _read_tree(folder / "results")
    told(keep, content, "it", dict.fromkeys(V2_NAMES, 0.5))
    told(read_spots, path, V2_NAMES, given_point(UNCHOSEN, None, folder, V2_NAMES))
    other = put(folder / "other" / GAME / RESULT_FILE, _result_file("Pass"))
    told(merge, [folder / "results", other.parents[3]], folder / "merged")


def _read_tree(root: Path) -> None:
    """What the evaluator, the validator and the exports read of a folder or a zip of results."""
    verdict(validate(root, [GAME], SOCCERNET_V2))
    tree = JsonTree(root)
    tree.names()
    told(tree.require_one_of_each, [f"{GAME}/{RESULT_FILE}"])
    told(guess_file_name, tree)
    for classes in (SOCCERNET_V1, SOCCERNET_V2):
        for reading in (Reading(), _LENIENT):
            told(read_detections, tree, [GAME], classes, reading)
    if (found := told(find_games, root)) is not None:
        for game in found.games:
            told(found.read, game)


def _result_file(label: str = "Goal") -> bytes:
    frames, events = np.array([0, 5, 90]), np.array([0, 0, 0])
    detections = [(half, frames, events, np.array([0.5, 1, 1e-9])) for half in (1, 2)]
    return format_game(GAME, detections, [label], 2)


def _result_files(folder: Path) -> Sequence[bytes]:
    odd = {"half": 1, "position": 5.5, "label": "soccer-ball", "confidence": 0.25}
    return [_result_file(), format_game(None, [], [], 2), orjson.dumps({"predictions": [odd] * 2})]


def _archive(content: bytes, folder: Path) -> None:
    path = put(folder / "results.zip", content)
    _read_tree(path)


def _archives(folder: Path) -> Sequence[bytes]:
    return [archive_of(each) for each in _recipes(folder)]


def _packed(content: bytes, folder: Path) -> None:
    _archive(archive_of(content), folder)


def _recipes(folder: Path) -> Sequence[bytes]:
    small = orjson.dumps({"predictions": [
        {"half": "1", "position": "5", "label": "Goal", "confidence": "0.5"}
    ]})  # fmt: skip
    name = f"{GAME}/{RESULT_FILE}"
    names = (name, f"{name} ", f"top/{name}", f"./{name}", f"{GAME}/é.json", f"{GAME}/")
    return [recipe_of({each: small}) for each in names] + [recipe_of({name: small, "a.json": b""})]


_HERE = b"<folder>"


def _record(content: bytes, folder: Path) -> None:
    """A run's record of its training and its test; in it `_HERE` is where it lies."""
    content = content.replace(_HERE, str(folder.resolve()).encode())
    run = folder / "models" / "run"
    put(folder / "data" / "splits.json", orjson.dumps({"test": [GAME], "train": [], "valid": []}))
    put(run / "outputs_test" / GAME / RESULT_FILE, _result_file())
    for name in (TRAINED, TESTED, f"settings_file_{GAME.rpartition('/')[2]}.json"):
        put(run / name, content)
    features = put(folder / "game.npy", b"")
    weights = run / "model.pth.tar"
    told(read_record, run / TRAINED)
    told(lambda: recorded_program(read_record(run / TRAINED)))
    told(trained_settings, weights, ["SoccerNet_path", "framerate", "pool"], "Pooling/main.py")
    told(trained_classes, weights, SOCCERNET_V2, folder / "nowhere")
    told(kept_k_frames, run / TRAINED, V2_NAMES, np.ones((4, 17), np.int64))
    told(recorded_origin, run)
    told(recorded_classes, run / "outputs_test")
    told(find_results, run)
    told(find_games, run)
    told(read_run, run)
    told(find_outputs, run, FEATURES, [features])
    told(require_unclaimed, run, given_files([features], 2))
    progress_of(run)
    told(parse_arguments, ["--model_name", "run", "--test_only"])


def _records(folder: Path) -> Sequence[bytes]:
    settings = {
        "SoccerNet_path": "data", "features": ["a.npy"], "model_name": "run", "framerate": 2,
        "version": 2, "split_test": ["test"], "class_split": None, "chunk_size": 120.0,
        "features_path": f"{_HERE.decode()}/game.npy", "classes": ["Goal"],
        "k_frames": {"Goal": [1, 2, 3, 4]}, "max_epochs": 3, "NMS_window": 30, "seed": 0,
    }  # fmt: skip
    record = new_record(settings, classes=[*V2_NAMES], threads=1)
    return [orjson.dumps(record), b'{"settings": {}}']


def _curves(content: bytes, folder: Path) -> None:
    put(folder / "curves.csv", content)
    progress_of(folder)
    if (curves := read_curves(folder)) is not None:
        best_epoch(curves)


def _point(content: bytes, folder: Path) -> None:
    """Thresholds, which also order the classes of a file that a run has spotted in."""
    put(folder / POINT_FILE, content)
    told(load_point, folder / POINT_FILE, ("Goal",))
    spots = put(folder / "outputs_mine" / RESULT_FILE, _result_file("Pass"))
    told(find_games, spots)


def _points(folder: Path) -> Sequence[bytes]:
    of_class = {"threshold": 0.25, "precision": 1.0, "recall": 1.0, "F1": 0.5, "spots": 2}
    classes = {"Goal": of_class, "Foul": {"threshold": None, "F1": 0}}
    whole = {"chosen_on": "valid", "tolerance_seconds": 5.0, "games": 1, "classes": classes}
    return [orjson.dumps(whole)]


_ROW = Row("A", (), ("a.npy",), (0,), "test", "loose", "position")


def _reproduced(content: bytes, folder: Path) -> None:
    put(folder / RECORD, content)
    put(folder / "results_test.json", content)
    told(read_reproduced, folder)
    told(read_scores, folder, _ROW)


def _outcomes(folder: Path) -> Sequence[bytes]:
    scores = {"a_mAP": 0.5, "per_class": {"Goal": {"AP": 0.5, "n": 3}}}
    results = {"gt_time": "position", "games": 2, "metrics": {"loose": scores}}
    return [orjson.dumps({"state": "done", "seconds": 12.5}), orjson.dumps(results)]


def _tables(content: bytes, folder: Path) -> None:
    read_tables(put(folder / "tables.toml", content))


def _table_trees(content: bytes, folder: Path) -> None:
    try:
        tree = orjson.loads(content)
    except orjson.JSONDecodeError:
        return
    if isinstance(tree, dict):
        _tables(toml_of(tree), folder)


_ROW_TREE = {
    "name": "A", "arguments": "--pool MAX", "features": ["a.npy"], "seeds": [0, 1],
    "split": "test", "metric": "loose", "clock": "position", "published": 50.1, "visible": 60,
    "unshown": 1.5, "runs": 1, "spread": 0.1, "statistic": "mean", "source": "", "note": "",
    "per_class": {"Goal": 50.0}, "kind": "all", "part": "",
}  # fmt: skip
_TREE = {"table": {"main": {
    "title": "T", "order": ["A"], "prepare": "common.pca --x", "clock": "position",
    "row": [_ROW_TREE],
}}}  # fmt: skip
_TOML = b"""[table.main]
title = "T"
features = ["a.npy"]
seeds = [0]
split = "test"
[[table.main.row]]
name = "A"
arguments = '--pool "MAX"'
per_class = {Goal = 1.5}
"""
_CURVES = b"epoch,seconds,train_loss,valid_loss,valid_a_mAP\n1,2.5,0.5,0.25,\n2,2.5,0.5,nan,0.1\n"
_ENTRIES = ("predictions", "half", "position", "label", "confidence", "UrlLocal")
READERS = {
    "results": Reader(_results, _result_files, _ENTRIES),
    "archive": Reader(
        _archive, _archives, ("PK\x01\x02", "PK\x03\x04", "PK\x05\x06", "PK\x06\x06")
    ),
    "files of an archive": Reader(_packed, _recipes, ("../", "/", "\xff", *_ENTRIES)),
    "records": Reader(_record, _records, ("settings", "command", "resumed", "class_split")),
    "curves": Reader(_curves, given(_CURVES), ("epoch", "1e999", '"')),
    "operating points": Reader(_point, _points, ("threshold", "tolerance_seconds")),
    "records of reproduce": Reader(_reproduced, _outcomes, ("metrics", "per_class")),
    "tables.toml": Reader(_tables, given(_TOML, toml_of(_TREE)), ("[[", "]]", "= ", "inf", "nan")),
    "tables.toml, as a tree": Reader(_table_trees, given(orjson.dumps(_TREE))),
}
