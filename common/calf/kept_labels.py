"""Labels of all halves on a device, where those of chunks are cut without the host."""

import numpy as np
import torch
from torch import Tensor

from common.calf.chunk_labels import MASKED, ChunkLabels
from common.calf.spot_targets import spot_targets_on_device
from common.data.frame_rows import HalvesInARow


class KeptLabels:
    """What `ChunkLabels` has, for chunks whose halves and first frames lie on the device."""

    def __init__(self, labels: ChunkLabels, device: torch.device) -> None:
        self.device = device
        self._shape, self._published = labels.shape, labels.published
        self._where = HalvesInARow(labels.frames.tolist(), device)
        self._shifts = torch.from_numpy(np.concatenate(labels.shifts)).to(device)  # [all T, C]

    def cut(self, half: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
        """Masked shifts [B, T, C] and the spots among them [B, N, 2 + C], of chunks [B]."""
        T = self._shape.frames
        shifts = self._shifts[self._where.rows(half, start, T)]
        frames = self._where.frames[half]
        position = torch.arange(T, device=shifts.device)
        masked = position >= (frames - start)[:, None]  # behind the half
        begin = (start > 0) | self._published  # as `mask_borders`
        end = (start + T < frames) | self._published
        masked |= begin[:, None] & (position < self._shape.masked)
        masked |= end[:, None] & (position >= T - self._shape.masked)
        shifts = shifts.masked_fill(masked[..., None], MASKED)
        return shifts.float(), spot_targets_on_device(shifts, self._shape.slots)
