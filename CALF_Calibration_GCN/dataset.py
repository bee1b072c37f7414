"""What the player branch sees of a half: the graphs of its frames.

Graphs are built once per half and kept in a cache file, which is mapped into memory; a chunk is a
slice of it. Chunks are drawn and read as in CALF.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import orjson
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from CALF_Calibration_GCN.graph_plots import draw_graphs
from CALF_Calibration_GCN.player_graph import GraphOptions, PlayerGraphs, build_graphs
from common.calf.half_inputs import FurtherRows, HalfInputs, HalfPlace
from common.calibration.players import (
    Players,
    cache_folder,
    missing_player_files,
    open_players,
    player_files,
)
from common.calibration.top_view_rows import PlayersByTopView
from common.data.array_file import map_arrays, write_arrays
from common.data.events import EventClasses
from common.data.features import HalfFeatures
from common.results.suppression import Peaks

__all__ = ["GraphRows", "PlayersByGraph", "PlayersByTopView"]

_BLOCK_ROWS = 1024  # frames at a time
_VERSION = 1  # of the cache file


@dataclass(frozen=True)
class PlayersByGraph:
    """A sight with graphs: features and a graph of each frame."""

    options: GraphOptions
    cache_dir: Path | None = None

    @property
    def files(self) -> Sequence[str]:
        """Names of the files beside the features, without the half's number."""
        return player_files(self.options.teacher)

    def missing_files(self, folder: Path, classes: EventClasses) -> list[Path]:
        """Files that a game lacks."""
        return missing_player_files(folder, classes.halves, self.options.teacher)

    def open(self, place: HalfPlace) -> HalfInputs:
        """A half to be spotted in."""
        # The original leaves out frames on the threshold here, and in training only in half 2.
        return _GraphInputs(place.features, self._graphs(place, strict=self.options.published))

    def further_rows(self, places: Sequence[HalfPlace]) -> list[FurtherRows]:
        """Graphs for chunks of these halves."""
        graphs = [
            self._graphs(place, strict=self.options.published and place.number == 2)
            for place in tqdm(places, "graphs", unit="half", delay=2, leave=False, disable=None)
        ]
        return [GraphRows(graphs)]

    def draw_moments(
        self, folder: Path, place: HalfPlace, peaks: Peaks, names: Sequence[str], framerate: int
    ) -> None:
        """The graphs around the surest detections, on the pitch."""
        draw_graphs(
            folder / f"{place.number}_graphs.png",
            self._players(place),
            self._graphs(place, strict=False),
            self.options,
            peaks,
            names,
            framerate,
            f"{place.folder.name}, half {place.number}",
        )

    def _players(self, place: HalfPlace) -> Players:
        return open_players(place.folder, place.number, self.cache_dir, self.options.teacher)

    def _graphs(self, place: HalfPlace, strict: bool) -> PlayerGraphs:
        players = self._players(place)
        frames = place.features.frames
        key = {
            **asdict(self.options),
            "strict": strict,
            "frames": frames,
            "version": _VERSION,
            "players": players.digest,
        }
        text = orjson.dumps(key, option=orjson.OPT_SORT_KEYS)
        name = hashlib.blake2b(text, digest_size=6).hexdigest()
        path = cache_folder(place.folder, self.cache_dir) / f".{place.number}_graphs_{name}.cache"
        found = map_arrays(path)
        if found is None:
            graphs = build_graphs(players, frames, self.options, strict)
            try:
                write_arrays(path, vars(graphs), {})
            except OSError:
                return graphs  # the log has been told by `open_players`
            found = map_arrays(path) or (vars(graphs), {})
        return PlayerGraphs(**found[0])


class GraphRows:
    """Graphs of many halves: see `FurtherRows`."""

    def __init__(self, graphs: Sequence[PlayerGraphs]) -> None:
        self.graphs = graphs

    def take(
        self, half: NDArray[np.int64], start: NDArray[np.int64], length: int
    ) -> tuple[Tensor, ...]:
        """Nodes [K, D], nodes per frame [B, T], edges [2, E], edges per frame [B, T]."""
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


@dataclass(frozen=True)
class _GraphInputs:
    features: HalfFeatures
    graphs: PlayerGraphs

    @property
    def frames(self) -> int:
        return self.features.frames

    def blocks(self, device: torch.device) -> Iterator[tuple[Tensor, ...]]:
        for start in range(0, self.frames, _BLOCK_ROWS):
            count = min(_BLOCK_ROWS, self.frames - start)
            rows = torch.from_numpy(self.features.rows(start, start + count))
            graphs = as_tensors([self.graphs.cut(start, count)], (count,))
            yield tuple(tensor.to(device) for tensor in (rows, *graphs))
