"""Training chunks of features and of what the network sees of the players.

That is the graph of each frame, or its top view. Graphs are built once per half and kept in a cache
file, which is mapped into memory; a chunk is a slice of it. Chunks are drawn around spots of each
class in turn, or far from all, as in CALF.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import orjson
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from CALF_Calibration_GCN.graph_plots import draw_graphs
from CALF_Calibration_GCN.player_graph import GraphOptions, PlayerGraphs, build_graphs
from common.calf.chunk_labels import ChunkLabels, half_shifts, tell_late_spots
from common.calf.chunk_shape import ChunkShape
from common.calf.spot_targets import spot_targets
from common.calibration.player_quirks import player_quirks, tell_quirks
from common.calibration.players import Players as HalfPlayers
from common.calibration.players import (
    cache_folder,
    missing_player_files,
    open_players,
    player_files,
)
from common.calibration.sealed_arrays import map_sealed, write_sealed
from common.calibration.side_by_side import draw_side_by_side
from common.calibration.top_view import TopView
from common.calibration.top_view_rows import PlayersByTopView, TopViewRows
from common.data.chunks import Draws
from common.data.data_set import DataSet
from common.data.features import Half
from common.data.frame_rows import FrameRows, MappedRows
from common.errors import counted, log
from common.results.suppression import Peaks

_BLOCK_ROWS = 1024  # frames that are read at a time
_VERSION = 3  # of the cache file


@dataclass(frozen=True)
class PlayersByGraph:
    """The players of a data set, seen as a graph of each frame."""

    options: GraphOptions
    cache_dir: Path | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files beside the features, without the half's number."""
        return player_files(self.options.teacher)

    def missing_files(self, folder: Path, halves: int) -> list[Path]:
        """Those of them that a game lacks."""
        return missing_player_files(folder, halves, self.options.teacher)

    def open(self, halves: Sequence[Half], *, training: bool) -> "GraphRows":
        """Graphs of these halves, to learn from or to be spotted in."""
        graphs: list[PlayerGraphs] = []
        quirks: list[tuple[Path, list[str]]] = []
        for half in tqdm(halves, "graphs", unit="half", delay=2, leave=False, disable=None):
            players = self._players(half)
            graphs.append(self._graphs(half, players, training))
            odd = player_quirks(
                players, half.number, half.features.frames,
                self.options.confident if self.options.calibration else None,
            )  # fmt: skip
            quirks.append((half.folder, odd))
        tell_quirks(quirks, training=training)
        return GraphRows(graphs)

    def draw_moments(
        self, folder: Path, half: Half, peaks: Peaks, names: Sequence[str], framerate: float
    ) -> None:
        """The graphs around the surest detections, on the pitch, into `folder`.

        With calibration also beside the top view and the footprint of the camera.
        """
        players, title = self._players(half), f"{half.folder.name}, half {half.number}"
        if self.options.calibration:
            draw_side_by_side(
                folder / f"{half.number}_side_by_side.png", players,
                TopView(
                    calibration=True, field=True, cone=True, teacher=self.options.teacher,
                    margin=self.options.margin,
                ),
                peaks, names=names, framerate=framerate, title=title,
                distance=self.options.distance, margin=self.options.margin,
            )  # fmt: skip
        draw_graphs(
            folder / f"{half.number}_graphs.png",
            players,
            self._graphs(half, players, training=False),
            self.options,
            peaks,
            names=names,
            framerate=framerate,
            title=title,
        )

    def _players(self, half: Half) -> HalfPlayers:
        return open_players(half.folder, half.number, self.cache_dir, self.options.teacher)

    def _graphs(self, half: Half, players: HalfPlayers, training: bool) -> PlayerGraphs:
        """Graphs of a half, from the cache file if it is there and of these players."""
        frames = half.features.frames
        key = {
            **asdict(replace(self.options, published=False)),
            "least_confidence": self.options.least_confidence(half.number, training=training),
            "frames": frames,
            "version": _VERSION,
            "players": players.digest,
        }
        text = orjson.dumps(key, option=orjson.OPT_SORT_KEYS)
        name = hashlib.blake2b(text, digest_size=6).hexdigest()
        path = cache_folder(half.folder, self.cache_dir) / f".{half.number}_graphs_{name}.cache"
        if (kept := self._kept(path, name, frames)) is not None:
            return kept
        graphs = build_graphs(players, frames, self.options, half=half.number, training=training)
        try:
            write_sealed(path, vars(graphs), {"graph": name})
        except OSError:
            return graphs  # `open_players` has warned of it
        kept = self._kept(path, name, frames)
        return graphs if kept is None else kept

    def _kept(self, path: Path, name: str, frames: int) -> PlayerGraphs | None:
        """Graphs of a cache file; None without one, or if it was renamed or holds other things."""
        found = map_sealed(path)
        if found is None or found[1] != {"graph": name}:
            return None
        return PlayerGraphs.of_arrays(found[0], frames, self.options.features)


