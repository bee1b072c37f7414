"""Labels of chunks, cut from the shifts of all halves, masked where a chunk sees too little."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.calf.chunk_draws import draw_chunks, find_anchors
from common.calf.chunk_shape import ChunkShape
from common.calf.shifts import encode_shifts
from common.data.chunks import Draws
from common.errors import counted, log

MASKED = -1  # the shift just before an action, from which no class takes a loss
_FARTHEST = np.iinfo(np.int16).max  # frames; context parameters are far below


def half_shifts(
    spot_frames: NDArray[np.int64],
    spot_events: NDArray[np.int64],
    frames: int,
    k_frames: NDArray[np.int64],
    published: bool = False,
) -> NDArray[np.int16]:
    """Shifts of a half, [T, C], in little memory: see `encode_shifts`.

    What is farther than 16 bits can say is far away all the same.

    Args:
        published: spots behind the half count at its last frame, as in the original; else they are
            left out, as nothing in its last frame shows them.
    """
    if published:
        spot_frames = np.minimum(spot_frames, frames - 1)
    inside = spot_frames < frames
    shifts = encode_shifts(spot_frames[inside], spot_events[inside], frames, k_frames)
    return np.clip(shifts, -_FARTHEST, _FARTHEST).astype(np.int16)


def tell_late_spots(
    late: Mapping[tuple[Path, int], int], framerate: float, published: bool = False
) -> None:
    """Says in the log how many spots lie behind their half, and what became of them.

    Args:
        late: folder of a game and number of a half -> spots behind its last row.
    """
    if total := sum(late.values()):
        folder, half = max(late, key=lambda key: late[key])
        log.warning(
            "%s behind the last row of their half and %s; most of them (%d) in half %d of %s: are "
            "there %g rows per second (--framerate), and all of them?",
            counted(total, "spot") + (" lies" if total == 1 else " lie"),
            "count at that row, as in the original" if published else "are left out",
            late[folder, half], half, folder, framerate,
        )  # fmt: skip


class ChunkLabels:
    """The shifts of all halves, and where chunks can be drawn from them.

    Args:
        shifts: [T, C] of each half, see `encode_shifts`; never written to.
        k_frames: [4, C].
        shape: sizes of a chunk.
        published: draw and mask as the original at the ends of a half, see `mask_borders`.
    """

    def __init__(
        self,
        shifts: Sequence[NDArray],
        k_frames: NDArray[np.int64],
        shape: ChunkShape,
        published: bool = False,
    ) -> None:
        self.shifts, self.shape, self.published = shifts, shape, published
        self.frames = np.array([len(shift) for shift in shifts])
        self.anchors = find_anchors(shifts, k_frames, shape.frames)

    @property
    def spots(self) -> int:
        """Number of anchors that are spots; the others are stretches without any."""
        return int((self.anchors.last < 0).sum())

    def draw(self, count: int, *seed: int) -> Draws:
        """Chunks of an epoch: chunk i follows from the seed and i alone."""
        return draw_chunks(
            self.anchors, self.frames, self.shape, count, seed, published=self.published
        )

    def cut(self, half: NDArray[np.int64], start: NDArray[np.int64]) -> NDArray[np.integer]:
        """Shifts of chunks, borders and frames behind the half masked: [B, T, C]. A copy."""
        T = self.shape.frames
        out = np.empty((len(half), T, self.shifts[0].shape[1]), self.shifts[0].dtype)
        for label, number, first in zip(out, half.tolist(), start.tolist(), strict=True):
            inside = self.shifts[number][first : first + T]
            label[: len(inside)] = inside
            label[len(inside) :] = MASKED
        mask_borders(out, start, self.frames[half], self.shape, self.published)
        return out


def mask_borders(
    shifts: NDArray,
    start: NDArray[np.int64],
    frames: NDArray[np.int64],
    shape: ChunkShape,
    published: bool = False,
) -> None:
    """Masks the frames at either end of chunks [B, T, C] that see only half of their context.

    Frames at the very beginning and end of a half have no more context than that, and are spotted
    from these same positions. They keep their labels; in the original no spot near the end of a
    half was ever learnt.
    """
    begin = np.ones(len(start), bool) if published else start > 0
    end = np.ones(len(start), bool) if published else start + shape.frames < frames
    position = np.arange(shape.frames)
    masked = begin[:, None] & (position < shape.masked)
    masked |= end[:, None] & (position >= shape.frames - shape.masked)
    shifts[masked] = MASKED
