"""Training chunks of two minutes, drawn around spots of each class in turn, or far from all."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from common.calf.chunk_labels import ChunkLabels, half_shifts, tell_late_spots
from common.calf.chunk_shape import ChunkShape
from common.calf.kept_labels import KeptLabels
from common.calf.spot_targets import spot_targets
from common.data.chunks import Draws
from common.data.data_set import DataSet
from common.data.frame_rows import FrameRows, MappedRows, ResidentRows
from common.errors import counted, log


class Chunks:
    """The halves that chunks are drawn from: features in memory maps, and labels."""

    def __init__(self, rows: FrameRows, labels: ChunkLabels) -> None:
        self.rows, self.labels = rows, labels
        self.kept: KeptLabels | None = None  # once features and labels are kept on a device

    def keep_on(self, device: torch.device) -> None:
        """Moves all features and labels to a device, so that nothing is read later."""
        self.rows = ResidentRows(self.rows.halves, device)
        self.kept = KeptLabels(self.labels, device)

    def draw(self, count: int, *seed: int) -> "DrawnChunks":
        """The chunks of an epoch: chunk i follows from the seed and i alone."""
        return DrawnChunks(self, self.labels.draw(count, *seed))


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
        """Features [B, T, D], shifts [B, T, C] and spots [B, N, 2 + C]."""
        if self.addresses is not None:
            return self.cut(self.addresses[torch.from_numpy(indices)])
        half, start = self.draws.half[indices], self.draws.start[indices]
        labels = self.chunks.labels
        features = self.chunks.rows.take(half, start, labels.shape.frames)
        shifts = labels.cut(half, start)
        targets = torch.from_numpy(spot_targets(shifts, labels.shape.slots))
        return features, torch.from_numpy(shifts.astype(np.float32)), targets

    def cut(self, addresses: Tensor) -> tuple[Tensor, ...]:
        """The same of chunks that are kept on a device, from their addresses [B, 2]."""
        assert self.chunks.kept is not None, "nothing is kept on a device"
        half, start = addresses.unbind(1)
        features = self.chunks.rows.take(half, start, self.chunks.labels.shape.frames)
        return features, *self.chunks.kept.cut(half, start)


def read_chunks(
    data: DataSet,
    splits: Sequence[str],
    k_frames: NDArray[np.int64],
    shape: ChunkShape,
    published: bool = False,
) -> Chunks:
    """All chunks of the games of the splits.

    Args:
        k_frames: context parameters of the classes, [4, C].
        shape: sizes of a chunk.
        published: draw and mask as the original at the ends of a half.

    Raises:
        UserError: no games, or files that are missing or wrong.
    """
    games = data.games(splits)
    halves, shifts, late = [], [], {}
    for half, frames, events in data.labelled_halves(games):
        halves.append(half.features)
        shifts.append(half_shifts(frames, events, half.features.frames, k_frames, published))
        late[half.folder, half.number] = int((frames >= half.features.frames).sum())
    labels = ChunkLabels(shifts, k_frames, shape, published)
    without = len(labels.anchors.last) - labels.spots
    log.info(
        "%s: %s, %s, %s without any", " + ".join(splits), counted(len(games), "game"),
        counted(labels.spots, "spot"), counted(without, "stretch", "stretches"),
    )  # fmt: skip
    tell_late_spots(late, data.framerate, published)
    return Chunks(MappedRows(halves), labels)
