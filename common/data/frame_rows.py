"""Pieces of halves as batches of rows: copied out of memory maps, or kept on the device."""

import time
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from common.data.features import HalfFeatures, check_finite

Numbers = NDArray[np.int64] | Tensor

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

    def take(self, half: Numbers, start: Numbers, length: int) -> Tensor:
        """Rows start…start + length - 1 of each half [B]; past its end its last: [B, length, D].

        Only rows that are kept on a device take numbers that lie there.

        Raises UserError for features that are not finite.
        """
        ...


class MappedRows:
    """Rows that stay on disk: only their addresses are held, and which were found finite."""

    def __init__(self, halves: Sequence[HalfFeatures]) -> None:
        self.halves = halves
        self._finite = [np.zeros(half.frames, bool) for half in halves]
        self._checked = [-np.inf] * len(halves)  # when it was last seen to be whole

    def take(self, half: Numbers, start: Numbers, length: int) -> Tensor:
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
        self.halves, self.device = halves, device
        self.where = HalvesInARow([half.frames for half in halves], device)
        self._rows = torch.empty(self.where.total, halves[0].dimension, device=device)
        begin = 0
        for half in tqdm(halves, "features", unit="half", delay=2, leave=False, disable=None):
            self._rows[begin : begin + half.frames] = torch.from_numpy(half.rows(0, half.frames))
            begin += half.frames

    def take(self, half: Numbers, start: Numbers, length: int) -> Tensor:
        """See `FrameRows`; the result lies on the device, and half and start may."""
        return self._rows[self.where.rows(half, start, length)]


class HalvesInARow:
    """Where the rows of many halves lie that follow each other on a device.

    Args:
        frames: number of rows of each half.
    """

    def __init__(self, frames: Sequence[int], device: torch.device) -> None:
        self.total = sum(frames)
        self._device = device
        self.frames = torch.tensor(frames, device=device)
        self._begin = self.frames.cumsum(0) - self.frames

    def rows(self, half: Numbers, start: Numbers, length: int) -> Tensor:
        """Rows start…start + length - 1 of each half [B], past its end its last: [B, length]."""
        half, start = (torch.as_tensor(each, device=self._device) for each in (half, start))
        row = start[:, None] + torch.arange(length, device=self._device)
        return self._begin[half, None] + torch.minimum(row, self.frames[half, None] - 1)


def blocks_of(half: HalfFeatures, device: torch.device) -> Iterator[Tensor]:
    """The rows of a half in order, a thousand at a time, on the device: [n, D] each."""
    for start in range(0, half.frames, _BLOCK_ROWS):
        rows = half.rows(start, min(start + _BLOCK_ROWS, half.frames))
        yield torch.from_numpy(rows).to(device)


def bytes_of(halves: Sequence[HalfFeatures]) -> int:
    """What these halves take on a device."""
    return 4 * halves[0].dimension * sum(half.frames for half in halves)


def fits_on(device: torch.device, needed: int, choice: str = "auto") -> bool:
    """Whether to keep so many bytes on the device: for "auto" on a CUDA card with room to spare."""
    if choice == "auto" and device.type == "cuda":
        return needed < _SHARE_OF_FREE_MEMORY * torch.cuda.mem_get_info(device)[0]
    return choice == "yes"
