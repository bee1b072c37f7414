"""Chunks of halves: drawn to train on; or overlapping, and their frames put together again.

Each of overlapping chunks answers for its inside; its border is left to the neighbours, except at
the ends of the half.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Draws(NamedTuple):
    """Half and first frame of each chunk that is drawn: [n] each."""

    half: NDArray[np.int64]
    start: NDArray[np.int64]


def draw_uniformly(
    frames: NDArray[np.int64], chunk_frames: int, count: int, seed: Sequence[int]
) -> Draws:
    """Draws `count` chunks, any frame of any half being as likely as another to be the middle.

    Those that would reach out of their half are moved inside. Chunk i depends on `seed` and i
    alone, whatever the count.

    Args:
        frames: number of frames of each half, [H].
        seed: of these draws.
    """
    ends = np.cumsum(frames)
    middle = (np.random.default_rng(list(seed)).random(count) * ends[-1]).astype(np.int64)
    half = np.searchsorted(ends, middle, side="right")
    start = middle - (ends - frames)[half] - chunk_frames // 2
    return Draws(half, place_chunks(start, frames[half], chunk_frames))


def place_chunks(
    start: NDArray[np.int64],
    frames: NDArray[np.int64],
    chunk_frames: int,
    published: bool = False,
) -> NDArray[np.int64]:
    """Moves chunks that reach out of their half inside it.

    The original of CALF keeps the last frame of a half out of every chunk.
    """
    last = np.maximum(frames - chunk_frames - published, 0)
    return np.clip(start, 0, last)


class Owners(NamedTuple):
    """Which chunk answers for each frame of a half, and where in it the frame lies: [n] each."""

    chunk: NDArray[np.int64]
    position: NDArray[np.int64]


def overlapping_starts(frames: int, chunk_frames: int, border: int) -> NDArray[np.int64]:
    """First frame of each chunk of a half: [M]. The last chunk ends with the half.

    A half shorter than a chunk is one chunk from frame 0.

    Args:
        border: frames at either end that are left to the neighbours, less than half a chunk.
    """
    last = max(0, frames - chunk_frames)
    return np.append(np.arange(0, last, chunk_frames - 2 * border), last)


def owners_of_frames(frames: int, starts: NDArray[np.int64], border: int) -> Owners:
    """Chunk and position of each of `frames` frames, for chunks that begin at `starts` [M]."""
    begins = starts + border
    begins[0] = 0
    frame = np.arange(frames)
    chunk = np.searchsorted(begins[:-1], frame, side="right") - 1
    # The last chunk goes first, as it reaches back over others.
    chunk[frame >= begins[-1]] = len(starts) - 1
    return Owners(chunk, frame - starts[chunk])
