"""Readers of what a data set holds: features, labels, lists of games, classes, boxes, caches."""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import orjson

from CALF_Calibration_GCN.dataset import PlayersByGraph
from CALF_Calibration_GCN.player_graph import GraphOptions, build_graphs
from common.calf.k_parameters import k_frames, read_k_seconds
from common.calibration.player_json import parse_players
from common.calibration.player_quirks import player_quirks
from common.calibration.player_quirks import told as said
from common.calibration.players import BOX_FILES, CALIBRATION_FILES, Players, open_players
from common.calibration.sealed_arrays import map_sealed, write_sealed
from common.calibration.top_view import TopView
from common.data.array_file import map_arrays, write_arrays
from common.data.events import SOCCERNET_V1, SOCCERNET_V2, V2_NAMES, event_classes, split_classes
from common.data.features import Half, HalfFeatures, open_features
from common.data.games import list_games, read_splits, shared_games
from common.data.label_quirks import label_quirks, late_spots
from common.data.labels import read_labels
from common.data.wanted_files import faulty_files
from common.results.json_tree import JsonTree
from common.results.kept_scores import mean_scores, read_scores, scores_folder, write_scores
from common.results.reading import Reading, read_targets
from foreign.reader import GAME, Reader, given, put, told

_FRAMES = np.arange(5)


def _features(content: bytes, folder: Path) -> None:
    path = put(folder / "1_Mine.npy", content)
    faulty_files([path])
    half = open_features(path)
    half.rows(0, half.frames)


def _feature_files(folder: Path) -> Sequence[bytes]:
    rng = np.random.default_rng(0)
    found = []
    for kind in ("float32", "float16", "float64", ">f4", "uint8", "int64"):
        rows = (9 * rng.random((3, 2))).astype(kind)
        for each in (rows, np.asfortranarray(rows), rows[None, :, None]):
            file = io.BytesIO()
            np.save(file, each)
            found.append(file.getvalue())
    return found


def _labels(content: bytes, folder: Path) -> None:
    path = put(folder / GAME / "Labels-v2.json", content)
    if (labels := told(read_labels, path, SOCCERNET_V2)) is not None:
        label_quirks(labels)
        late_spots(labels, 1, 100)
    faulty_files([path])
    tree = JsonTree(folder)
    for classes in (SOCCERNET_V1, SOCCERNET_V2):
        for lenient in (False, True):
            reading = Reading("Labels-v2.json", lenient=lenient, gt_time="position")
            told(read_targets, tree, [GAME], classes, reading)


def _label_files(folder: Path) -> Sequence[bytes]:
    spots = [
        {"gameTime": "1 - 00:07", "label": "Goal", "position": "7320", "team": "home",
         "visibility": "visible"},
        {"gameTime": "2 - 45:00", "label": "y-card", "position": 2700000},
        {"gameTime": "2 - 00:01", "label": "soccer-ball", "visibility": "not shown"},
    ]  # fmt: skip
    whole = {"UrlLocal": f"{GAME}/", "UrlYoutube": "", "annotations": spots}
    return [orjson.dumps(whole), orjson.dumps({"annotations": []}), b"\xef\xbb\xbf{}", b"[NaN]"]


def _splits(content: bytes, folder: Path) -> None:
    put(folder / "splits.json", content)
    known = read_splits(folder)
    shared_games(known)
    told(list_games, folder, known)


def _classes(content: bytes, folder: Path) -> None:
    put(folder / "classes.json", content)
    classes = event_classes(folder)
    told(split_classes, classes, "visual")
    classes.index("Goal")


def _class_files(folder: Path) -> Sequence[bytes]:
    keys = {"classes": [*V2_NAMES], "label_file": "Labels-v2.json", "halves": 2}
    return [orjson.dumps(keys), b'["Pass", "Drive"]', b'{"classes": ["Goal"], "halve": 4}']


def _context(content: bytes, folder: Path) -> None:
    path = put(folder / "k.json", content)
    known = read_k_seconds(path)
    for names in (V2_NAMES, [*known]):
        told(k_frames, names, 2, path)


def _box_file(content: bytes, folder: Path) -> None:
    _players(content, _CAMERAS, folder)


def _camera_file(content: bytes, folder: Path) -> None:
    _players(_BOXES, content, folder)


_BOXES = orjson.dumps({
    "size": [3, 720, 1280, 3],
    "predictions": [
        {"bboxes": [[600, 300, 620, 345], [1, 2, 3, 4.5]], "colors": [[200, 30.5, 40], [1, 2, 3]]},
        {"bboxes": [], "colors": []},
        {"bboxes": [[600, 300, 620, 345]], "colors": [[9, 9, 9]]},
    ],
})  # fmt: skip
_CAMERAS = orjson.dumps({
    "size": [3, 720, 1280, 3],
    "predictions": [
        [{"homography": [12, -5.12, 640, 0, 3, 330, 0, -0.008, 1], "confidence": 0.9}],
        [],
        [{"homography": [[12, -5, 640], [0, 3, 330], [0, -0.008, 1]], "confidence": 0.5}],
    ],
})  # fmt: skip


def _players(boxes: bytes, cameras: bytes, folder: Path) -> None:
    put(folder / GAME / f"1_{BOX_FILES[0]}", boxes)
    put(folder / GAME / f"1_{CALIBRATION_FILES[0]}", cameras)
    _use(open_players(folder / GAME, 1))


