"""Training chunks of two minutes, drawn uniformly at random from all halves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from common.data.chunks import Draws, draw_uniformly, overlapping_starts
from common.data.data_set import DataSet
from common.data.frame_rows import FrameRows, HalvesInARow, MappedRows, ResidentRows
from common.errors import counted, log
from DenseAnchors.targets import nearest_offsets

_BLOCK_ROWS = 1024  # read at a time


class Chunks:
    """The halves that chunks are cut from: features in memory maps, and offsets to events.

    Args:
        rows: features of the halves.
        offsets: frames from each anchor of a half to the nearest event, [T, C] each.
        chunk_frames: T of a chunk.
        reach: farthest offset that is told; what lies behind a half has one more.
    """

    def __init__(
        self, rows: FrameRows, offsets: Sequence[NDArray], chunk_frames: int, reach: int
    ) -> None:
        self.rows, self.offsets = rows, offsets
        self.chunk_frames, self.reach = chunk_frames, reach
        self.frames = np.array([len(offset) for offset in offsets])
        self.kept: KeptOffsets | None = None  # once features and offsets are kept on a device

    def keep_on(self, device: torch.device) -> None:
        """Moves all features and offsets to a device, so that nothing is read later."""
        self.rows = ResidentRows(self.rows.halves, device)
        self.kept = KeptOffsets(self, device)

    def draw(self, count: int, *seed: int) -> "DrawnChunks":
        """The chunks of an epoch: chunk i follows from the seed and i alone."""
        return DrawnChunks(self, draw_uniformly(self.frames, self.chunk_frames, count, seed))

    def cover(self) -> "DrawnChunks":
        """Chunks that hold every frame, in order; the last two of a half overlap."""
        starts = [overlapping_starts(n, self.chunk_frames, 0) for n in self.frames.tolist()]
        half = np.repeat(np.arange(len(starts)), [len(each) for each in starts])
        return DrawnChunks(self, Draws(half, np.concatenate(starts)))

    @property
    def anchors(self) -> int:
        """Frames times classes."""
        return sum(offset.size for offset in self.offsets)

    def within(self, radius: int) -> int:
        """How many anchors are at most so many frames from an event."""
        return sum(int((abs(offset) <= radius).sum()) for offset in self.offsets)

    def cut(self, half: NDArray[np.int64], start: NDArray[np.int64]) -> NDArray[np.signedinteger]:
        """Offsets of chunks, of frames behind the half as where no event is near: [B, T, C]."""
        T = self.chunk_frames
        first = self.offsets[0]
        out = np.full((len(half), T, first.shape[1]), self.reach + 1, first.dtype)
        for chunk, number, begin in zip(out, half.tolist(), start.tolist(), strict=True):
            inside = self.offsets[number][begin : begin + T]
            chunk[: len(inside)] = inside
        return out


class KeptOffsets:
    """The offsets of all halves on a device, where those of chunks are cut without the host."""

    def __init__(self, chunks: Chunks, device: torch.device) -> None:
        self.device, self._frames, self._reach = device, chunks.chunk_frames, chunks.reach
        self._where = HalvesInARow(chunks.frames.tolist(), device)
        self._offsets = torch.from_numpy(np.concatenate(chunks.offsets)).to(device)  # [all T, C]

    def cut(self, half: Tensor, start: Tensor) -> Tensor:
        """As `Chunks.cut`, of chunks [B] whose halves and first frames lie on the device."""
        offsets = self._offsets[self._where.rows(half, start, self._frames)]
        position = torch.arange(self._frames, device=self.device)
        behind = position >= (self._where.frames[half] - start)[:, None]
        return offsets.masked_fill(behind[..., None], self._reach + 1)


@dataclass(frozen=True)
class DrawnChunks:
    """The chunks of one epoch: a source of batches."""

    chunks: Chunks
    draws: Draws

    @cached_property
    def addresses(self) -> Tensor | None:
        """Half and first frame of each chunk on the device, [n, 2], if all is kept there."""
        if self.chunks.kept is None:
            return None
        return torch.from_numpy(np.stack(self.draws, axis=1)).to(self.chunks.kept.device)

    def __len__(self) -> int:
        return len(self.draws.start)

    def batch(self, indices: NDArray[np.int64]) -> tuple[Tensor, ...]:
        """Features [B, T, D] and offsets [B, T, C]. Raises UserError for NaN features."""
        if self.addresses is not None:
            return self.cut(self.addresses[torch.from_numpy(indices)])
        half, start = self.draws.half[indices], self.draws.start[indices]
        features = self.chunks.rows.take(half, start, self.chunks.chunk_frames)
        return features, torch.from_numpy(self.chunks.cut(half, start))

    def cut(self, addresses: Tensor) -> tuple[Tensor, ...]:
        """The same of chunks that are kept on a device, from their addresses [B, 2]."""
        assert self.chunks.kept is not None, "nothing is kept on a device"
        half, start = addresses.unbind(1)
        features = self.chunks.rows.take(half, start, self.chunks.chunk_frames)
        return features, self.chunks.kept.cut(half, start)


def read_chunks(data: DataSet, splits: Sequence[str], chunk_frames: int, reach: int) -> Chunks:
    """All chunks of the games of the splits.

    Args:
        chunk_frames: T of a chunk.
        reach: farthest offset to an event that is told, in frames.

    Raises:
        UserError: no games, or files that are missing or wrong.
    """
    games = data.games(splits)
    halves, offsets, spots, late = [], [], 0, 0
    for half, frames, events in data.labelled_halves(games):
        T = half.features.frames
        halves.append(half.features)
        offsets.append(nearest_offsets(frames, events, T, len(data.classes), reach))
        spots, late = spots + len(frames), late + int((frames >= T).sum())
    log.info("%s: %s, %s", " + ".join(splits), counted(len(games), "game"), counted(spots, "spot"))
    if late:
        log.warning("%s behind the last row of their half: left out", counted(late, "spot"))
    return Chunks(MappedRows(halves), offsets, chunk_frames, reach)


def magnitudes(rows: FrameRows, kind: str) -> NDArray[np.float32]:
    """A magnitude of each feature in all halves, [D]: each half is read once.

    Args:
        kind: rms, the root of the mean square of all, without rows of zeros, the same for each;
            else the largest of each by itself.

    Raises:
        UserError: features that are not finite.
    """
    dimension = rows.halves[0].dimension
    if kind != "rms":
        largest = np.zeros(dimension, np.float32)
        for block in _blocks(rows):
            np.maximum(largest, np.abs(block).max(axis=0), out=largest)
        return largest
    squares, count = 0.0, 0
    for block in _blocks(rows):
        of_rows = np.square(block, dtype=np.float64).sum(axis=1)
        squares, count = squares + float(of_rows.sum()), count + int((of_rows > 0).sum())
    return np.full(dimension, np.sqrt(squares / max(1, count * dimension)), np.float32)


def _blocks(rows: FrameRows) -> Iterator[NDArray[np.float32]]:
    """All rows of all halves, some at a time."""
    for half in tqdm(rows.halves, "magnitudes", unit="half", delay=2, leave=False, disable=None):
        for start in range(0, half.frames, _BLOCK_ROWS):
            yield half.rows(start, min(start + _BLOCK_ROWS, half.frames))
