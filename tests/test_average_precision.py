"""Average precision of items that are classified one by one, against its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.metric.average_precision import average_precision


def by_definition(scores, positive):
    """Σ (R_n - R_{n-1}) P_n over the distinct scores, one threshold at a time."""
    total, recall = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        kept = [p for s, p in zip(scores, positive, strict=True) if s >= threshold]
        reached = sum(kept) / sum(positive)
        total += (reached - recall) * sum(kept) / len(kept)
        recall = reached
    return total


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=30))
def test_it_is_the_mean_precision_over_the_steps_of_recall(items):
    scores, positive = (np.array(column) for column in zip(*items, strict=True))
    expected = by_definition(scores.tolist(), positive.tolist()) if positive.any() else 0.0
    assert average_precision(scores.astype(np.float32), positive) == pytest.approx(expected)


def test_golden_number_of_scikit_learn():
    """Written down from `sklearn.metrics.average_precision_score` 1.7.2, to the bit."""
    scores = np.round(np.sin(np.arange(40) * 1.7), 1)
    assert average_precision(scores, np.arange(40) % 3 == 0) == 0.3189387001887002


def test_nothing_to_find_counts_0():
    assert average_precision(np.array([2.0, 1.0]), np.array([False, False])) == 0.0
    assert average_precision(np.zeros(0), np.zeros(0, bool)) == 0.0
