"""Suppression against recordings, and against the published loop written down once more."""

import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from common.errors import UserError
from common.results.suppression import Suppression, check_suppression, suppress, suppress_softly


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


def soft_loop(column, window, threshold):
    """Soft suppression of one class as it is said: take the first maximum, lower around it."""
    left, rows = column.astype(np.float64), np.arange(len(column))
    found = []
    while left.max() >= max(threshold, 1e-5):
        peak = int(left.argmax())
        found.append((peak, left[peak]))
        left *= np.minimum(1, abs(rows - peak) / (window / 2))
    return found


def assert_softly_as_the_loop(scores, window, threshold):
    peaks = suppress_softly(scores, window, threshold)
    for event in range(scores.shape[1]):
        found, expected = of_class(peaks, event), soft_loop(scores[:, event], window, threshold)
        assert [frame for frame, _ in found] == [frame for frame, _ in expected]
        np.testing.assert_allclose(
            [value for _, value in found], [value for _, value in expected], rtol=1e-6
        )
    assert np.array_equal(peaks.event, np.sort(peaks.event))


@pytest.mark.parametrize("window", [2, 3, 4, 5, 7, 16, 17, 60, 400])
def test_softly_equal_to_the_plain_loop_on_noise(window):
    rng = np.random.default_rng(window)
    for threshold in (0.0, 0.01, 0.5, -0.5):
        scores = rng.random((int(rng.integers(1, 90)), 3), np.float32)
        assert_softly_as_the_loop(scores, window, threshold)


@settings(max_examples=100, deadline=None)
@given(
    arrays(np.float32, st.tuples(st.integers(1, 24), st.integers(1, 2)), elements=st.sampled_from(
        [0.0, 0.25, 0.5, 0.75, 1.0]
    )),
    st.sampled_from([2, 4, 8]),  # whose factors are exact: ties stay ties
    st.sampled_from([0.0, 0.125]),
)  # fmt: skip
def test_softly_equal_to_the_plain_loop_on_ties(scores, window, threshold):
    assert_softly_as_the_loop(scores, window, threshold)


def test_the_soft_example_of_the_docstring():
    peaks = suppress_softly(np.array([[0.8], [0.9], [0.1], [0.8]], np.float32), 4, 0.0)
    assert peaks.frame.tolist() == [1, 3, 0, 2]
    np.testing.assert_allclose(peaks.confidence, [0.9, 0.8, 0.4, 0.025], rtol=1e-6)


def test_an_impulse_lowers_its_surroundings_by_their_distance():
    scores = np.full((41, 1), 0.5, np.float32)
    scores[20] = 1
    first = dict(of_class(suppress_softly(scores, 16, 0.49), 0))
    assert first[20] == 1 and not {row for row in first if 0 < abs(row - 20) < 8}
    alone = np.zeros((41, 1), np.float32)
    alone[20], alone[26] = 1, 0.5
    assert dict(of_class(suppress_softly(alone, 16, 0.0), 0)) == {20: 1.0, 26: 0.375}


def test_softly_no_row_is_kept_twice_and_none_above_its_score():
    scores = np.random.default_rng(2).random((300, 4), np.float32)
    before = scores.copy()
    peaks = suppress_softly(scores, 16, 0.0)
    assert np.array_equal(scores, before)
    assert len({*zip(peaks.frame.tolist(), peaks.event.tolist(), strict=True)}) == len(peaks.frame)
    assert (peaks.confidence <= scores[peaks.frame, peaks.event]).all()
    assert peaks.confidence.min() >= np.float32(1e-5)


@pytest.mark.parametrize("scores", [np.empty((0, 17), np.float32), np.zeros((5, 2), np.float32)])
def test_softly_nothing_comes_of_nothing(scores):
    assert [len(part) for part in suppress_softly(scores, 16, 0.0)] == [0, 0, 0]


def test_soft_peaks_recorded(printed_noise):
    scores = (printed_noise("soft suppression", 300) + 0.5).astype(np.float32).reshape(100, 3)
    peaks = suppress_softly(scores, 16, 0.25)
    assert np.bincount(peaks.event).tolist() == [16, 16, 15]
    assert peaks.frame[:4].tolist() == [85, 70, 0, 45]
    assert peaks.confidence.sum(dtype=float) == pytest.approx(33.3274454, rel=1e-6)


def test_softly_what_cannot_work_is_refused():
    for scores, window, threshold in (([[np.nan]], 8, 0.0), ([[0.5]], 1, 0.0), ([[0.5]], 8, -1.0)):
        with pytest.raises(UserError):
            suppress_softly(np.array(scores, np.float32), window, threshold)


def test_a_suppression_makes_peaks_of_its_kind():
    scores = np.random.default_rng(3).random((60, 2), np.float32)
    for soft, make in ((False, suppress), (True, suppress_softly)):
        found = Suppression(10, 0.1, soft).peaks_of(scores)
        for one, another in zip(found, make(scores, 10, 0.1), strict=True):
            assert np.array_equal(one, another)


def test_every_program_has_both_kinds(repo_root):
    for path in repo_root.glob("*/main.py"):
        program = importlib.import_module(f"{path.parent.name}.main")
        for words, soft in (["--NMS", "soft"], True), (["--NMS=hard"], False):
            args = program.parse_arguments(["--SoccerNet_path", "DATA", *words])
            assert program.suppression_of(args).soft is soft
