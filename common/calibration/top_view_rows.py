"""Top views beside frame features: drawn when a chunk is drawn, or a frame is spotted in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from common.calf.half_inputs import FurtherRows, HalfInputs, HalfPlace
from common.calibration.moments import draw_moments
from common.calibration.players import (
    Players,
    missing_player_files,
    open_players,
    player_files,
)
from common.calibration.top_view import TopView
from common.data.events import EventClasses
from common.data.features import HalfFeatures
from common.data.frame_rows import window_rows
from common.results.suppression import Peaks

_BLOCK_ROWS = 1024  # frames that are drawn at a time
_NEUTRAL = 127  # the pixel that the network sees as 0


@dataclass(frozen=True)
class PlayersByTopView:
    """A sight with top views: features and pictures [H, W, 3] of each frame."""

    view: TopView
    cache_dir: Path | None = None

    @property
    def files(self) -> Sequence[str]:
        """Names of the files beside the features, without the half's number."""
        return player_files(self.view.teacher)

    def missing_files(self, folder: Path, classes: EventClasses) -> list[Path]:
        """Files that a game lacks."""
        return missing_player_files(folder, classes.halves, self.view.teacher)

    def open(self, place: HalfPlace) -> HalfInputs:
        """A half to be spotted in."""
        return _TopViewInputs(place.features, self._players(place), self.view)

    def further_rows(self, places: Sequence[HalfPlace]) -> list[FurtherRows]:
        """Pictures for chunks of these halves."""
        players = [
            self._players(place)
            for place in tqdm(places, "players", unit="half", delay=2, leave=False, disable=None)
        ]
        frames = np.array([place.features.frames for place in places])
        return [TopViewRows([place.features for place in places], players, frames, self.view)]

    def draw_moments(
        self, folder: Path, place: HalfPlace, peaks: Peaks, names: Sequence[str], framerate: int
    ) -> None:
        """A strip of top views around each of the surest detections."""
        draw_moments(
            folder / f"{place.number}_top_view.png",
            self._players(place),
            self.view,
            peaks,
            names,
            framerate,
            place.features.frames,
            f"{place.folder.name}, half {place.number}",
        )

    def _players(self, place: HalfPlace) -> Players:
        return open_players(place.folder, place.number, self.cache_dir, self.view.teacher)


class TopViewRows:
    """Top views of many halves: see `FrameRows`."""

    def __init__(
        self,
        halves: Sequence[HalfFeatures],
        players: Sequence[Players],
        frames: NDArray[np.int64],
        view: TopView,
    ) -> None:
        self.halves, self.players, self.frames, self.view = halves, players, frames, view

    def take(self, half: NDArray[np.int64], start: NDArray[np.int64], length: int) -> Tensor:
        """Pictures of chunks: [B, T, H, W, 3], uint8."""
        rows = window_rows(start, length, self.frames[half, None])  # [B, T]
        pictures = [
            self.view.draw(self.players[number], frames)
            for number, frames in zip(half.tolist(), rows, strict=True)
        ]
        return torch.from_numpy(np.stack(pictures))


@dataclass(frozen=True)
class _TopViewInputs:
    features: HalfFeatures
    players: Players
    view: TopView

    @property
    def frames(self) -> int:
        return self.features.frames

    def blocks(self, device: torch.device) -> Iterator[tuple[Tensor, ...]]:
        # Without calibration the original tests on another background than it trains on.
        odd = self.view.published and not self.view.calibration
        for start in range(0, self.frames, _BLOCK_ROWS):
            frames = np.arange(start, min(start + _BLOCK_ROWS, self.frames))
            rows = self.features.rows(start, start + len(frames))
            pictures = self.view.draw(self.players, frames, _NEUTRAL if odd else 0)
            yield torch.from_numpy(rows).to(device), torch.from_numpy(pictures).to(device)
