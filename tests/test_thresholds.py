"""Thresholds of best F1: known answers, and every threshold tried by matching anew."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.metric.average_map import precision_recall
from common.metric.matching import Spots, last_of_each_cell, match
from common.metric.thresholds import Outcome, best_thresholds, outcome_at


def spots(rows, values):
    half, frame, event = np.asarray(rows, np.int64).reshape(-1, 3).T
    return Spots(half, frame, event, np.asarray(values, float))


# Four spots at 0, 100, 200, 300; the detections beside them, and one that is wrong.
TARGETS = spots([(0, frame, 0) for frame in (0, 100, 200, 300)], [1, -1, 1, 1])
DETECTIONS = spots(
    [(0, frame, 0) for frame in (1, 101, 150, 201)],
    [0.9, 0.8, 0.6, 0.5],
)


def test_known_answer():
    # F1 at 0.9: 2/5, 0.8: 4/6, 0.6: 4/7, 0.5: 6/8.
    assert best_thresholds(TARGETS, DETECTIONS, 1, 5).tolist() == [0.5]
    outcome = outcome_at(TARGETS, DETECTIONS, np.array([0.5]), 5)
    assert (outcome.spots, outcome.found, outcome.correct) == ([4], [4], [3])
    assert (outcome.precision, outcome.recall, outcome.f1) == ([0.75], [0.75], [0.75])
    assert outcome_at(TARGETS, DETECTIONS, np.array([0.8]), 5).f1 == [4 / 6]
    assert outcome_at(TARGETS, DETECTIONS, np.array([0.81]), 5).f1 == [2 / 5]


def test_tolerance_is_a_whole_width_in_seconds():
    targets, detections = spots([(0, 10, 0)], [1]), spots([(0, 15, 0)], [0.5])
    assert best_thresholds(targets, detections, 1, 5).tolist() == [0.5]
    assert best_thresholds(targets, detections, 1, 4.9).tolist() == [np.inf]


def test_equally_good_thresholds_give_the_highest():
    # F1 is 2/3 with the first alone, and with all three.
    targets = spots([(0, 0, 0), (0, 100, 0)], [1, 1])
    detections = spots([(0, 0, 0), (0, 50, 0), (0, 60, 0), (0, 100, 0)], [0.9, 0.8, 0.7, 0.6])
    assert outcome_at(targets, detections, np.array([0.6]), 1).f1 == [4 / 6]
    assert best_thresholds(targets, detections, 1, 1).tolist() == [0.9]


def test_equal_confidences_pass_together():
    targets = spots([(0, 0, 0)], [1])
    detections = spots([(0, 0, 0), (0, 50, 0), (0, 60, 0)], [0.5, 0.5, 0.5])
    assert best_thresholds(targets, detections, 1, 1).tolist() == [0.5]
    assert outcome_at(targets, detections, np.array([0.5]), 1).f1 == [2 / 4]


def test_classes_without_correct_detections_keep_none():
    targets = spots([(0, 0, 0), (0, 0, 1)], [1, 1])
    detections = spots([(0, 0, 0), (0, 90, 1), (0, 0, 2)], [0.5, 0.9, 0.9])
    thresholds = best_thresholds(targets, detections, 4, 5)
    assert thresholds.tolist() == [0.5, np.inf, np.inf, np.inf]
    outcome = outcome_at(targets, detections, thresholds, 5)
    assert outcome.found.tolist() == [1, 0, 0, 0]
    assert outcome.f1.tolist() == [1, 0, 0, 0]
    none = spots([], [])
    assert best_thresholds(none, none, 2, 5).tolist() == [np.inf, np.inf]
    assert outcome_at(none, none, np.zeros(2), 5).macro() == (0, 0, 0)


def test_micro_adds_counts_and_macro_means_annotated_classes():
    outcome = Outcome(np.array([10, 2, 0]), np.array([5, 4, 6]), np.array([5, 1, 0]))
    micro = outcome.micro()
    assert (micro.spots, micro.found, micro.correct) == ([12], [15], [6])
    assert (micro.precision, micro.recall) == ([6 / 15], [6 / 12])
    assert outcome.macro() == pytest.approx(
        ((1 + 1 / 4) / 2, (1 / 2 + 1 / 2) / 2, (10 / 15 + 2 / 6) / 2)
    )


def f1_anew(targets, detections, event, threshold, reach):
    """Of one class at one threshold, from a matching of what it leaves."""
    targets = last_of_each_cell(targets)
    ours = last_of_each_cell(detections)
    ours = ours.select((ours.value >= max(threshold, 0)) & (ours.event == event))
    targets = targets.select(targets.event == event)
    correct = len(match(targets, ours, reach)[1])
    return 2 * correct / max(len(ours) + len(targets), 1), correct, len(ours)


CELLS = st.tuples(st.integers(0, 2), st.integers(0, 30), st.integers(0, 2))
SOME_TARGETS = st.lists(st.tuples(CELLS, st.sampled_from([-1, 1])), max_size=30)
SOME_DETECTIONS = st.lists(st.tuples(CELLS, st.integers(-1, 9).map(lambda k: k / 8)), max_size=40)


def unzipped(pairs):
    return spots([cell for cell, _ in pairs], [value for _, value in pairs])


@settings(max_examples=80)
@given(SOME_TARGETS, SOME_DETECTIONS, st.sampled_from([0, 1, 3, 10]))
def test_no_threshold_is_better(targets, detections, tolerance):
    targets, detections = unzipped(targets), unzipped(detections)
    thresholds = best_thresholds(targets, detections, 3, tolerance)
    outcome = outcome_at(targets, detections, thresholds, tolerance)
    for event in range(3):
        tried = [f1_anew(targets, detections, event, k / 16, tolerance) for k in range(20)]
        best = max(f1 for f1, *_ in tried)
        assert outcome.f1[event] == best
        if best:
            assert f1_anew(targets, detections, event, thresholds[event], tolerance)[0] == best


@settings(max_examples=80)
@given(SOME_TARGETS, SOME_DETECTIONS, st.integers(0, 18).map(lambda k: k / 16))
def test_any_threshold_counts_as_a_matching_of_what_it_leaves(targets, detections, threshold):
    targets, detections = unzipped(targets), unzipped(detections)
    outcome = outcome_at(targets, detections, np.full(3, threshold), 3)
    for event in range(3):
        _, correct, found = f1_anew(targets, detections, event, threshold, 3)
        assert (outcome.correct[event], outcome.found[event]) == (correct, found)


@settings(max_examples=40)
@given(SOME_TARGETS, SOME_DETECTIONS, st.integers(0, 199))
def test_precision_and_recall_are_those_of_the_metric(targets, detections, k):
    targets, detections = unzipped(targets), unzipped(detections)
    curves = precision_recall(targets, detections, 3, (3,))
    outcome = outcome_at(targets, detections, np.full(3, np.linspace(0, 1, 200)[k]), 3)
    np.testing.assert_array_equal(outcome.precision, curves.precision[0, 0, :, k])
    np.testing.assert_array_equal(outcome.recall, curves.recall[0, 0, :, k])
