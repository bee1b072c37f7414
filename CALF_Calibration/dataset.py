"""Training chunks of features and of what the network sees of the players.

That is the top view of each frame, or a vector that a frozen network made of it. Chunks are drawn
around spots of each class in turn, or far from all, as in CALF.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from CALF_Calibration.drawn_record import drawn_otherwise
from common.calf.chunk_labels import ChunkLabels, half_shifts, tell_late_spots
from common.calf.chunk_shape import ChunkShape
from common.calf.kept_labels import KeptLabels
from common.calf.spot_targets import spot_targets
from common.calibration.top_view import TopView
from common.calibration.top_view_rows import KeptTopViews, PlayersByTopView, TopViewRows
from common.data.chunks import Draws
from common.data.data_set import DataSet
from common.data.features import Half, HalfFeatures, open_half
from common.data.frame_rows import FrameRows, MappedRows, Numbers, ResidentRows, bytes_of, fits_on
from common.errors import UserError, counted, log
from common.results.suppression import Peaks

_BLOCK_ROWS = 1024  # frames that are read, or drawn, at a time


@dataclass(frozen=True)
class PlayersByVector:
    """The players of a data set as a frozen network sees each top view, from a file per half."""

    file: str  # name without the number of the half
    view: TopView
    cache_dir: Path | None = None

    files: tuple[str, ...] = ()  # nothing that could be downloaded

    def missing_files(self, folder: Path, halves: int) -> list[Path]:
        """None: `open` says what to do about them."""
        return []

    def open(self, halves: Sequence[Half], *, training: bool) -> "VectorRows":
        """Vectors of these halves. Raises UserError where one has none, or of another length."""
        return VectorRows(MappedRows([self._vectors(half) for half in halves]))

    def draw_moments(
        self, folder: Path, half: Half, peaks: Peaks, names: Sequence[str], framerate: float
    ) -> None:
        """What the frozen network saw around the surest detections, into `folder`."""
        pictures = PlayersByTopView(self.view, self.cache_dir)
        pictures.draw_moments(folder, half, peaks, names, framerate)

    def _vectors(self, half: Half) -> HalfFeatures:
        try:
            vectors = open_half(half.folder, half.number, [self.file])
        except UserError as error:
            raise UserError(
                f"{error}; make them first, with python -m CALF_Calibration.extract_top_view and "
                "those of these flags that it has, see its --help"
            ) from None
        if vectors.frames != half.features.frames:
            raise UserError(
                f"{vectors.paths[0]} has {counted(vectors.frames, 'row')}, the features of this "
                f"half {half.features.frames}; extract the file again"
            )
        path = vectors.paths[0]
        if different := drawn_otherwise(path, self.view):
            raise UserError(
                f"{path} shows top views that were drawn otherwise ({different}); give the flags "
                "that it was extracted with, or extract it again with those of now"
            )
        return vectors


class VectorRows:
    """Vectors of the frames of some halves."""

    def __init__(self, rows: FrameRows) -> None:
        self._rows = rows

    @property
    def kept_bytes(self) -> int:
        """What all vectors take."""
        return bytes_of(self._rows.halves)

    def keep_on(self, device: torch.device) -> "VectorRows":
        """The same vectors on a device."""
        return VectorRows(ResidentRows(self._rows.halves, device))

    def take(self, half: Numbers, start: Numbers, length: int) -> tuple[Tensor]:
        """Vectors of frames start…start + length - 1 of each half [B]: [B, T, E]."""
        return (self._rows.take(half, start, length),)


Players = PlayersByTopView | PlayersByVector | None  # None: the network sees features alone
PlayerRows = TopViewRows | KeptTopViews | VectorRows | None


class Chunks:
    """The halves that chunks are drawn from: features in memory maps, players, and labels."""

    def __init__(self, rows: FrameRows, players: PlayerRows, labels: ChunkLabels) -> None:
        self.rows, self.players, self.labels = rows, players, labels
        self.kept: KeptLabels | None = None  # once all is kept on a device

    @property
    def kept_bytes(self) -> int:
        """What features and players take on a device."""
        players = self.players.kept_bytes if self.players is not None else 0
        return bytes_of(self.rows.halves) + players

    def keep_what_fits(self, device: torch.device, choice: str = "auto") -> None:
        """Moves all to a device, or features alone; on a CPU players stay: they are too many.

        Args:
            choice: yes, no or auto, see `fits_on`.
        """
        if device.type != "cpu" and fits_on(device, self.kept_bytes, choice):
            self.keep_on(device)
        elif fits_on(device, bytes_of(self.rows.halves), choice):
            self.rows = ResidentRows(self.rows.halves, device)

    def keep_on(self, device: torch.device) -> None:
        """Moves features, players, labels to a device, so that nothing is read or drawn later."""
        self.rows = ResidentRows(self.rows.halves, device)
        if isinstance(self.players, TopViewRows | VectorRows):
            self.players = self.players.keep_on(device)
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
        """Features [B, T, D], players [B, T, …] if any, shifts [B, T, C], spots [B, N, 2 + C]."""
        if self.addresses is not None:
            return self.cut(self.addresses[torch.from_numpy(indices)])
        half, start = self.draws.half[indices], self.draws.start[indices]
        labels = self.chunks.labels
        shifts = labels.cut(half, start)
        targets = torch.from_numpy(spot_targets(shifts, labels.shape.slots))
        inputs = self._inputs(half, start)
        return *inputs, torch.from_numpy(shifts.astype(np.float32)), targets

    def cut(self, addresses: Tensor) -> tuple[Tensor, ...]:
        """The same of chunks that are kept on a device, from their addresses [B, 2]."""
        assert self.chunks.kept is not None, "not all is kept on a device"
        half, start = addresses.unbind(1)
        return *self._inputs(half, start), *self.chunks.kept.cut(half, start)

    def _inputs(self, half: Numbers, start: Numbers) -> list[Tensor]:
        """What the network sees of chunks: features, and players if any."""
        T, players = self.chunks.labels.shape.frames, self.chunks.players
        inputs = [self.chunks.rows.take(half, start, T)]
        if players is not None:
            inputs += players.take(half, start, T)
        return inputs


def read_chunks(
    data: DataSet,
    players: Players,
    splits: Sequence[str],
    k_frames: NDArray[np.int64],
    shape: ChunkShape,
    *,
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
        halves.append(half)
        shifts.append(half_shifts(frames, events, half.features.frames, k_frames, published))
        late[half.folder, half.number] = int((frames >= half.features.frames).sum())
    rows = players.open(halves, training=True) if players is not None else None
    labels = ChunkLabels(shifts, k_frames, shape, published)
    without = len(labels.anchors.last) - labels.spots
    log.info(
        "%s: %s, %s, %s without any", " + ".join(splits), counted(len(games), "game"),
        counted(labels.spots, "spot"), counted(without, "stretch", "stretches"),
    )  # fmt: skip
    tell_late_spots(late, data.framerate, published)
    return Chunks(MappedRows([half.features for half in halves]), rows, labels)


def blocks_of_half(
    half: Half, players: Players, device: torch.device
) -> Iterator[tuple[Tensor, ...]]:
    """Features [1, n, D] and players of a half to be spotted in, block by block, as chunks."""
    rows = players.open([half], training=False) if players is not None else None
    for start in range(0, half.features.frames, _BLOCK_ROWS):
        count = min(_BLOCK_ROWS, half.features.frames - start)
        inputs = [torch.from_numpy(half.features.rows(start, start + count))[None]]
        if rows is not None:
            inputs += rows.take(np.array([0]), np.array([start]), count)
        yield tuple(tensor.to(device) for tensor in inputs)
