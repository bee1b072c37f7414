"""Pieces of halves as batches of rows: copied out of memory maps, or kept on the device."""

import time
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from common.data.features import HalfFeatures, check_finite

_BLOCK_ROWS = 1024  # read at a time
_RECHECK_SECONDS = 30  # after which the size of a mapped file is asked for again
_SHARE_OF_FREE_MEMORY = 0.6  # of a card's, that features may take


def window_rows(
    starts: NDArray[np.int64], length: int, frames: int | NDArray[np.int64]
) -> NDArray[np.int64]:
    """Rows of windows that begin at `starts`, held inside the half: [N] -> [N, length].

    Rows before the half become its first row, rows behind it its last. `frames` is
    one number, or one per window [N, 1].
    """
    return np.clip(starts[:, None] + np.arange(length), 0, frames - 1)


class FrameRows(Protocol):
    """The rows of many halves, wherever they lie."""

    halves: Sequence[HalfFeatures]

    def take(self, half: NDArray[np.int64], start: NDArray[np.int64], length: int) -> Tensor:
        """Rows start…start + length - 1 of each half [B]; past its end its last: [B, length, D].

        Raises UserError for features that are not finite.
        """
        ...


class MappedRows:
    """Rows that stay on disk: only their addresses are held, and which were found finite."""

    def __init__(self, halves: Sequence[HalfFeatures]) -> None:
        self.halves = halves
        self._finite = [np.zeros(half.frames, bool) for half in halves]
        self._checked = [-np.inf] * len(halves)  # when it was last seen to be whole

    def take(self, half: NDArray[np.int64], start: NDArray[np.int64], length: int) -> Tensor:
        """See `FrameRows`. May be called from several threads."""
        # Memory of torch's: aligned alike in every run, so that sums over it have the same bits.
        out = torch.empty(len(half), length, self.halves[0].dimension)
        now = time.monotonic()
        for rows, number, first in zip(out.numpy(), half.tolist(), start.tolist(), strict=True):
            source, finite = self.halves[number], self._finite[number]
            if now - self._checked[number] > _RECHECK_SECONDS:
                source.check_whole()
                self._checked[number] = now
            inside = min(length, source.frames - first)
            source.copy_rows(first, first + inside, rows[:inside])
            if not finite[first : first + inside].all():  # files do not change: once is enough
                check_finite(rows[:inside], source, first)
                finite[first : first + inside] = True
            rows[inside:] = rows[inside - 1]
        return out


class ResidentRows:
    """All rows on one device, where there is room for them."""

    def __init__(self, halves: Sequence[HalfFeatures], device: torch.device) -> None:
        self.halves = halves
        self._frames = np.array([half.frames for half in halves])
        self._offset = np.cumsum(self._frames) - self._frames
        self._rows = torch.empty(int(self._frames.sum()), halves[0].dimension, device=device)
        for half, begin in zip(halves, self._offset, strict=True):
            block = torch.from_numpy(half.rows(0, half.frames))
            self._rows[begin : begin + half.frames] = block.to(device)

    def take(self, half: NDArray[np.int64], start: NDArray[np.int64], length: int) -> Tensor:
        """See `FrameRows`; the result lies on the device."""
        row = self._offset[half, None] + window_rows(start, length, self._frames[half, None])
        return self._rows[torch.from_numpy(row).to(self._rows.device)]


def blocks_of(half: HalfFeatures, device: torch.device) -> Iterator[Tensor]:
    """The rows of a half in order, a thousand at a time, on the device: [n, D] each."""
    for start in range(0, half.frames, _BLOCK_ROWS):
        rows = half.rows(start, min(start + _BLOCK_ROWS, half.frames))
        yield torch.from_numpy(rows).to(device)


def resident_if_it_fits(rows: FrameRows, device: torch.device, choice: str = "auto") -> FrameRows:
    """The rows on the device for "yes", or for "auto" on a CUDA card with room to spare."""
    if choice == "auto" and device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        needed = 4 * rows.halves[0].dimension * sum(half.frames for half in rows.halves)
        choice = "yes" if needed < _SHARE_OF_FREE_MEMORY * free else "no"
    return ResidentRows(rows.halves, device) if choice == "yes" else rows
