import numpy as np
import pytest

from common.report.reliability import reliability


def test_reliability_counts_each_bin():
    confidence = np.array([0.05, 0.55, 0.58, 1.0, 3.0])
    bins = reliability(confidence, np.array([False, True, False, True, True]))
    assert bins.count.tolist() == [1, 0, 0, 0, 0, 2, 0, 0, 0, 2]
    assert bins.share_correct[[0, 5, 9]].tolist() == [0, 0.5, 1]
    assert np.isnan(bins.share_correct[1])
    assert bins.confidence[5] == pytest.approx(0.565)
    assert bins.expected_error() == pytest.approx((0.05 + 2 * 0.065 + 0) / 5)


def test_calibrated_confidences_have_no_error():
    confidence = np.repeat([0.25, 0.75], 400)
    correct = np.arange(800) % 4 < np.repeat([1, 3], 400)
    assert reliability(confidence, correct).expected_error() == pytest.approx(0, abs=1e-12)


def test_reliability_of_nothing_is_zero():
    assert reliability(np.empty(0), np.empty(0, bool)).expected_error() == 0