def _use(players: Players) -> None:
    """What both baselines and the doctor make of the files."""
    player_quirks(players, 1, len(_FRAMES))
    for calibrated in (False, True):
        options = GraphOptions(calibration=calibrated, cone=calibrated, margin=10)
        build_graphs(players, len(_FRAMES), options)
        view = TopView(calibration=calibrated, field=True, cone=True, trail=1)
        view.draw(players, _FRAMES)


def _player_cache(content: bytes, folder: Path) -> None:
    """A cache that says of itself that it is of these files, with whatever arrays."""
    names = (BOX_FILES[0], CALIBRATION_FILES[0])
    digests = []
    for name, each in zip(names, (_BOXES, _CAMERAS), strict=True):
        put(folder / GAME / f"1_{name}", each)
        digests.append(hashlib.blake2b(each, digest_size=16).hexdigest())
    cache = put(folder / GAME / ".1_players.cache", content)
    if (found := map_arrays(cache)) is not None:
        arrays, facts = found
        write_sealed(cache, arrays, {**facts, "version": 2, "digest": digests})
    _use(open_players(folder / GAME, 1))


def _player_caches(folder: Path) -> Sequence[bytes]:
    arrays, facts = parse_players([_BOXES, _CAMERAS], ["boxes", "cameras"])
    write_arrays(folder / "players", arrays, facts)
    return [(folder / "players").read_bytes()]


def _graph_cache(content: bytes, folder: Path) -> None:
    """A cache that says of itself that it is of these players and options."""
    for name, each in ((BOX_FILES[0], _BOXES), (CALIBRATION_FILES[0], _CAMERAS)):
        put(folder / GAME / f"1_{name}", each)
    graphs = PlayersByGraph(GraphOptions(calibration=True))
    half = Half(folder / GAME, 1, HalfFeatures.of_rows(np.ones((len(_FRAMES), 2), np.float32)))
    graphs.open([half], training=True)  # which tells how the cache is named
    (cache,) = (folder / GAME).glob(".1_graphs_*.cache")
    if (found := map_arrays(put(folder / "given", content))) is not None:
        name = cache.name.removeprefix(".1_graphs_").removesuffix(".cache")
        write_sealed(cache, found[0], {"graph": name})
    one = np.array([0])
    graphs.open([half], training=True).take(one, one + 3, 4)
    said.clear()  # what is odd of these players, which is said once


def _graph_caches(folder: Path) -> Sequence[bytes]:
    players = Players.of_arrays(*parse_players([_BOXES, _CAMERAS], ["boxes", "cameras"]))
    graphs = build_graphs(players, len(_FRAMES), GraphOptions(calibration=True))
    write_arrays(folder / "graphs", vars(graphs), {})
    return [(folder / "graphs").read_bytes()]


def _cache(content: bytes, folder: Path) -> None:
    path = put(folder / "cache", content)
    map_sealed(path)
    for array in (map_arrays(path) or ({}, {}))[0].values():
        array.tobytes()


def _caches(folder: Path) -> Sequence[bytes]:
    arrays = {"a": np.arange(3), "b": np.ones((2, 2), np.float16), "c": np.empty((0, 4))}
    write_sealed(folder / "sealed", arrays, {"graph": "x"})
    write_arrays(folder / "plain", {}, {})
    return [(folder / name).read_bytes() for name in ("sealed", "plain")]


def _scores(content: bytes, folder: Path) -> None:
    put(scores_folder(folder, "test") / f"{GAME}.scores", content)
    halves = read_scores(folder, "test", GAME)
    mean_scores([halves, halves], GAME)


def _score_files(folder: Path) -> Sequence[bytes]:
    write_scores(folder, "test", GAME, [np.ones((3, 2), np.float32)] * 2)
    return [(scores_folder(folder, "test") / f"{GAME}.scores").read_bytes()]


_HEADER = ("descr", "fortran_order", "shape", "True", "False", "'<f4'", "'|O'", "(3, 2), }")
_ARRAYS = ("arrays", "facts", "bytes", "<f4", "<U9", "|V0", "float", "seal")
READERS = {
    "features": Reader(_features, _feature_files, ("\x93NUMPY", *_HEADER)),
    "labels": Reader(_labels, _label_files, ("gameTime", "position", "1 - 00:00", "not shown")),
    "splits": Reader(_splits, given(b'{"train": ["a/b/c"], "test": []}'), ("../", "\\u00e9")),
    "classes": Reader(_classes, _class_files, ("halves", "label_file")),
    "context parameters": Reader(_context, given(b'{"Goal": [-20, -10, 60, 9e1]}')),
    "boxes": Reader(_box_file, given(_BOXES), ("NaN", "Infinity")),
    "calibrations": Reader(_camera_file, given(_CAMERAS), ("NaN", "Infinity", "homography")),
    "player cache": Reader(_player_cache, _player_caches, _ARRAYS),
    "graph cache": Reader(_graph_cache, _graph_caches, _ARRAYS),
    "cache": Reader(_cache, _caches, ("SPOTARR1", *_ARRAYS)),
    "kept scores": Reader(_scores, _score_files, ("SPOTARR1", *_ARRAYS)),
}