class GraphRows:
    """Graphs of the frames of some halves."""

    def __init__(self, graphs: Sequence[PlayerGraphs]) -> None:
        self.graphs = graphs

    def take(
        self, half: NDArray[np.int64], start: NDArray[np.int64], length: int
    ) -> tuple[Tensor, ...]:
        """Nodes [K, D], nodes per frame [B, T], edges [2, E], edges per frame [B, T].

        Of frames start…start + length - 1 of each half [B], past its end its last.
        """
        parts = [
            self.graphs[number].cut(first, length)
            for number, first in zip(half.tolist(), start.tolist(), strict=True)
        ]
        return as_tensors(parts, (len(parts), length))


def as_tensors(parts: Sequence[PlayerGraphs], shape: tuple[int, ...]) -> tuple[Tensor, ...]:
    """Pieces of graphs as what a network takes; counts per frame get this shape."""
    nodes = np.concatenate([part.nodes for part in parts])
    edges = np.concatenate([part.edges for part in parts], axis=1)
    counts = np.concatenate([np.diff(part.offsets) for part in parts])
    edge_counts = np.concatenate([np.diff(part.edge_offsets) for part in parts])
    return (
        torch.from_numpy(nodes),
        torch.from_numpy(counts).view(shape),
        torch.from_numpy(edges),
        torch.from_numpy(edge_counts).view(shape),
    )


Players = PlayersByGraph | PlayersByTopView | None  # None: the network sees features alone
PlayerRows = GraphRows | TopViewRows | None


class Chunks:
    """The halves that chunks are drawn from: features in memory maps, players, and labels."""

    def __init__(self, rows: FrameRows, players: PlayerRows, labels: ChunkLabels) -> None:
        self.rows, self.players, self.labels = rows, players, labels

    def draw(self, count: int, *seed: int) -> "DrawnChunks":
        """The chunks of an epoch: chunk i follows from the seed and i alone."""
        return DrawnChunks(self, self.labels.draw(count, *seed))


@dataclass(frozen=True)
class DrawnChunks:
    """The chunks of one epoch: a source of batches."""

    chunks: Chunks
    draws: Draws

    def __len__(self) -> int:
        return len(self.draws.start)

    def batch(self, indices: NDArray[np.int64]) -> tuple[Tensor, ...]:
        """Features [B, T, D], players if any, shifts [B, T, C] and spots [B, N, 2 + C].

        Players are graphs, as `GraphRows.take` has them, or top views [B, T, H, W, 3].
        """
        half, start = self.draws.half[indices], self.draws.start[indices]
        labels, players = self.chunks.labels, self.chunks.players
        T = labels.shape.frames
        inputs = [self.chunks.rows.take(half, start, T)]
        if players is not None:
            inputs += players.take(half, start, T)
        shifts = labels.cut(half, start)
        targets = torch.from_numpy(spot_targets(shifts, labels.shape.slots))
        return *inputs, torch.from_numpy(shifts.astype(np.float32)), targets


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
