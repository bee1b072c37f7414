"""Shift encoding: recordings, the printed fixture, and a literal loop over frames."""

import json

import numpy as np
import pytest

from common.calf.k_parameters import k_frames
from common.calf.shifts import encode_shifts
from common.data.events import SOCCERNET_V2, V2_NAMES
from common.data.labels import parse_labels

K = k_frames(V2_NAMES, 2)
CASES = (
    "all", "sparse", "dense", "visual", "nonvisual", "short", "gaps", "gap_at_end", "silent"
)  # fmt: skip


def literal(spots, frames, k):
    """The rule for one class, frame by frame."""
    K1, K2, K3, K4 = map(int, k)
    spots = sorted(set(spots))
    if not spots:
        return [K1] * frames
    if len(spots) == 1:
        return [j - spots[0] for j in range(frames)]
    padded = [-K4, *spots, frames - K1]
    out = []
    for j in range(frames):
        since = j - max(e for e in padded if e <= j)
        until = j - min(e for e in padded if e > j)
        if since < K3:
            out.append(since)
        elif since >= K4:
            out.append(until)
        elif until <= K1 or (since - K3) / (K4 - K3) < (K2 - until) / (K2 - K1):
            out.append(since)
        else:
            out.append(until)
    return out


@pytest.mark.parametrize("case", CASES)
def test_recorded_shifts(golden, case):
    recorded = golden("onehot_to_shifts.npz")
    frames, events = np.nonzero(recorded[f"{case}_onehot"])
    k = recorded[f"{case}_K"].astype(np.int64)
    found = encode_shifts(frames, events, len(recorded[f"{case}_onehot"]), k)
    assert np.array_equal(found, recorded[f"{case}_shifts"])


def test_recorded_label_files(golden):
    recorded = golden("label_vectors.npz")
    number = 0
    for game, files in golden("label_files.json").items():
        content = files["Labels-v2.json"]
        text = content if isinstance(content, str) else json.dumps(content)
        labels = parse_labels(text.encode(), game, SOCCERNET_V2)
        for half in (1, 2):
            expected = recorded[f"calf_train_shifts_{number}"]
            ours, last = labels.half == half, len(expected) - 1
            frames = np.minimum(labels.frames(2)[ours], last)
            found = encode_shifts(frames, labels.event[ours], len(expected), K)
            assert np.array_equal(found, expected)
            number += 1
    assert number == 4


def test_the_printed_fixture():
    goal, corner, penalty = (V2_NAMES.index(name) for name in ("Goal", "Corner", "Penalty"))
    frames, events = np.array([300, 900, 1000, 1500]), np.array([goal, goal, goal, corner])
    shifts = encode_shifts(frames, events, 2000, K)
    places = [0, 259, 300, 479, 480, 860, 899, 950, 999, 1000, 1100, 1180, 1999]
    expected = [-300, -41, 0, 179, -420, -40, -1, 50, 99, 0, 100, -860, -41]
    assert shifts[places, goal].tolist() == expected
    assert shifts[[0, 1999], corner].tolist() == [-1500, 499]
    assert set(shifts[:, penalty].tolist()) == {-200}


def test_the_example_of_the_docstring():
    found = encode_shifts(
        np.array([5, 14]), np.array([0, 0]), 20, np.array([[-4], [-2], [3], [6]])
    )[:, 0]
    expected = [-5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, -3, -2, -1, 0, 1, 2, 3, 4, 5]
    assert found.tolist() == expected


@pytest.mark.parametrize("seed", range(20))
def test_equals_a_literal_loop(seed):
    rng = np.random.default_rng(seed)
    C, frames = 5, int(rng.integers(1, 300))
    k = np.sort(rng.integers(1, 60, (2, C)), axis=0)
    k[1] += k[0] == k[1]
    after = np.sort(rng.integers(1, 60, (2, C)), axis=0)
    after[1] += after[0] == after[1]
    k = np.concatenate([-k[::-1], after])
    count = int(rng.integers(0, 25))
    spots, events = rng.integers(0, frames, count), rng.integers(0, C, count)
    found = encode_shifts(spots, events, frames, k)
    for c in range(C):
        assert found[:, c].tolist() == literal(spots[events == c].tolist(), frames, k[:, c])


def test_zero_marks_exactly_the_spots_whatever_their_order_and_number():
    rng = np.random.default_rng(0)
    spots, events = rng.integers(0, 900, 400), rng.integers(0, 17, 400)
    shifts = encode_shifts(spots, events, 900, K)
    assert set(zip(*np.nonzero(shifts == 0), strict=True)) == set(zip(spots, events, strict=True))
    order = rng.permutation(400)
    assert np.array_equal(encode_shifts(spots[order], events[order], 900, K), shifts)


def test_no_spots_at_all():
    none = np.empty(0, np.int64)
    assert np.array_equal(encode_shifts(none, none, 7, K), np.tile(K[0], (7, 1)))
