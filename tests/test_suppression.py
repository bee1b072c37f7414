"""Suppression against recordings, and against the published loop written down once more."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from common.errors import UserError
from common.results.suppression import Suppression, check_suppression, suppress


def published_loop(column, window, threshold):
    """The pooling baselines' loop for one class: take the first maximum, blank around it."""
    left = column.astype(np.float64)
    found = []
    while left.max() >= threshold:
        peak = int(left.argmax())
        found.append((peak, left[peak]))
        begin = int(max(peak - window / 2, 0))
        left[begin : min(peak + window // 2, len(left))] = -1
    return found


def of_class(peaks, event):
    ours = peaks.event == event
    confidences = peaks.confidence[ours].astype(np.float64)
    return list(zip(peaks.frame[ours].tolist(), confidences.tolist(), strict=True))


def assert_as_published(scores, window, threshold):
    peaks = suppress(scores, window, threshold)
    for event in range(scores.shape[1]):
        assert of_class(peaks, event) == published_loop(scores[:, event], window, threshold)
    assert np.array_equal(peaks.event, np.sort(peaks.event))


@pytest.mark.parametrize("case", ["w60", "w40", "odd", "ties", "none"])
def test_recordings(golden, case):
    arrays = golden("nms_pooling.npz")
    scores = arrays[f"{case}_in"][:, None]
    window, threshold = int(arrays[f"{case}_window"]), float(arrays[f"{case}_threshold"])
    found = of_class(suppress(scores, window, threshold), 0)
    assert found == [(int(frame), value) for frame, value in arrays[f"{case}_out"]]


@pytest.mark.parametrize("window", [2, 3, 4, 5, 7, 15, 40, 59, 60, 61, 500])
def test_equal_to_the_published_loop_on_noise_and_on_ties(window):
    rng = np.random.default_rng(window)
    for case in range(40):
        frames = int(rng.integers(1, 300))
        scores = rng.random((frames, 3), np.float32)
        if case % 2:
            scores = np.round(scores * (case % 8)) / np.float32(8)  # many equal, some all zero
        assert_as_published(scores, window, float(rng.choice([0.0, 0.25, 0.5, -0.5])))


@settings(max_examples=300)
@given(
    arrays(np.float32, st.tuples(st.integers(1, 40), st.integers(1, 3)), elements=st.sampled_from(
        [0.0, 0.125, 0.25, 0.5, 0.75, 1.0]
    )),
    st.integers(2, 12),
    st.sampled_from([0.0, 0.25, 1.0]),
)  # fmt: skip
def test_equal_to_the_published_loop_on_few_levels(scores, window, threshold):
    assert_as_published(scores, window, threshold)


def suppressed_rows(window, peak, frames=400):
    """Rows that a peak blanks: those that are absent although they are above the threshold."""
    scores = np.zeros((frames, 1), np.float32)
    scores[peak] = 1
    near = []
    for row in range(frames):
        again = scores.copy()
        if row != peak:
            again[row] = 0.5
        kept = suppress(again, window, 0.25).frame.tolist()
        near += [row] if row == peak or row not in kept else []
    return near


def test_an_impulse_at_200_blanks_rows_170_to_229_in_a_window_of_60():
    assert suppressed_rows(60, 200) == list(range(170, 230))


@pytest.mark.parametrize(("window", "first", "last"), [(7, 16, 22), (15, 12, 26), (40, 0, 39)])
def test_rows_blanked_around_20(window, first, last):
    assert suppressed_rows(window, 20, 60) == list(range(first, last + 1))


@pytest.mark.parametrize("peak", [0, 59])
def test_blanking_ends_with_the_half(peak):
    rows = suppressed_rows(8, peak, 60)
    assert rows == [row for row in range(peak - 4, peak + 4) if 0 <= row < 60]


@pytest.mark.parametrize("step", [1, -1])
def test_a_monotone_ramp_is_a_chain_of_dependences(step):
    ramp = np.linspace(0.1, 0.9, 1500, dtype=np.float32)[::step, None]
    assert_as_published(ramp, 60, 0.0)
    assert len(suppress(ramp, 60, 0.0).frame) == {1: 49, -1: 50}[step]


def test_threshold_zero_covers_every_row():
    scores = np.random.default_rng(0).random((5399, 2), np.float32)
    peaks = suppress(scores, 60, 0.0)
    for event in range(2):
        frames = np.sort(peaks.frame[peaks.event == event])
        assert 90 <= len(frames) <= 180
        assert np.diff(frames).min() >= 30
        assert np.diff(frames).max() <= 60


def test_a_score_at_the_threshold_is_kept_one_below_is_not():
    at = np.float32(0.3)
    scores = np.array([[at], [0], [0], [np.nextafter(at, np.float32(0))]], np.float32)
    assert suppress(scores, 2, float(at)).frame.tolist() == [0]


def test_nothing_comes_of_an_empty_half():
    peaks = suppress(np.empty((0, 17), np.float32), 60, 0.0)
    assert [len(part) for part in peaks] == [0, 0, 0]


def test_the_scores_are_left_as_they_were_and_come_back_as_they_are():
    scores = np.random.default_rng(1).random((50, 2), np.float32)
    before = scores.copy()
    peaks = suppress(scores, 10, 0.0)
    assert np.array_equal(scores, before)
    assert peaks.confidence.dtype == np.float32
    assert np.array_equal(peaks.confidence, before[peaks.frame, peaks.event])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_refused(bad):
    scores = np.full((30, 2), 0.5, np.float32)
    scores[17, 1] = bad
    with pytest.raises(UserError, match="not finite"):
        suppress(scores, 10, 0.0)


@pytest.mark.parametrize("window", [1, 0, -60])
def test_a_window_that_would_not_blank_its_own_maximum_is_refused(window):
    with pytest.raises(UserError, match=f"at least 2 frames, found {window}"):
        suppress(np.zeros((5, 1), np.float32), window, 0.0)


@pytest.mark.parametrize("threshold", [-1.0, -2.0, float("nan")])
def test_a_threshold_that_blanked_rows_would_reach_is_refused(threshold):
    with pytest.raises(UserError, match="above -1"):
        suppress(np.zeros((5, 1), np.float32), 10, threshold)


def test_what_can_work_is_not_refused():
    check_suppression(2, -0.999)
    assert Suppression(2, -0.999) == Suppression(window_frames=2, threshold=-0.999)
    assert Suppression(60).threshold == 0.0


def test_a_suppression_without_an_answer_is_refused_before_anything_is_computed():
    with pytest.raises(UserError, match="--NMS_window"):
        Suppression(1, 0.0)
    with pytest.raises(UserError, match="--NMS_threshold"):
        Suppression(60, -1.0)
