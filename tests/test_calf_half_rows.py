"""Chunks of a half and their frames put together again: recordings, and who owns what."""

import numpy as np
import pytest

from common.calf.chunk_shape import ChunkShape
from common.calf.half_rows import chunk_starts, frame_owners
from common.calf.spot_targets import decode_spots
from common.data.frame_rows import window_rows
from common.errors import UserError

USUAL = ChunkShape(240, 80)


@pytest.mark.parametrize("case", ["usual", "exact", "small", "odd", "oneplus"])
def test_recorded_stitching(golden, case):
    recorded = golden("stitch_chunks.npz")
    frames, T, R = recorded[f"{case}_sizes"].tolist()
    owners = frame_owners(frames, ChunkShape(T, R), published=True)
    cells = decode_spots(recorded[f"{case}_spot"], T, published=True)
    expected = recorded[f"{case}_timestamps"]
    assert np.array_equal(cells[owners.chunk, owners.position], expected)
    if f"{case}_seg" in recorded:
        stitched = recorded[f"{case}_seg"][owners.chunk, owners.position]
        best = np.eye(stitched.shape[1])[stitched.argmax(axis=1)]
        assert np.array_equal(best, recorded[f"{case}_segmentation"])


@pytest.mark.parametrize(
    "key",
    ["calf_1003_160_240", "calf_721_160_240", "calf_801_160_240", "calf_500_40_60",
     "calf_300_28_40"],
)  # fmt: skip
def test_recorded_rows_of_chunks(golden, key):
    frames, stride, T = map(int, key.split("_")[1:])
    starts = chunk_starts(frames, ChunkShape(T, T - stride), published=True)
    assert np.array_equal(window_rows(starts, T, frames), golden("feats2clip.npz")[key])


@pytest.mark.parametrize(
    ("frames", "early"),
    [(321, 0), (400, 0), (401, 0), (480, 0), (560, 0), (322, 78), (323, 77), (559, 1)],
)
def test_the_original_puts_the_end_of_some_halves_too_early(frames, early):
    starts = chunk_starts(frames, USUAL, published=True)
    owners = frame_owners(frames, USUAL, published=True)
    real = starts[owners.chunk] + owners.position  # the frame whose features were looked at
    assert real[-1] - (frames - 1) == early


@pytest.mark.parametrize("published", [False, True])
def test_where_the_original_is_right_both_protocols_agree(published):
    for frames in (400, 401, 480, 560, 5400 + 79, 5361):
        if (frames - 1) % 160 in range(1, 79):
            continue
        starts = chunk_starts(frames, USUAL, published)
        chunk, position = frame_owners(frames, USUAL, published)
        assert np.array_equal(starts[chunk] + position, np.arange(frames))
        assert np.array_equal(position, frame_owners(frames, USUAL).position)


@pytest.mark.parametrize(
    "shape", [USUAL, ChunkShape(41, 13), ChunkShape(50, 17), ChunkShape(16, 2)]
)
def test_each_frame_is_its_own_and_is_owned_where_its_chunk_sees_enough(shape):
    for frames in [*range(1, 700), 5400, 7441]:
        starts = chunk_starts(frames, shape)
        chunk, position = frame_owners(frames, shape)
        assert np.array_equal(starts[chunk] + position, np.arange(frames))
        assert (starts >= 0).all()
        assert starts[-1] == max(0, frames - shape.frames)
        seen_before = (position >= shape.border) | (chunk == 0)
        last = len(starts) - 1
        seen_after = (position < shape.frames - shape.border) | (chunk == last)
        assert (seen_before & seen_after).all()


def test_no_chunk_is_superfluous():
    for frames in range(1, 2000):
        owners = frame_owners(frames, USUAL)
        count = len(chunk_starts(frames, USUAL))
        assert set(owners.chunk) == set(range(count))


@pytest.mark.parametrize(
    "sizes", [(160, 80), (240, 120), (15, 2), (240, 1), (240, 0), (240, 80, 0)]
)
def test_sizes_that_cannot_work_are_refused(sizes):
    with pytest.raises(UserError, match=r"--chunk_size|receptive field|--num_detections"):
        ChunkShape(*sizes)
