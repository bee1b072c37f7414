"""Sliding sums and maxima against the slow way of saying the same."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.data.windows import window_max, window_sum

LENGTHS = (1, 2, 3, 5, 7, 8, 15, 16, 29, 30, 31, 60)


def naive(rows, length, combine):
    return np.stack([combine(rows[t : t + length]) for t in range(len(rows) - length + 1)])


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("shape", [(60,), (75, 3), (61, 2, 4)])
def test_maximum_of_every_window_of_arrays_and_of_tensors(length, shape):
    rows = np.random.default_rng(length).normal(size=shape)
    expected = naive(rows, length, lambda window: window.max(axis=0))
    assert np.array_equal(window_max(rows, length), expected)
    assert np.array_equal(window_max(torch.from_numpy(rows), length).numpy(), expected)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("shape", [(60,), (75, 3), (61, 2, 4)])
def test_sum_of_every_window(length, shape):
    rows = np.random.default_rng(length).normal(size=shape)
    expected = naive(rows, length, lambda window: window.sum(axis=0))
    assert np.allclose(window_sum(torch.from_numpy(rows), length), expected, rtol=0, atol=1e-12)


@settings(max_examples=200)
@given(st.integers(1, 40), st.integers(0, 30), st.integers(0, 2**32 - 1))
def test_sums_of_whole_numbers_are_exact(length, more, seed):
    rows = np.random.default_rng(seed).integers(-1000, 1000, (length + more, 2))
    expected = naive(rows, length, lambda window: window.sum(axis=0))
    assert np.array_equal(window_sum(torch.from_numpy(rows), length).numpy(), expected)


def test_no_error_runs_along_the_half_behind_a_huge_row():
    rows = torch.ones(100, dtype=torch.float32)
    rows[3] = 1e12
    assert torch.equal(window_sum(rows, 7)[4:], torch.full((90,), 7.0))


def test_the_rows_are_left_as_they_were():
    rows = np.arange(20.0)
    tensor = torch.from_numpy(rows.copy())
    for length in (1, 2, 5, 20):
        window_max(rows, length)
        window_max(tensor, length)
        window_sum(tensor, length)
    assert np.array_equal(rows, np.arange(20.0))
    assert np.array_equal(tensor.numpy(), rows)


def test_gradients_count_in_how_many_windows_a_row_lies():
    rows = torch.zeros(10, requires_grad=True)
    window_sum(rows, 4).sum().backward()
    assert rows.grad.tolist() == [1, 2, 3, 4, 4, 4, 4, 3, 2, 1]


@pytest.mark.parametrize("slide", [window_max, window_sum])
@pytest.mark.parametrize("length", [0, -1, 6])
def test_a_window_longer_than_the_rows_or_of_no_row_is_refused(slide, length):
    with pytest.raises(ValueError, match=f"window of {length} rows over 5 rows"):
        slide(torch.zeros(5, 2), length)
