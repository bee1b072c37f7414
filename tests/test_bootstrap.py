"""Intervals: a brute-force bootstrap that scores the resampled games, seeds, p-values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.metric import bootstrap
from common.metric.average_map import KINDS, TOLERANCES_SECONDS, average_map
from common.metric.bootstrap import Resampled, draw_weights, resample
from common.metric.matching import Spots
from common.results.scored_run import read_run

CLASSES = 3


def random_spots(rng, n, games, values, frames=80, halves=2):
    cells = rng.integers(0, (games * halves, frames, CLASSES), (n, 3))
    return Spots(*cells.T, rng.choice(values, n))


def random_run(seed, games=5, halves=2, dense=1):
    rng = np.random.default_rng(seed)
    targets = random_spots(rng, 30 * games, games, (-1.0, 1.0), halves=halves)
    values = np.append(rng.random(40), (-1, 0, 1, 1.5, np.nan))
    return targets, random_spots(rng, 80 * games * dense, games, values, halves=halves)


def repeated(spots, drawn, halves=2):
    """The spots of the drawn games, each of them a game of its own."""
    parts = [
        Spots(mine.half + (place - game) * halves, mine.frame, mine.event, mine.value)
        for place, game in enumerate(drawn)
        for mine in [spots.select(spots.half // halves == game)]
    ]
    return Spots(*(np.concatenate([getattr(part, name) for part in parts])
                   for name in ("half", "frame", "event", "value")))  # fmt: skip


def scores(targets, detections, metric, weights, halves=2):
    """Average precision of each class by the metric itself: kind -> [1 + R, C], and a_mAP."""
    per_class = {kind: [] for kind in KINDS}
    a_map = {kind: [] for kind in KINDS}
    for row in [np.ones_like(weights[0]), *weights]:
        drawn = np.repeat(np.arange(len(row)), row)
        both = (repeated(spots, drawn, halves) for spots in (targets, detections))
        result = average_map(*both, CLASSES, TOLERANCES_SECONDS[metric])
        for kind in KINDS:
            per_class[kind].append(result.per_class(kind))
            a_map[kind].append(result.a_map(kind))
    return per_class, a_map


def assert_equal_to_brute_force(targets, detections, metric, weights, halves=2):
    ours = resample(
        targets, detections, CLASSES, TOLERANCES_SECONDS[metric], weights, halves=halves
    )
    per_class, a_map = scores(targets, detections, metric, weights, halves)
    for kind in KINDS:
        np.testing.assert_allclose(ours[kind].per_class, per_class[kind], rtol=0, atol=1e-12)
        mean = ours[kind].a_map()
        np.testing.assert_allclose(mean.value, a_map[kind][0], rtol=0, atol=1e-12)
        np.testing.assert_allclose(mean.samples, a_map[kind][1:], rtol=0, atol=1e-12)


@pytest.mark.parametrize("metric", TOLERANCES_SECONDS)
@pytest.mark.parametrize("seed", range(3))
def test_equals_the_metric_on_resampled_games(metric, seed):
    assert_equal_to_brute_force(*random_run(seed), metric, draw_weights(5, 8, seed))


def test_games_of_one_half():
    run = random_run(0, halves=1)
    assert_equal_to_brute_force(*run, "tight", draw_weights(5, 8, 0), halves=1)


def test_whole_numbers_that_float32_cannot_hold_are_counted_exactly(monkeypatch):
    run, weights = random_run(1), draw_weights(5, 8, 1)
    narrow = resample(*run, CLASSES, (1, 5), weights)
    monkeypatch.setattr(bootstrap, "_EXACT", 1)
    wide = resample(*run, CLASSES, (1, 5), weights)
    for kind in KINDS:
        np.testing.assert_array_equal(narrow[kind].per_class, wide[kind].per_class)


def test_blocks_of_resamples_do_not_show(monkeypatch):
    run, weights = random_run(2), draw_weights(5, 23, 2)
    whole = resample(*run, CLASSES, (1, 5), weights)
    monkeypatch.setattr(bootstrap, "_BLOCK", 7)
    parts = resample(*run, CLASSES, (1, 5), weights)
    for kind in KINDS:
        np.testing.assert_array_equal(whole[kind].per_class, parts[kind].per_class)


def test_the_value_is_that_of_the_metric_on_released_predictions(shared, real_labels):
    archive = shared("data/released/NETVLAD_v2_results_spotting_test.zip")
    run = read_run(archive, SoccerNet_path=real_labels)
    weights = draw_weights(len(run.games), 50, 0)
    loose = resample(run.targets, run.detections, 17, TOLERANCES_SECONDS["loose"], weights)
    published = (0.31382766826473724, 0.34266100845034597, 0.23233791752478242)
    for kind, value in zip(KINDS, published, strict=True):
        assert loose[kind].a_map().value == pytest.approx(value, abs=1e-12)
    drawn = np.repeat(np.arange(100), weights[0])
    both = (repeated(spots, drawn) for spots in (run.targets, run.detections))
    one = average_map(*both, 17).a_map()
    assert loose["all"].a_map().samples[0] == pytest.approx(one, abs=1e-12)


def test_only_the_kinds_that_are_asked_for():
    run, weights = random_run(3), draw_weights(5, 4, 3)
    some = resample(*run, CLASSES, (1, 5), weights, kinds=("unshown",))
    assert list(some) == ["unshown"]
    every = resample(*run, CLASSES, (1, 5), weights)["unshown"]
    np.testing.assert_array_equal(some["unshown"].per_class, every.per_class)


def test_draws_are_games_with_replacement_from_the_seed():
    weights = draw_weights(10, 4000, 0)
    assert weights.shape == (4000, 10)
    assert (weights.sum(axis=1) == 10).all()
    np.testing.assert_array_equal(weights, draw_weights(10, 4000, 0))
    assert (weights != draw_weights(10, 4000, 1)).any()
    # A game is left out with probability (1 - 1/10)^10; the mean of 40,000 is within 5 sigma.
    assert abs((weights == 0).mean() - 0.9**10) < 0.012
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=0.08)


def test_interval_is_the_middle_95_percent():
    numbers = Resampled(0.5, np.random.default_rng(0).permutation(np.arange(1001)) / 1000)
    interval = numbers.interval()
    assert interval.value == 0.5
    assert (interval.low, interval.high) == pytest.approx((0.025, 0.975))


def test_p_value_by_its_definition():
    def p(*samples):
        return Resampled(0.0, np.array(samples)).p_value()

    assert p(*[0.1] * 99) == pytest.approx(2 / 100)
    assert p(*[0.1] * 97, -0.1, 0.0) == pytest.approx(2 * 3 / 100)
    assert p(*[-0.1] * 97, 0.1, 0.2) == pytest.approx(2 * 3 / 100)
    assert p(0.1, -0.1) == p(0.0) == 1


def test_a_run_does_not_differ_from_itself():
    run, weights = random_run(4), draw_weights(5, 30, 4)
    one, other = (resample(*run, CLASSES, (1, 5), weights)["all"].a_map() for _ in range(2))
    difference = one.minus(other)
    assert (difference.value, difference.p_value()) == (0, 1)
    assert not difference.samples.any()


def test_rounding_errors_are_no_differences():
    one = Resampled(0.5, np.array([0.1 + 0.2] * 50))
    assert one.minus(Resampled(0.5, np.array([0.3] * 50))).p_value() == 1


def test_pairing_sees_a_small_difference_that_intervals_overlap_on():
    """Games of very different difficulty; the other run misses one more spot in each of them."""
    games, frames = 12, np.arange(20) * 100
    half = np.repeat(2 * np.arange(games), len(frames))
    frame, event = np.tile(frames, games), np.zeros(games * len(frames), np.int64)
    targets = Spots(half, frame, event, np.ones(len(half)))
    place = frame // 100
    found = {extra: targets.select(place < half // 2 + 2 * extra) for extra in (1, 2)}
    weights = draw_weights(games, 500, 0)
    better, worse = (
        resample(targets, found[extra], 1, (5,), weights, kinds=("all",))["all"].a_map()
        for extra in (2, 1)
    )
    assert better.interval().low < worse.interval().high
    assert better.minus(worse).interval().low >= 0
    assert better.minus(worse).value > 0


CELLS = st.tuples(st.integers(0, 7), st.integers(0, 30), st.integers(0, CLASSES - 1))
TARGETS = st.lists(st.tuples(CELLS, st.sampled_from([-1.0, 1.0])), max_size=30)
DETECTIONS = st.lists(st.tuples(CELLS, st.integers(-1, 9).map(lambda k: k / 8)), max_size=40)


def unzipped(pairs):
    cells = np.array([cell for cell, _ in pairs], np.int64).reshape(-1, 3).T
    return Spots(*cells, np.array([value for _, value in pairs], float))


@settings(deadline=None, max_examples=40)
@given(TARGETS, DETECTIONS, st.integers(0, 1000))
def test_equals_the_metric_on_any_spots(targets, detections, seed):
    weights = draw_weights(4, 3, seed)
    assert_equal_to_brute_force(unzipped(targets), unzipped(detections), "tight", weights)


@settings(deadline=None, max_examples=40)
@given(TARGETS, DETECTIONS, st.integers(1, 3))
def test_the_same_weight_for_all_games_changes_nothing(targets, detections, times):
    weights = np.full((1, 4), times)
    scores = resample(unzipped(targets), unzipped(detections), CLASSES, (1, 5), weights)
    for kind in KINDS:
        first, second = scores[kind].per_class
        np.testing.assert_allclose(first, second, rtol=0, atol=1e-15)
