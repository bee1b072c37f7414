"""A half as overlapping chunks, and the chunks' frames put together again.

Each chunk answers for its inside; its border, of half the receptive field, is left to the
neighbours, except at the ends of the half.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.calf.chunk_shape import ChunkShape


class Owners(NamedTuple):
    """Which chunk answers for each frame of a half, and where in it the frame lies: [n] each."""

    chunk: NDArray[np.int64]
    position: NDArray[np.int64]


def chunk_starts(frames: int, shape: ChunkShape, published: bool = False) -> NDArray[np.int64]:
    """First frame of each chunk of a half: [M]. The last chunk ends with the half.

    A half shorter than a chunk is one chunk from frame 0, which repeats its last frame. The
    original makes a chunk more for some lengths, and advances by a frame less if R is odd.
    """
    last = max(0, frames - shape.frames)
    if published:
        stride = shape.frames - shape.receptive_frames
        count = max(1, -(-(frames - 1) // stride))
        return np.append(stride * np.arange(count - 1), last)
    return np.append(np.arange(0, last, shape.frames - 2 * shape.border), last)


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
    begins = starts + shape.border
    begins[0] = 0
    frame = np.arange(frames)
    chunk = np.searchsorted(begins[:-1], frame, side="right") - 1
    # The last chunk goes first, as it reaches back over others.
    chunk[frame >= begins[-1]] = len(starts) - 1
    return Owners(chunk, frame - starts[chunk])
