"""Which chunks training sees: around spots of each class in turn, or far from all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.calf.chunk_shape import ChunkShape
from common.data.chunks import Draws, place_chunks
from common.errors import UserError


@dataclass(frozen=True)
class Anchors:
    """Where chunks can be drawn, one array entry per anchor, in order of their group.

    Group c < C holds the spots of class c, group C the stretches without any influence of a spot
    that a whole chunk fits into. Inside a group they come by half and time.
    """

    group: NDArray[np.int64]
    half: NDArray[np.int64]
    first: NDArray[np.int64]  # frame of the spot, or first frame of the stretch
    last: NDArray[np.int64]  # one frame past the stretch; -1 for spots


def find_anchors(
    shifts: Sequence[NDArray], k_frames: NDArray[np.int64], chunk_frames: int
) -> Anchors:
    """Anchors of all halves, from their shifts [T, C].

    Example: the fixture of 2000 frames with goals at 300, 900, 1000 and a corner at 1500 has the
    stretches 0…260, 480…860 and 1650…1999.
    """
    parts = []
    for half, shift in enumerate(shifts):
        frame, event = np.nonzero(shift == 0)
        parts.append(_rows(event, half, frame, np.full_like(frame, -1)))
        free = ((shift <= k_frames[0]) | (shift >= k_frames[3])).all(axis=1)
        edges = np.diff(free.astype(np.int8), prepend=0, append=0)
        begin, end = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
        long = end - begin >= chunk_frames
        group = np.full(int(long.sum()), k_frames.shape[1])
        parts.append(_rows(group, half, begin[long], end[long]))
    rows = np.concatenate(parts, axis=1) if parts else np.empty((4, 0), np.int64)
    return Anchors(*rows[:, np.lexsort((rows[2], rows[1], rows[0]))])


def _rows(
    group: NDArray[np.int64], half: int, first: NDArray[np.int64], last: NDArray[np.int64]
) -> NDArray[np.int64]:
    return np.stack([group, np.full_like(first, half), first, last])


def draw_chunks(
    anchors: Anchors,
    frames: NDArray[np.int64],
    shape: ChunkShape,
    count: int,
    seed: Sequence[int],
    *,
    published: bool = False,
) -> Draws:
    """Draws `count` chunks: first a group, then one of its anchors, then where the chunk begins.

    Around a spot the chunk begins T - R to R + 1 frames before it, so that the spot lies at
    position R + 1…T - R. Chunk i depends on `seed` and i alone, whatever the count.

    Args:
        frames: number of frames of each half.
        seed: of these draws.
        published: see `place_chunks`.

    Raises:
        UserError: there is not a single anchor.
    """
    groups, begin, size = np.unique(anchors.group, return_index=True, return_counts=True)
    if not len(groups):
        raise UserError(
            "there is neither a spot nor a stretch without spots to draw chunks from; check the "
            "labels and --chunk_size"
        )
    uniform = np.random.default_rng(list(seed)).random((count, 3))  # row i is chunk i's
    group = (uniform[:, 0] * len(groups)).astype(np.int64)
    anchor = begin[group] + (uniform[:, 1] * size[group]).astype(np.int64)
    half, first, last = anchors.half[anchor], anchors.first[anchor], anchors.last[anchor]
    T, R = shape.frames, shape.receptive_frames
    around = last < 0
    choices = np.where(around, T - 2 * R, last - first - T + 1)
    number = (uniform[:, 2] * choices).astype(np.int64)
    start = np.where(around, first - (T - R) + number, first + number)
    return Draws(half, place_chunks(start, frames[half], T, published))
