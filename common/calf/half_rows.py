"""A half as overlapping chunks whose border is half the receptive field, today and as published."""

import numpy as np
from numpy.typing import NDArray

from common.calf.chunk_shape import ChunkShape
from common.data.chunks import Owners, overlapping_starts, owners_of_frames


def chunk_starts(frames: int, shape: ChunkShape, published: bool = False) -> NDArray[np.int64]:
    """First frame of each chunk of a half: [M]. The last chunk ends with the half.

    A half shorter than a chunk is one chunk from frame 0, which repeats its last frame. The
    original makes a chunk more for some lengths, and advances by a frame less if R is odd.
    """
    if not published:
        return overlapping_starts(frames, shape.frames, shape.border)
    stride = shape.frames - shape.receptive_frames
    count = max(1, -(-(frames - 1) // stride))
    return np.append(stride * np.arange(count - 1), max(0, frames - shape.frames))


def frame_owners(frames: int, shape: ChunkShape, published: bool = False) -> Owners:
    """Chunk and position of each frame of a half, for chunks at `chunk_starts`.

    The original assumes the starts it puts chunks together at, instead of those it cut them at.
    For about half of all lengths it takes the last chunk but one for the last, and puts its frames
    up to R - 2 frames too early. Where it is right, both are the same.
    """
    stride = shape.frames - 2 * shape.border
    if published and frames >= shape.frames:
        last = frames - shape.frames
        starts = np.append(stride * np.arange(max(1, -(-last // stride))), last)
    else:
        starts = chunk_starts(frames, shape)
    return owners_of_frames(frames, starts, shape.border)
