"""Targets of dense anchors and the displacement of confidences, against plain forms."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from DenseAnchors.displacement import displace
from DenseAnchors.targets import anchor_targets, nearest_offsets


def plain_offsets(spot_frames, spot_events, frames, classes, reach):
    """Anchor by anchor: the event of its class that is nearest, of two the earlier."""
    out = np.full((frames, classes), reach + 1)
    for frame in range(frames):
        for event in range(classes):
            own = sorted(f for f, e in zip(spot_frames, spot_events, strict=True) if e == event)
            own = [f - frame for f in own if 0 <= f < frames and abs(f - frame) <= reach]
            if own:
                out[frame, event] = min(own, key=abs)
    return out


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(1, 40), st.integers(1, 3), st.integers(0, 9))
def test_offsets_are_those_of_the_plain_form(data, frames, classes, reach):
    count = data.draw(st.integers(0, 8))
    spots = st.lists(st.integers(-3, frames + 5), min_size=count, max_size=count)
    events = st.lists(st.integers(0, classes - 1), min_size=count, max_size=count)
    spots, events = np.array(data.draw(spots), int), np.array(data.draw(events), int)
    found = nearest_offsets(spots, events, frames, classes, reach)
    assert found.dtype == np.int8
    assert np.array_equal(found, plain_offsets(spots, events, frames, classes, reach))


def test_the_example_of_the_docstring():
    offsets = nearest_offsets(np.array([6, 2]), np.array([0, 0]), 8, 1, 1)
    assert offsets[:, 0].tolist() == [2, 1, 0, -1, 2, 1, 0, -1]


@pytest.mark.parametrize(("reach", "kind"), [(126, np.int8), (127, np.int16), (40_000, np.int32)])
def test_offsets_are_as_small_as_they_can_be(reach, kind):
    offsets = nearest_offsets(np.array([0]), np.array([0]), 3, 1, reach)
    assert offsets.dtype == kind
    assert offsets[:, 0].tolist() == [0, -1, -2]


def test_targets_by_hand():
    offsets = torch.tensor([7, 6, 3, 2, 0, -1, -3, -6, -7, 13], dtype=torch.int8)
    confidence, displacement, known = anchor_targets(offsets, 2, 6)
    assert confidence.tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0, 0]
    expected = [0, 1, 3 / 6, 2 / 6, 0, -1 / 6, -3 / 6, -1, 0, 0]
    assert torch.allclose(displacement, torch.tensor(expected))
    assert known.tolist() == [False] + [True] * 7 + [False] * 2


def test_a_radius_beyond_that_of_displacements_is_one_too():
    confidence, displacement, known = anchor_targets(torch.tensor([5, -9, 11]), 10, 6)
    assert confidence.tolist() == [1, 1, 0]
    assert known.tolist() == [True, False, False]
    assert torch.allclose(displacement, torch.tensor([5 / 6, 0, 0]))


def plain_displace(confidences, displacements):
    """Anchor by anchor."""
    T, C = confidences.shape
    moved = np.zeros_like(confidences)
    for frame in range(T):
        for event in range(C):
            place = min(max(frame + round(float(displacements[frame, event])), 0), T - 1)
            moved[place, event] = max(moved[place, event], confidences[frame, event])
    return moved


@pytest.mark.parametrize("frames", [1, 2, 7, 60])
def test_confidences_are_moved_as_by_the_plain_form(frames):
    rng = np.random.default_rng(frames)
    for _ in range(10):
        confidences = rng.random((frames, 3), np.float32)
        way = rng.uniform(-12, 12, (frames, 3)).astype(np.float32)
        way[rng.random(way.shape) < 0.3] = 0.5  # between two frames
        before = confidences.copy(), way.copy()
        found = displace(confidences, way)
        assert found.dtype == np.float32
        assert np.array_equal(found, plain_displace(confidences, way))
        assert np.array_equal(confidences, before[0]) and np.array_equal(way, before[1])


def test_moved_confidences_recorded(printed_noise):
    sure = (printed_noise("dense confidences", 300) + 0.5).astype(np.float32).reshape(100, 3)
    way = (20 * printed_noise("dense ways", 300)).astype(np.float32).reshape(100, 3)
    moved = displace(sure, way)
    assert (moved > 0).sum(axis=0).tolist() == [66, 59, 64]
    assert (moved * np.arange(100)[:, None]).sum(dtype=float) == pytest.approx(5354.44827, rel=1e-6)


def test_the_example_of_displacement():
    one = np.array([[0.2], [0.9], [0.6]], np.float32)
    assert displace(one, np.array([[1], [1], [0]], np.float32))[:, 0].tolist() == [
        0, np.float32(0.2), np.float32(0.9),
    ]  # fmt: skip
    assert displace(one[:0], one[:0]).shape == (0, 1)


def test_right_displacements_put_all_confidence_on_the_event():
    offsets = nearest_offsets(np.array([20, 50]), np.array([1, 1]), 80, 2, 12)
    _, way, known = anchor_targets(torch.from_numpy(offsets), 6, 12)
    moved = displace(known.float().numpy(), (way * 12).numpy())
    assert np.argwhere(moved > 0).tolist() == [[20, 1], [50, 1]]


@pytest.mark.parametrize("reach", [126, 127, 128, 32_766, 32_767])
def test_the_integers_hold_what_is_far(reach):
    """127 fits into 8 bits, and that one frame more is far does not."""
    spots, events = np.array([200]), np.array([0])
    found = nearest_offsets(spots, events, 400, 1, reach)
    assert np.array_equal(found, plain_offsets(spots, events, 400, 1, reach))
    known = anchor_targets(torch.from_numpy(found), 1, reach)[2]
    assert int(known.sum()) == min(400, 2 * reach + 1)
    np.full(3, reach + 1, found.dtype)  # as chunks are filled up
