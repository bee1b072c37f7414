"""Labels of chunks: recordings, masks at the ends of a half, and what is stored."""

import json
from pathlib import Path

import numpy as np
import pytest

from common.calf.chunk_draws import find_anchors
from common.calf.chunk_labels import (
    MASKED,
    ChunkLabels,
    half_shifts,
    mask_borders,
    tell_late_spots,
)
from common.calf.chunk_shape import ChunkShape
from common.calf.k_parameters import k_frames
from common.calf.shifts import encode_shifts
from common.calf.spot_targets import spot_targets
from common.data.chunks import place_chunks
from common.data.events import SOCCERNET_V2, V2_NAMES
from common.data.labels import parse_labels

K = k_frames(V2_NAMES, 2)
SHAPE = ChunkShape(60, 20)
GOAL, FOUL, CORNER = (V2_NAMES.index(name) for name in ("Goal", "Foul", "Corner"))


def shifts_of(frames, published=False, **spots):
    """Shifts of a half with spots of Goal=[…], Foul=[…], Corner=[…]."""
    events = [V2_NAMES.index(name) for name, own in spots.items() for _ in own]
    places = [frame for own in spots.values() for frame in own]
    return half_shifts(np.array(places, int), np.array(events, int), frames, K, published)


@pytest.fixture
def halves():
    return [
        shifts_of(700, Goal=[200], Foul=[202]),
        shifts_of(650, Foul=[0], Corner=[649]),
        shifts_of(30, Goal=[14]),
    ]


def test_recorded_draws(golden):
    recorded = golden("chunk_sampling.npz")
    shifts = []
    for game, files in golden("chunk_sampling_labels.json").items():
        content = files["Labels-v2.json"]
        text = content if isinstance(content, str) else json.dumps(content)
        labels = parse_labels(text.encode(), game, SOCCERNET_V2)
        for half in (1, 2):
            ours = labels.half == half
            frames = np.minimum(labels.frames(2)[ours], 1299)
            shifts.append(encode_shifts(frames, labels.event[ours], 1300, K))
    anchors = find_anchors(shifts, K, SHAPE.frames)
    data = ChunkLabels(shifts, K, SHAPE, published=True)
    for name in ("group", "half", "first", "last"):
        assert np.array_equal(getattr(data.anchors, name), getattr(anchors, name))
    frames = np.array([1300])
    for row, labels, targets in zip(
        recorded["draws"], recorded["labels"], recorded["targets"], strict=True
    ):
        group, place, third, half, first, last, start = row.tolist()
        anchor = np.flatnonzero(anchors.group == group)[place]
        found = [int(column[anchor]) for column in (anchors.half, anchors.first, anchors.last)]
        assert found == [half, first, last]
        wanted = third if group == 17 else first + third
        placed = place_chunks(np.array([wanted]), frames, SHAPE.frames, published=True)
        assert placed.tolist() == [start]
        chunk = data.cut(np.array([half]), placed)
        assert np.array_equal(chunk[0], labels)
        assert np.array_equal(spot_targets(chunk, 15)[0], targets)


def test_cutting_never_changes_what_is_stored(halves):
    data = ChunkLabels(halves, K, SHAPE)
    kept = [shift.copy() for shift in halves]
    for epoch in range(3):
        drawn = data.draw(200, 1, epoch)
        data.cut(drawn.half, drawn.start)[:] = 7
    for shift, before in zip(data.shifts, kept, strict=True):
        assert np.array_equal(shift, before)


def test_spots_and_stretches_are_counted(halves):
    data = ChunkLabels(halves, K, SHAPE)
    assert data.spots == 5
    assert (data.anchors.last >= 0).sum() == len(data.anchors.last) - 5
    assert data.frames.tolist() == [700, 650, 30]


@pytest.mark.parametrize("published", [False, True])
def test_a_chunk_is_the_shifts_of_its_frames_where_nothing_is_masked(halves, published):
    data = ChunkLabels(halves, K, SHAPE, published)
    half, start = np.array([0, 1, 1]), np.array([170, 0, 590])
    found = data.cut(half, start)
    for chunk, number, first in zip(found, half, start, strict=True):
        assert np.array_equal(chunk[10:50], halves[number][first + 10 : first + 50])


def test_borders_are_masked_but_for_the_ends_of_the_half():
    shape = ChunkShape(60, 21)  # masks 11 frames
    frames, start = np.array([200, 200, 200, 60]), np.array([0, 70, 140, 0])
    masked = np.zeros((4, 60, 2), np.int16)
    mask_borders(masked, start, frames, shape)
    whole, left, right = [0] * 60, [MASKED] * 11 + [0] * 49, [0] * 49 + [MASKED] * 11
    both = [MASKED] * 11 + [0] * 38 + [MASKED] * 11
    assert masked[..., 0].tolist() == [right, both, left, whole]
    assert np.array_equal(masked[..., 0], masked[..., 1])
    mask_borders(masked, start, frames, shape, published=True)
    assert masked[..., 0].tolist() == [both] * 4


def test_frames_behind_a_short_half_are_masked(halves):
    for published in (False, True):
        (chunk,) = ChunkLabels(halves, K, SHAPE, published).cut(np.array([2]), np.array([0]))
        assert (chunk[30:] == MASKED).all()
        assert chunk[14, GOAL] == 0


@pytest.mark.parametrize(("published", "last"), [(False, []), (True, [399])])
def test_spots_behind_the_half_count_at_its_last_frame_in_the_original_alone(published, last):
    shifts = shifts_of(400, published, Corner=[6000], Goal=[400], Foul=[399])
    for event in (CORNER, GOAL):
        assert np.flatnonzero(shifts[:, event] == 0).tolist() == last
    assert np.flatnonzero(shifts[:, FOUL] == 0).tolist() == [399]


@pytest.mark.parametrize("published", [False, True])
def test_nothing_is_told_without_late_spots(published, caplog):
    tell_late_spots({(Path("game"), 1): 0, (Path("game"), 2): 0}, 2, published)
    tell_late_spots({}, 2, published)
    assert not caplog.records


def test_labels_are_kept_small_and_what_is_far_stays_far():
    shifts = shifts_of(70_000, Goal=[3])
    assert shifts.dtype == np.int16
    exact = encode_shifts(np.array([3]), np.array([GOAL]), 70_000, K)
    assert np.array_equal(shifts[:30_000], exact[:30_000])
    assert (shifts[40_000:, GOAL] == np.iinfo(np.int16).max).all()
