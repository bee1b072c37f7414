"""Anchors and draws: recordings, the printed fixture, and what a chunk follows from."""

import numpy as np
import pytest

from common.calf.chunk_draws import Anchors, draw_chunks, find_anchors
from common.calf.chunk_shape import ChunkShape
from common.calf.k_parameters import k_frames
from common.calf.shifts import encode_shifts
from common.data.chunks import place_chunks
from common.data.events import V2_NAMES
from common.errors import UserError

K = k_frames(V2_NAMES, 2)
USUAL = ChunkShape(240, 80)
GOAL, CORNER = V2_NAMES.index("Goal"), V2_NAMES.index("Corner")
CASES = [
    f"{name}_{frames}"
    for name in ("all", "sparse", "dense", "visual", "nonvisual", "short", "gaps", "gap_at_end",
                 "silent")
    for frames in (240, 60)
]  # fmt: skip


def shifts_of(spots, frames=2000):
    where = np.array([frame for frame, _ in spots], np.int64)
    return encode_shifts(where, np.array([event for _, event in spots], np.int64), frames, K)


@pytest.fixture
def fixture_anchors():
    """The half printed in the specification, and one of a single spot."""
    first = shifts_of([(300, GOAL), (900, GOAL), (1000, GOAL), (1500, CORNER)])
    return find_anchors([first, shifts_of([(40, CORNER)], 600)], K, USUAL.frames)


def drawn(anchors, count=4000, shape=USUAL, seed=(0,), frames=(2000, 600), **settings):
    return draw_chunks(anchors, np.array(frames), shape, count, seed, **settings)


@pytest.mark.parametrize("case", CASES)
def test_recorded_anchors(golden, case):
    recorded, name = golden("chunk_anchors.npz"), case.rpartition("_")[0]
    halves = golden("onehot_to_shifts.npz")
    k = halves[f"{name}_K"].astype(np.int64)
    found = find_anchors([halves[f"{name}_shifts"]], k, int(case.rpartition("_")[2]))
    spots = found.group < k.shape[1]
    assert np.array_equal(
        np.stack([found.first, found.group], axis=1)[spots], recorded[f"{case}_events"]
    )
    stretches = np.stack([found.first, found.last], axis=1)[~spots]
    assert np.array_equal(stretches, recorded[f"{case}_empty"])
    assert (found.last[spots] == -1).all()


def test_the_printed_fixture(fixture_anchors):
    rows = list(zip(*vars(fixture_anchors).values(), strict=True))
    assert [row for row in rows if row[0] == GOAL] == [
        (GOAL, 0, 300, -1), (GOAL, 0, 900, -1), (GOAL, 0, 1000, -1)
    ]  # fmt: skip
    assert [row for row in rows if row[0] == CORNER] == [
        (CORNER, 0, 1500, -1),
        (CORNER, 1, 40, -1),
    ]
    assert [row for row in rows if row[0] == 17 and row[1] == 0] == [
        (17, 0, 0, 261), (17, 0, 480, 861), (17, 0, 1650, 2000)
    ]  # fmt: skip


def single(*row):
    """One anchor: group, half, first frame, last frame."""
    return Anchors(*(np.array([value]) for value in row))


def test_a_spot_lies_where_the_network_sees_enough_of_both_sides():
    places = 900 - drawn(single(GOAL, 0, 900, -1)).start
    assert sorted(set(places)) == list(range(81, 161))


def test_stretches_hold_whole_chunks_and_all_their_places_are_used():
    starts = drawn(single(17, 0, 480, 861)).start
    assert sorted(set(starts)) == list(range(480, 861 - 240 + 1))


def test_groups_are_drawn_alike_and_empty_ones_left_out(fixture_anchors):
    draws = drawn(fixture_anchors, 60_000)
    in_second = draws.half == 1  # its corner, half of the corners, and its stretches
    groups = {GOAL: 3, CORNER: 2, 17: int((fixture_anchors.group == 17).sum())}
    second = {GOAL: 0, CORNER: 1, 17: groups[17] - 3}
    expected = sum(second[group] / size for group, size in groups.items()) / 3
    assert in_second.mean() == pytest.approx(expected, abs=0.01)


def test_a_chunk_follows_from_seed_and_number_alone(fixture_anchors):
    whole = drawn(fixture_anchors, 500, seed=(7, 0, 3))
    for count in (1, 2, 77):
        part = drawn(fixture_anchors, count, seed=(7, 0, 3))
        assert np.array_equal(part.start, whole.start[:count])
        assert np.array_equal(part.half, whole.half[:count])
    np.random.seed(1)
    again = drawn(fixture_anchors, 500, seed=(7, 0, 3))
    assert np.array_equal(again.start, whole.start)
    others = [drawn(fixture_anchors, 500, seed=seed) for seed in ((7, 0, 4), (7, 1, 3), (8, 0, 3))]
    assert all(not np.array_equal(other.start, whole.start) for other in others)


def test_chunks_are_moved_inside_their_half():
    start, frames = np.array([-30, 0, 5, 399, 400]), np.array([600, 240, 100, 600, 600])
    assert place_chunks(start, frames, 240).tolist() == [0, 0, 0, 360, 360]
    # The original keeps clear of the last frame. (It fails for halves as short as a chunk.)
    assert place_chunks(start, frames, 240, published=True).tolist() == [0, 0, 0, 359, 359]


def test_nothing_to_draw_from_is_refused():
    crowded = shifts_of([(f, c) for f in range(0, 300, 10) for c in range(17)], 300)
    empty = find_anchors([crowded[:0]], K, 240)
    with pytest.raises(UserError, match="neither a spot nor a stretch"):
        drawn(empty)
    with pytest.raises(UserError, match="neither a spot nor a stretch"):
        drawn(find_anchors([], K, 240))
