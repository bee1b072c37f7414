"""Halves, players and pictures made from arrays, and spotted in without any file."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

import CALF.test
import CALF_Calibration.test
import CALF_Calibration_GCN.test
from CALF.model import ContextAwareModel
from CALF_Calibration.dataset import VectorRows
from CALF_Calibration.model import DenseBranch, TopViewModel
from CALF_Calibration_GCN.dataset import GraphRows, as_tensors
from CALF_Calibration_GCN.graph_networks import graph_network
from CALF_Calibration_GCN.model import GraphBranch, PlayerGraphModel
from CALF_Calibration_GCN.player_graph import GraphOptions, build_graphs
from common.calf.chunk_shape import ChunkShape
from common.calf.detections import detect
from common.calf.half_rows import chunk_starts, frame_owners
from common.calf.spot_targets import decode_spots
from common.calibration.picture_branch import PictureBranch
from common.calibration.pitch import image_to_pitch
from common.calibration.players import Players
from common.calibration.top_view import TopView
from common.calibration.top_view_rows import TopViewRows
from common.data.features import Half, HalfFeatures
from common.data.frame_rows import MappedRows, window_rows
from common.results.suppression import Suppression
from common.training.run import Run

SHAPE = ChunkShape(40, 12, 5)
D, C = 6, 3
CAMERA = 2 * np.array([[12, -5.12, 640], [0, 3, 330], [0, -0.008, 1]])
VIEW = TopView(width=32, height=28, calibration=True, field=True)

pytestmark = pytest.mark.usefixtures("one_thread")


@dataclass
class InMemory:
    """Rows of players that are already there, instead of files to be opened."""

    rows: object

    def open(self, halves, *, training):
        return self.rows


def half_of(frames, seed=0):
    rows = np.random.default_rng(seed).standard_normal((frames, D)).astype(np.float32)
    return Half(Path("nowhere"), 1, HalfFeatures.of_rows(rows))


def players_of(frames, seed=0):
    """Three boxes in each frame, every fourth without a known camera."""
    rng = np.random.default_rng(seed)
    corner = rng.uniform((100, 250), (1100, 600), (3 * frames, 2))
    arrays = {
        "offsets": np.arange(0, 3 * frames + 1, 3),
        "boxes": np.concatenate([corner, corner + np.array([20, 50])], axis=1),
        "colours": rng.uniform(0, 255, (3 * frames, 3)),
        "inverses": image_to_pitch(np.repeat(CAMERA[None], frames, axis=0)),
        "confidences": np.where(np.arange(frames) % 4, 0.9, 0.1),
    }
    return Players.of_arrays(arrays, {"box_picture": (720, 1280), "camera_picture": [720, 1280]})


def top_views(frames, seed=0):
    rows = TopViewRows([players_of(frames, seed)], np.array([frames]), VIEW)
    torch.manual_seed(0)
    model = TopViewModel(
        D, C, SHAPE, capsule=4, player_branch=PictureBranch(1, SHAPE.receptive_frames)
    )
    return CALF_Calibration.test, rows, model


def vectors(frames, seed=0):
    seen = np.random.default_rng(seed).random((frames, 7)).astype(np.float32)
    torch.manual_seed(0)
    model = TopViewModel(D, C, SHAPE, capsule=4, player_branch=DenseBranch(1, 7))
    return CALF_Calibration.test, VectorRows(MappedRows([HalfFeatures.of_rows(seen)])), model


def graphs(frames, seed=0):
    options = GraphOptions(calibration=True)
    rows = GraphRows([build_graphs(players_of(frames, seed), frames, options)])
    torch.manual_seed(0)
    branch = GraphBranch(graph_network("resGCN-2", options.features, 1))
    model = PlayerGraphModel(D, C, SHAPE, capsule=4, player_branch=branch)
    return CALF_Calibration_GCN.test, rows, model


def chunks_of(half, rows, published=False):
    """What the network is given if each chunk is cut by itself."""
    features, T = half.features, SHAPE.frames
    starts = chunk_starts(features.frames, SHAPE, published)
    index = window_rows(starts, T, features.frames)  # [M, T]
    chunks = torch.from_numpy(features.rows(0, features.frames)[index])
    if isinstance(rows, GraphRows):
        (whole,) = rows.graphs
        cut = [whole.cut(int(frame), 1) for frame in index.flat]
        return chunks, *as_tensors(cut, index.shape)
    (seen,) = rows.take(np.array([0]), np.array([0]), features.frames)
    return chunks, seen[0][torch.from_numpy(index)]


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("frames", [1, 39, 40, 41, 150, 1100])
@pytest.mark.parametrize("build", [top_views, vectors, graphs])
def test_a_half_of_arrays_is_spotted_in_chunk_by_chunk(build, frames, published, tmp_path):
    program, rows, model = build(frames)
    half, run = half_of(frames), Run(folder=tmp_path, published=published)
    found = program.score_half(run, InMemory(rows), model.eval(), half)
    with torch.inference_mode():
        segmentation, spots = (out.numpy() for out in model(*chunks_of(half, rows, published)))
    chunk, position = frame_owners(frames, SHAPE, published)
    assert np.allclose(found.segmentation, segmentation[chunk, position], rtol=0, atol=1e-5)
    expected = decode_spots(spots, SHAPE.frames, published)[chunk, position]
    assert np.allclose(found.cells, expected, rtol=0, atol=1e-5)
    assert found.cells.shape == (frames, C)
    (peaks,) = program.spot_game(run, InMemory(rows), model, [half], Suppression(10))
    again = detect(found.cells, Suppression(10))
    assert all(map(np.array_equal, peaks, again))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("build", [top_views, vectors, graphs])
def test_players_matter(build, tmp_path):
    program, rows, model = build(150)
    half, run = half_of(150), Run(folder=tmp_path)
    usual = program.score_half(run, InMemory(rows), model.eval(), half)
    other = program.score_half(run, InMemory(build(150, seed=1)[1]), model, half)
    assert not np.allclose(usual.segmentation, other.segmentation, rtol=0, atol=1e-4)


@pytest.mark.parametrize("build", [top_views, vectors, graphs])
def test_a_network_in_double_precision_spots_in_the_same_halves(build, tmp_path):
    program, rows, model = build(150)
    half, run = half_of(150), Run(folder=tmp_path)
    single = program.score_half(run, InMemory(rows), model.eval(), half)
    double = program.score_half(run, InMemory(rows), model.double(), half)
    assert double.segmentation.dtype == np.float64
    assert np.allclose(single.segmentation, double.segmentation, rtol=0, atol=1e-5)


def test_features_alone(tmp_path):
    torch.manual_seed(0)
    calf = ContextAwareModel(D, C, SHAPE, 4).eval()
    half, run = half_of(150), Run(folder=tmp_path)
    expected = CALF.test.score_half(run, calf, half.features)
    for program, build in ((CALF_Calibration.test, TopViewModel),
                           (CALF_Calibration_GCN.test, PlayerGraphModel)):  # fmt: skip
        model = build(D, C, SHAPE, capsule=4).eval()
        model.load_state_dict(calf.state_dict())
        found = program.score_half(run, None, model, half)
        assert np.array_equal(found.segmentation, expected.segmentation)
        assert np.array_equal(found.cells, expected.cells)
    double = CALF.test.score_half(run, calf.double(), half.features)
    assert double.segmentation.dtype == np.float64
    assert np.allclose(double.segmentation, expected.segmentation, rtol=0, atol=1e-5)


def test_top_views_of_several_halves_at_once():
    players = [players_of(30, seed) for seed in (0, 1)]
    rows = TopViewRows([players[0], replace(players[1])], np.array([30, 20]), VIEW, background=9)
    (pictures,) = rows.take(np.array([1, 0, 1]), np.array([0, 3, 15]), 10)
    assert pictures.shape == (3, 10, 28, 32, 3)
    assert pictures.dtype == torch.uint8
    for found, number, frames in (
        (pictures[0], 1, np.arange(10)),
        (pictures[1], 0, np.arange(3, 13)),
        (pictures[2], 1, np.array([15, 16, 17, 18, 19, 19, 19, 19, 19, 19])),
    ):
        assert np.array_equal(found.numpy(), VIEW.draw(players[number], frames, 9))


def test_graphs_of_several_halves_at_once():
    options = GraphOptions(calibration=True)
    halves = [build_graphs(players_of(n, n), n, options) for n in (30, 20)]
    rows = GraphRows(halves)
    nodes, counts, edges, edge_counts = rows.take(np.array([1, 0, 1]), np.array([0, 3, 15]), 10)
    assert counts.shape == edge_counts.shape == (3, 10)
    wanted = [(1, f) for f in range(10)] + [(0, f) for f in range(3, 13)]
    wanted += [(1, min(f, 19)) for f in range(15, 25)]
    one_by_one = [halves[number].cut(frame, 1) for number, frame in wanted]
    assert np.array_equal(nodes, np.concatenate([each.nodes for each in one_by_one]))
    assert np.array_equal(edges, np.concatenate([each.edges for each in one_by_one], axis=1))
    assert counts.flatten().tolist() == [len(each.nodes) for each in one_by_one]
    assert edge_counts.flatten().tolist() == [each.edges.shape[1] for each in one_by_one]
