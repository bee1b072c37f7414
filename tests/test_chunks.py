"""Chunks of halves: draws that follow from seed and index, owners of frames."""

import numpy as np
import pytest

from common.data.chunks import draw_uniformly, overlapping_starts, owners_of_frames


def test_a_chunk_follows_from_its_seed_and_number_alone():
    frames = np.array([500, 40, 900])
    many, few = (draw_uniformly(frames, 64, count, [3, 0, 7]) for count in (1000, 10))
    for one, another in zip(many, few, strict=True):
        assert np.array_equal(one[:10], another)
    other = draw_uniformly(frames, 64, 1000, [3, 0, 8])
    assert not np.array_equal(many.start, other.start)


def test_draws_recorded():
    half, start = draw_uniformly(np.array([500, 40, 900]), 64, 6, [3, 0, 7])
    assert half.tolist() == [2, 2, 2, 2, 2, 1]
    assert start.tolist() == [309, 239, 571, 713, 71, 0]


def test_chunks_lie_inside_and_every_frame_is_as_likely_a_middle():
    frames = np.array([300, 100, 64, 10])
    half, start = draw_uniformly(frames, 64, 60_000, [1])
    assert (start >= 0).all() and (start + 64 <= np.maximum(frames[half], 64)).all()
    shares = np.bincount(half, minlength=4) / 60_000
    assert shares == pytest.approx(frames / frames.sum(), abs=0.01)
    inside = (start > 0) & (start < 236) & (half == 0)
    counts = np.bincount(start[inside], minlength=236)[1:]
    assert counts.mean() == pytest.approx(60_000 / frames.sum(), rel=0.03)
    ends = [(start[half == 0] == edge).mean() for edge in (0, 236)]
    assert ends == pytest.approx([33 / 300, 32 / 300], abs=0.01)


def test_owners_without_a_border_are_the_chunks_in_order():
    assert overlapping_starts(100, 32, 0).tolist() == [0, 32, 64, 68]
    chunk, position = owners_of_frames(100, overlapping_starts(100, 32, 0), 0)
    assert chunk.tolist() == [0] * 32 + [1] * 32 + [2] * 4 + [3] * 32
    assert position[[0, 31, 32, 67, 68, 99]].tolist() == [0, 31, 0, 3, 0, 31]
