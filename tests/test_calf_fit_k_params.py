"""Context parameters read off features: the rule, what it finds, bad input."""

import json
import sys

import numpy as np
import pytest

from CALF import fit_k_params as module
from CALF.fit_k_params import REACH_SECONDS, Averages, k_of_distances
from common.calf.k_parameters import read_k_seconds
from common.data.events import V2_NAMES
from common.errors import UserError
from common.synthetic.data_set import write_data_set


def triangle(before, after, spot=0, framerate=2):
    """1 at `spot` seconds, falling to 0 at so many seconds before and after it."""
    time = np.arange(-REACH_SECONDS * framerate, REACH_SECONDS * framerate + 1) / framerate - spot
    return np.clip(np.where(time < 0, 1 + time / before, 1 - time / after), 0, None)


@pytest.mark.parametrize("framerate", [1, 2, 25])
def test_the_rule_on_a_triangle(framerate):
    found = k_of_distances(triangle(20, 60, framerate=framerate), framerate)
    # The smoothed peak is a little lower, and so its tenth lies a little farther out.
    assert found == pytest.approx((-37, -18.5, 54.5, 109), abs=1.6)


def test_times_are_counted_from_the_spot_not_from_the_peak():
    found = k_of_distances(triangle(20, 20, spot=15), 2)
    assert found == pytest.approx((-20, -10, 33.5, 67), abs=1.6)


def test_parameters_keep_their_order_and_range_for_any_distances():
    rng = np.random.default_rng(0)
    for distances in (np.zeros(481), np.ones(481), -np.ones(481), rng.standard_normal(481)):
        K1, K2, K3, K4 = k_of_distances(distances, 2)
        assert K1 < K2 < 0 < K3 < K4
        assert K2 >= -REACH_SECONDS
        assert K3 <= REACH_SECONDS


def test_averages_are_those_of_a_loop_over_spots():
    rng = np.random.default_rng(0)
    reach, C, D = 5, 2, 3
    averages = Averages.empty(C, reach, D)
    expected, count = np.zeros((C + 1, 2 * reach + 1, D)), np.zeros((C + 1, 2 * reach + 1))
    for _ in range(3):
        rows = rng.standard_normal((30, D)).astype(np.float32)
        spots, events = rng.integers(0, 30, 12), rng.integers(0, C, 12)
        averages.add(rows, spots, events)
        for spot, event in zip(spots, events, strict=True):
            for offset in range(-reach, reach + 1):
                if 0 <= spot + offset < 30:
                    for c in (event, C):
                        expected[c, offset + reach] += rows[spot + offset]
                        count[c, offset + reach] += 1
    assert np.allclose(averages.around, expected)
    assert np.array_equal(averages.spots, count)
    assert averages.frames == 90


def test_chance_alone_is_no_distance():
    rng = np.random.default_rng(0)
    averages = Averages.empty(1, 3, 50)
    for _ in range(20):
        rows = rng.standard_normal((2000, 50)).astype(np.float32)
        averages.add(rows, rng.integers(0, 2000, 50), np.zeros(50, np.int64))
    assert np.abs(averages.distances()).max() < 0.03  # 0.05 before what chance gives is taken off


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("fit") / "data"
    write_data_set(root, games=(4, 0, 0, 0), minutes=20, dim=32)
    return root


def program(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["fit_k_params", *map(str, words)])
    module.main()


def test_the_embedded_data_set_is_felt_for_less_than_ten_seconds(data, tmp_path, monkeypatch):
    out = tmp_path / "k.json"
    program(monkeypatch, "--SoccerNet_path", data, "--features", "Synthetic.npy", "--out", out)
    found = read_k_seconds(out)  # which also checks the order
    assert list(found) == list(V2_NAMES)
    for name in ("Ball out of play", "Throw-in", "Foul"):
        assert found[name] == (-20, -10, 10, 20)  # the codewords of an event last 4 to 8 s


def test_rare_classes_get_the_parameters_of_all_spots(data, tmp_path, monkeypatch):
    out = tmp_path / "k.json"
    program(monkeypatch, "--SoccerNet_path", data, "--features", "Synthetic.npy", "--out", out)
    found = json.loads(out.read_text())
    assert found["Red card"] == found["Yellow->red card"]


def test_bad_input_is_one_sentence(data, tmp_path, monkeypatch):
    (tmp_path / "splits.json").write_text('{"train": [], "test": ["game"]}')
    words = ["--SoccerNet_path", tmp_path, "--features", "Synthetic.npy"]
    with pytest.raises(UserError, match="no games to train on"):
        program(monkeypatch, *words)
    (tmp_path / "game").mkdir()
    (tmp_path / "game/Labels-v2.json").write_text('{"annotations": []}')
    for half in (1, 2):
        np.save(tmp_path / f"game/{half}_Synthetic.npy", np.zeros((9, 4), np.float32))
    with pytest.raises(UserError, match="not a single spot"):
        program(monkeypatch, *words, "--split", "test")
    with pytest.raises(UserError, match=r"expected features at .*Missing.npy"):
        program(monkeypatch, "--SoccerNet_path", data, "--features", "Missing.npy")
