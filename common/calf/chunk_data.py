"""Chunks of two minutes with their labels, drawn anew in each epoch, read from memory maps."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from common.calf.chunk_draws import Draws, draw_chunks, find_anchors
from common.calf.chunk_shape import ChunkShape
from common.calf.half_inputs import FurtherRows, HalfPlace, Sight
from common.calf.shifts import encode_shifts
from common.calf.spot_targets import spot_targets
from common.data.events import EventClasses
from common.data.frame_rows import FrameRows, MappedRows
from common.data.labelled_halves import labelled_halves
from common.data.labels import TimeField
from common.training.batches import Epochs

MASKED = -1  # the shift just before an action, from which no class takes a loss
_FARTHEST = np.iinfo(np.int16).max  # frames; context parameters are far below


class ChunkDataset:
    """Features and shifts of all halves, from which chunks are drawn.

    Args:
        rows: features of the halves, first of what a chunk holds.
        shifts: [T, C] of each half, see `encode_shifts`; never written to.
        k_frames: [4, C].
        shape: sizes of a chunk.
        published: draw and mask as the original at the ends of a half, see `mask_borders`.
        further: what else a chunk holds of each frame.
    """

    def __init__(
        self,
        rows: FrameRows,
        shifts: Sequence[NDArray],
        k_frames: NDArray[np.int64],
        shape: ChunkShape,
        published: bool = False,
        further: Sequence[FurtherRows] = (),
    ) -> None:
        self.rows, self.shape, self.published = rows, shape, published
        self.further = further
        self.frames = np.array([len(shift) for shift in shifts])
        self.anchors = find_anchors(shifts, k_frames, shape.frames)
        self._shifts = shifts

    @property
    def dimension(self) -> int:
        """D, features per frame."""
        return self.rows.halves[0].dimension

    def draw(self, count: int, *seed: int) -> "DrawnChunks":
        """Chunks of an epoch: chunk i follows from the seed and i alone."""
        draws = draw_chunks(self.anchors, self.frames, self.shape, count, seed, self.published)
        return DrawnChunks(self, draws)

    def labels(self, half: NDArray[np.int64], start: NDArray[np.int64]) -> NDArray[np.integer]:
        """Shifts of chunks, borders and frames behind the half masked: [B, T, C]. A copy."""
        T = self.shape.frames
        out = np.empty((len(half), T, self._shifts[0].shape[1]), self._shifts[0].dtype)
        for label, number, first in zip(out, half.tolist(), start.tolist(), strict=True):
            inside = self._shifts[number][first : first + T]
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


@dataclass(frozen=True)
class DrawnChunks:
    """The chunks of one epoch: a source of batches."""

    data: ChunkDataset
    draws: Draws

    def __len__(self) -> int:
        return len(self.draws.start)

    def batch(self, indices: NDArray[np.int64]) -> tuple[Tensor, ...]:
        """Features [B, T, D], what else there is, shifts [B, T, C], targets [B, N, 2 + C]."""
        half, start = self.draws.half[indices], self.draws.start[indices]
        sources: tuple[FrameRows | FurtherRows, ...] = (self.data.rows, *self.data.further)
        inputs: list[Tensor] = []
        for source in sources:
            taken = source.take(half, start, self.data.shape.frames)
            inputs.extend(taken if isinstance(taken, tuple) else (taken,))
        shifts = self.data.labels(half, start)
        targets = torch.from_numpy(spot_targets(shifts, self.data.shape.slots))
        return *inputs, torch.from_numpy(shifts.astype(np.float32)), targets


def drawn_epochs(data: ChunkDataset, count: int, *seed: int, anew: bool = True) -> Epochs:
    """`count` chunks per epoch, drawn anew in each, or the same ones in all."""

    def read(epoch: int) -> tuple[DrawnChunks, NDArray[np.int64]]:
        return data.draw(count, *seed, epoch if anew else 0), np.arange(count)

    return read


def training_chunks(
    root: Path,
    games: Sequence[str],
    features: Sequence[str],
    classes: EventClasses,
    k_frames: NDArray[np.int64],
    shape: ChunkShape,
    framerate: int,
    label_time: TimeField = "gameTime",
    dimension: int | None = None,
    published: bool = False,
    sight: Sight | None = None,
) -> ChunkDataset:
    """The chunk data set of these games. Spots behind a half count at its last frame.

    Args:
        label_time: clock of the annotations.
        dimension: D to insist on; None takes the first half's.
        sight: what else than features a chunk holds.

    Raises:
        UserError: no games, or files that are missing or wrong.
    """
    places: list[HalfPlace] = []
    shifts: list[NDArray[np.int16]] = []
    for folder, number, half, frames, events in labelled_halves(
        root, games, features, classes, framerate, label_time, dimension
    ):
        inside = np.minimum(frames, half.frames - 1)
        shift = encode_shifts(inside, events, half.frames, k_frames)
        places.append(HalfPlace(folder, number, half))
        # What is farther than 16 bits can tell is far away all the same.
        shifts.append(np.clip(shift, -_FARTHEST, _FARTHEST).astype(np.int16))
    rows = MappedRows([place.features for place in places])
    further = sight.further_rows(places) if sight else []
    return ChunkDataset(rows, shifts, k_frames, shape, published, further)
