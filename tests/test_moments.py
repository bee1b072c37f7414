"""Strips of top views around detections, as picture files."""

import numpy as np
import pytest
from test_top_view import make_players

from common.calibration.moments import draw_moments
from common.calibration.top_view import TopView
from common.results.suppression import Peaks


@pytest.mark.parametrize("count", [0, 1, 30])
def test_a_strip_for_each_of_the_surest_detections(tmp_path, count):
    matplotlib = pytest.importorskip("matplotlib.image")
    rng = np.random.default_rng(0)
    frame = np.sort(rng.permutation(60)[:count])
    peaks = Peaks(frame, rng.integers(0, 2, count), rng.random(count))
    box = ([[600, 300, 620, 345]], [(200, 30, 40)])
    players = make_players([box] * 60, [0.9] * 50)
    path = tmp_path / "1_top_view.png"
    draw_moments(
        path, players, TopView(calibration=True, field=True), peaks, names=["Corner", "a_b $"],
        framerate=2, frames=60, title="game",
    )  # fmt: skip
    picture = matplotlib.imread(path)
    height, width = picture.shape[:2]
    assert width > 1000
    assert height == pytest.approx(40 + 115 * max(1, min(count, 12)), abs=2)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
