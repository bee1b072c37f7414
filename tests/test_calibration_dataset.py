"""Training chunks with players: features, top views, vectors, graphs and labels belong together."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from CALF_Calibration import dataset as calibration
from CALF_Calibration.dataset import PlayersByVector
from CALF_Calibration.drawn_record import note_drawing, note_of
from CALF_Calibration_GCN import dataset as graphs
from CALF_Calibration_GCN.dataset import PlayersByGraph
from CALF_Calibration_GCN.player_graph import GraphOptions, build_graphs
from common.calf.chunk_shape import ChunkShape
from common.calf.k_parameters import k_frames
from common.calibration.players import CALIBRATION_FILES, read_players
from common.calibration.top_view import TopView
from common.calibration.top_view_rows import PlayersByTopView
from common.data.array_file import map_arrays, write_arrays
from common.data.data_set import DataSet
from common.data.events import SOCCERNET_V2, V2_NAMES
from common.errors import UserError
from common.synthetic.data_set import write_data_set

FILE = "Synthetic.npy"
K = k_frames(V2_NAMES, 2)
SHAPE = ChunkShape(60, 20, 5)
VIEW = TopView(calibration=True, field=True, cone=True)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("players") / "data"
    write_data_set(root, games=(2, 1, 1, 0), minutes=2, dim=16, players=True)
    return DataSet(root=root, features=(FILE,), classes=SOCCERNET_V2)


def chunks_of(module, data, players, published=False):
    return module.read_chunks(data, players, ["train"], K, SHAPE, published=published)


def drawn_of(chunks, count, *seed):
    drawn = chunks.draw(count, *seed)
    return drawn, drawn.batch(np.arange(count))


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("module", [calibration, graphs])
def test_features_and_labels_are_those_without_players(data, tmp_path, module, published):
    seen = PlayersByTopView(VIEW, tmp_path)
    with_players = drawn_of(chunks_of(module, data, seen, published), 20, 3)[1]
    without = drawn_of(chunks_of(module, data, None, published), 20, 3)[1]
    assert len(with_players) == 4
    assert len(without) == 3
    for one, another in zip((with_players[0], *with_players[2:]), without, strict=True):
        assert torch.equal(one, another)


@pytest.mark.parametrize("module", [calibration, graphs])
def test_top_views_are_those_of_the_frames(data, tmp_path, module):
    drawn, (features, pictures, shifts, targets) = drawn_of(
        chunks_of(module, data, PlayersByTopView(VIEW, tmp_path)), 12, 0
    )
    assert pictures.shape == (12, 60, 32, 64, 3)
    assert pictures.dtype == torch.uint8
    assert shifts.shape == (12, 60, 17)
    assert targets.shape == (12, 5, 19)
    halves = [half for game in data.games(["train"]) for half in data.open_game(game)]
    for number, start, rows, seen in zip(*drawn.draws, features, pictures, strict=True):
        half, frames = halves[number], np.arange(start, start + 60)
        assert np.array_equal(rows, half.features.rows(start, start + 60))
        players = read_players(half.folder, half.number)
        assert np.array_equal(seen, VIEW.draw(players, frames))


@pytest.mark.parametrize("published", [False, True])
def test_graphs_are_those_of_the_frames(data, tmp_path, published):
    options = GraphOptions(calibration=True, published=published)
    drawn, (_, nodes, counts, edges, edge_counts, _, _) = drawn_of(
        chunks_of(graphs, data, PlayersByGraph(options, tmp_path), published), 12, 0
    )
    halves = [half for game in data.games(["train"]) for half in data.open_game(game)]
    expected = []
    for number, start in zip(*drawn.draws, strict=True):
        half = halves[number]
        players = read_players(half.folder, half.number)
        whole = build_graphs(
            players, half.features.frames, options, half=half.number, training=True
        )
        expected.append(whole.cut(int(start), 60))
    assert np.array_equal(nodes, np.concatenate([part.nodes for part in expected]))
    assert np.array_equal(edges, np.concatenate([part.edges for part in expected], axis=1))
    assert np.array_equal(counts, [np.diff(part.offsets) for part in expected])
    assert np.array_equal(edge_counts, [np.diff(part.edge_offsets) for part in expected])


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("half", [1, 2])
def test_the_published_protocol_reaches_the_graphs_of_each_half(data, tmp_path, half, training):
    """With one camera exactly on the threshold, in a copy of a half's files."""
    (game, *_) = data.games(["train"])
    for path in (data.root / game).glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    path = tmp_path / f"{half}_{CALIBRATION_FILES[0]}"
    content = json.loads(path.read_text())
    players = read_players(data.root / game, half)
    frame = int(np.flatnonzero(
        (players.confidences >= 0.75) & (np.diff(players.offsets) > 0)[: len(players.confidences)]
    )[0])  # fmt: skip
    content["predictions"][frame][0]["confidence"] = 0.75
    path.write_text(json.dumps(content))
    place = data.open_game(game)[half - 1]._replace(folder=tmp_path)
    known = {}
    for published in (False, True):
        options = GraphOptions(calibration=True, published=published)
        (found,) = PlayersByGraph(options).open([place], training=training).graphs
        known[published] = bool(found.cut(frame, 1).nodes.any())
    assert known == {False: True, True: training and half == 1}


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays.update(offsets=arrays["offsets"][::-1]),
        lambda arrays: arrays.update(offsets=arrays["offsets"] + 1),
        lambda arrays: arrays.update(edge_offsets=arrays["edge_offsets"] * 1000),
        lambda arrays: arrays.update(nodes=arrays["nodes"].astype(np.float64)),
        lambda arrays: arrays.update(nodes=arrays["nodes"][:, :7]),
        lambda arrays: arrays.update(edges=arrays["edges"].reshape(-1)),
        lambda arrays: arrays.update(edges=arrays["edges"] + 100),
        lambda arrays: arrays.pop("edges"),
        lambda arrays: arrays.update(more=arrays["nodes"]),
    ],
)
def test_graphs_of_a_damaged_cache_are_made_anew(data, tmp_path, change):
    (half, *_) = data.open_game(data.games(["train"])[0])
    players = PlayersByGraph(GraphOptions(calibration=True), tmp_path)
    (before,) = players.open([half], training=True).graphs
    (cache,) = tmp_path.rglob("*_graphs_*.cache")
    whole = cache.read_bytes()
    arrays, facts = map_arrays(cache)
    arrays = {name: np.array(array) for name, array in arrays.items()}
    change(arrays)
    write_arrays(cache, arrays, facts)
    (after,) = players.open([half], training=True).graphs
    assert all(np.array_equal(part, vars(before)[name]) for name, part in vars(after).items())
    assert cache.read_bytes() == whole


