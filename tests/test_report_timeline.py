import json

import numpy as np

from common.metric.matching import Spots
from common.report.errors_by_kind import BACKGROUND, CORRECT, judge
from common.report.timeline import MOST_UNCOUNTED, timelines

GAMES = ["a/b/one", "a/b/two"]


def spots(places, values):
    half, frame, event = np.array(places).reshape(-1, 3).T
    return Spots(half, frame, event, np.array(values, float))


def test_spots_and_detections_of_a_half_point_at_each_other():
    targets = spots([(0, 50, 1), (2, 40, 0), (2, 90, 1), (3, 10, 0)], [1, 1, -1, 1])
    found = spots([(2, 600, 1), (2, 91, 1), (0, 55, 1), (3, 700, 0)], [0.9, 1.5, 0.1, 0.2])
    judged = judge(targets, found, np.array([0.5, 0.5]))
    one, two = timelines(judged, found, GAMES, 2)
    assert (one["name"], two["name"]) == tuple(GAMES)
    assert one["halves"][0] == {
        "spots": [[50], [1], [1], [-1]],
        "found": [[], [], [], [], []],
        "uncounted": [[55], [1], [10]],
    }
    assert two["halves"][0] == {
        "spots": [[40, 90], [0, 1], [1, 0], [-1, 0]],
        "found": [[91, 600], [1, 1], [100, 90], [CORRECT, BACKGROUND], [1, -1]],
        "uncounted": [[], [], []],
    }
    assert two["halves"][1]["uncounted"] == [[700], [0], [20]]
    json.dumps([one, two])  # plain numbers


def test_a_game_shows_the_most_confident_uncounted_detections():
    n = 2 * MOST_UNCOUNTED
    confidence = np.random.default_rng(0).permutation(n) / (2 * n)
    many = Spots(np.arange(n) % 4, np.arange(n), np.zeros(n, int), confidence)
    judged = judge(spots([], []), many, np.array([0.45]))
    for number, game in enumerate(timelines(judged, many, GAMES, 2)):
        ours = (many.half // 2 == number) & (confidence < 0.45)
        shown = [percent for half in game["halves"] for percent in half["uncounted"][2]]
        best = np.sort(confidence[ours])[::-1][:MOST_UNCOUNTED]
        assert sorted(shown, reverse=True) == np.rint(100 * best).astype(int).tolist()
