import numpy as np
import pytest

from common.matching import Spots
from common.report.confidence import Matched, at_threshold, best_f1, matched_once, reliability


def matched(rows, spots):
    """From (class, confidence, correct)."""
    event, confidence, correct = (np.array(column) for column in zip(*rows, strict=True))
    return Matched(event, confidence.astype(float), correct.astype(bool), np.array(spots))


def test_best_f1_is_the_best_of_all_thresholds():
    rng = np.random.default_rng(0)
    event, confidence = rng.integers(0, 3, 200), rng.integers(0, 12, 200) / 12
    some = Matched(event, confidence, rng.random(200) < confidence, np.array([40, 60, 90]))
    point = best_f1(some)
    for c in range(3):
        f1 = {t: at_threshold(some, t).f1[c] for t in set(confidence.tolist())}
        assert point.f1[c] == pytest.approx(max(f1.values()), abs=1e-15)
        assert point.threshold[c] == max(t for t, each in f1.items() if each == max(f1.values()))
        there = at_threshold(some, point.threshold[c])
        assert point.precision[c] == pytest.approx(there.precision[c], abs=1e-15)
        assert point.recall[c] == pytest.approx(there.recall[c], abs=1e-15)


def test_equal_confidences_stand_or_fall_together():
    point = best_f1(matched([(0, 0.5, True), (0, 0.5, False), (0, 0.5, False)], [1]))
    assert point.threshold[0] == 0.5
    assert (point.precision[0], point.recall[0], point.f1[0]) == (1 / 3, 1, 0.5)


def test_a_class_without_correct_detections_has_no_threshold():
    point = best_f1(matched([(1, 0.9, False)], [3, 3]))
    assert np.isinf(point.threshold).all()
    assert not point.f1.any()


def test_a_threshold_only_takes_detections_away():
    """Matching what is left above a threshold gives what was matched above it before."""
    rng = np.random.default_rng(1)

    def random(n):
        return Spots(rng.integers(0, 2, n), rng.integers(0, 300, n), np.zeros(n, int),
                     rng.random(n))  # fmt: skip

    targets, detections = random(40), random(200)
    before = matched_once(targets, detections, 1, 10)
    for threshold in (0.2, 0.5, 0.8):
        kept = detections.value >= threshold
        # An entry that a later one replaces in its frame must not come back.
        last = before.confidence[before.confidence >= threshold]
        kept &= np.isin(detections.value, last)
        after = matched_once(targets, detections.select(kept), 1, 10)
        above = before.confidence >= threshold
        assert after.correct.tolist() == before.correct[above].tolist()


def test_reliability_counts_each_bin():
    rows = [(0, 0.05, False), (0, 0.55, True), (0, 0.58, False), (0, 1.0, True), (0, 3.0, True)]
    bins = reliability(matched(rows, [5]))
    assert bins.count.tolist() == [1, 0, 0, 0, 0, 2, 0, 0, 0, 2]
    assert bins.share_correct[[0, 5, 9]].tolist() == [0, 0.5, 1]
    assert np.isnan(bins.share_correct[1])
    assert bins.confidence[5] == pytest.approx(0.565)
    assert bins.expected_error() == pytest.approx((0.05 + 2 * 0.065 + 0) / 5)


def test_reliability_of_nothing_is_zero():
    empty = Matched(np.empty(0, int), np.empty(0), np.empty(0, bool), np.zeros(2, int))
    assert reliability(empty).expected_error() == 0
    assert np.isinf(best_f1(empty).threshold).all()