def vectors_beside(data, tmp_path, change=lambda rows: rows):
    """The data set's first game with features and a file of vectors per half."""
    (half, *_) = data.open_game(data.games(["train"])[0])
    half = half._replace(folder=tmp_path)
    rows = np.arange(4.0 * half.features.frames, dtype=np.float32).reshape(-1, 4)
    np.save(tmp_path / "1_seen.npy", change(rows))
    return half, rows


def test_vectors_are_those_of_the_frames(data, tmp_path):
    half, rows = vectors_beside(data, tmp_path)
    players = PlayersByVector("seen.npy", VIEW)
    assert players.files == ()
    assert players.missing_files(tmp_path, 2) == []
    for training in (False, True):
        (found,) = players.open([half], training=training).take(
            np.array([0, 0]), np.array([5, len(rows) - 3]), 6
        )
        last = [*range(len(rows) - 3, len(rows)), *[len(rows) - 1] * 3]
        assert np.array_equal(found, [rows[5:11], rows[last]])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: rows[:-1], "rows, the features of this half .*; extract the file again"),
        (lambda rows: rows[0], "must hold one array of numbers .*extract_top_view"),
    ],
)
def test_vectors_of_another_half_are_told(data, tmp_path, change, told):
    half, _ = vectors_beside(data, tmp_path, change)
    with pytest.raises(UserError, match=f"1_seen.npy.*{told}"):
        PlayersByVector("seen.npy", VIEW).open([half], training=True)
    (tmp_path / "1_seen.npy").unlink()
    with pytest.raises(UserError, match="found no such file; make them first"):
        PlayersByVector("seen.npy", VIEW).open([half], training=True)


def test_vectors_that_were_drawn_otherwise_are_refused(data, tmp_path):
    half, _ = vectors_beside(data, tmp_path)
    players = PlayersByVector("seen.npy", VIEW)
    note_drawing(tmp_path / "1_seen.npy", VIEW)
    assert len(players.open([half], training=True).take(np.array([0]), np.array([0]), 3)) == 1
    note_drawing(tmp_path / "1_seen.npy", replace(VIEW, trail=2, margin=1.5))
    words = r"1_seen.npy shows .* \(trail 2, now 0, margin 1.5, now None\); give the flags"
    with pytest.raises(UserError, match=words):
        players.open([half], training=False)
    note_of(tmp_path / "1_seen.npy").write_text("[]")
    with pytest.raises(UserError, match=r"does not say how 1_seen\.npy was drawn"):
        players.open([half], training=True)


@pytest.mark.parametrize("kind", ["pictures", "graphs", None])
def test_a_half_to_be_spotted_in_comes_in_blocks(data, tmp_path, kind):
    (half, *_) = data.open_game(data.games(["test"])[0])
    cpu = torch.device("cpu")
    players = {
        "pictures": PlayersByTopView(VIEW, tmp_path),
        "graphs": PlayersByGraph(GraphOptions(calibration=True), tmp_path),
        None: None,
    }[kind]
    for blocks in (partial(module.blocks_of_half, half, players, cpu)
                   for module in (calibration, graphs)):  # fmt: skip
        whole = [torch.cat([block[0] for block in blocks()], dim=1)]
        assert np.array_equal(whole[0][0], half.features.rows(0, half.features.frames))
        if kind == "pictures":
            pictures = torch.cat([block[1] for block in blocks()], dim=1)[0]
            seen = read_players(half.folder, half.number)
            frames = np.arange(half.features.frames)
            assert np.array_equal(pictures, VIEW.draw(seen, frames))
