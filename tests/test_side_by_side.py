"""Top view, graph and footprint of moments, beside each other."""

import numpy as np
import pytest
from test_synthetic_players import filmed
from test_top_view import make_players

from CALF_Calibration_GCN.player_graph import GraphOptions, build_graphs
from common.calibration.side_by_side import draw_side_by_side, neighbours, standing
from common.calibration.top_view import TopView
from common.results.suppression import Peaks

VIEW = TopView(calibration=True, field=True, cone=True)


@pytest.mark.parametrize("count", [0, 2, 30])
def test_a_row_for_each_of_the_surest_detections(tmp_path, count):
    matplotlib = pytest.importorskip("matplotlib.image")
    rng = np.random.default_rng(0)
    peaks = Peaks(np.arange(count), rng.integers(0, 2, count), rng.random(count))
    box = ([[600, 300, 620, 345]], [(200, 30, 40)])
    players = make_players([box] * 30, [0.9] * 20 + [0.1] * 10)  # of some the camera is not known
    path = tmp_path / "1_side_by_side.png"
    draw_side_by_side(path, players, VIEW, peaks, names=["Corner", "a_b $"], framerate=2, title="$")
    height, width = matplotlib.imread(path).shape[:2]
    assert width == 1080
    assert height == pytest.approx(90 * (0.4 + 2.7 * max(1, min(count, 6))), abs=2)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("margin", [None, 5.0])
def test_the_graph_that_is_drawn_is_the_one_that_is_learnt_from(margin):
    players = filmed("Corner")
    options = GraphOptions(calibration=True, margin=margin)
    graphs = build_graphs(players, 60, options)
    compared = 0
    for frame in np.flatnonzero(players.calibrated(np.arange(60), options.confident)).tolist():
        number, places = standing(players, frame, margin)
        graph = graphs.cut(frame, 1)
        np.testing.assert_allclose(graph.nodes[:, 4:6] * 50, places, rtol=1e-6, atol=1e-5)
        np.testing.assert_allclose(
            (graph.nodes[:, :3] + 1) * 127, players.colours[number], rtol=1e-5, atol=1e-4
        )
        edges = {tuple(sorted(edge)) for edge in graph.edges.T.tolist()}
        assert edges == {tuple(sorted(pair)) for pair in neighbours(places, 25).tolist()}
        compared += len(edges)
    assert compared > 1000
