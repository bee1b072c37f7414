"""Top views of many halves, drawn when a chunk is drawn or a frame is spotted in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from common.calibration.moments import draw_moments
from common.calibration.player_quirks import player_quirks, tell_quirks
from common.calibration.players import (
    Players,
    missing_player_files,
    open_players,
    player_files,
)
from common.calibration.side_by_side import draw_side_by_side
from common.calibration.top_view import TopView
from common.data.features import Half
from common.data.frame_rows import HalvesInARow, Numbers, window_rows
from common.results.suppression import Peaks

_NEUTRAL = 127  # the pixel that the network sees as 0


class TopViewRows:
    """Top views of the frames of some halves, in which no trail shows who comes behind the half.

    Args:
        players: of each half.
        frames: how many each half has.
        background: pixel where nothing is drawn.
    """

    def __init__(
        self,
        players: Sequence[Players],
        frames: NDArray[np.int64],
        view: TopView,
        background: int = 0,
    ) -> None:
        self.players = [each.first(n) for each, n in zip(players, frames.tolist(), strict=True)]
        self.frames, self.view, self.background = frames, view, background

    def take(self, half: Numbers, start: Numbers, length: int) -> tuple[Tensor]:
        """Pictures of frames start…start + length - 1 of each half [B], past its end its last.

        [B, T, H, W, 3], uint8.
        """
        half, start = np.asarray(half), np.asarray(start)
        rows = window_rows(start, length, self.frames[half, None])  # [B, T]
        pictures = [
            self.view.draw(self.players[number], frames, self.background)
            for number, frames in zip(half.tolist(), rows, strict=True)
        ]
        return (torch.from_numpy(np.stack(pictures)),)

    @property
    def kept_bytes(self) -> int:
        """What all pictures take."""
        return int(self.frames.sum()) * self.view.height * self.view.width * 3

    def keep_on(self, device: torch.device) -> "KeptTopViews":
        """All pictures, drawn at once, on a device."""
        return KeptTopViews(self, device)


class KeptTopViews:
    """Top views of all frames of some halves on a device: an index away."""

    def __init__(self, rows: TopViewRows, device: torch.device) -> None:
        self._where = HalvesInARow(rows.frames.tolist(), device)
        self.kept_bytes = rows.kept_bytes
        size = (self._where.total, rows.view.height, rows.view.width, 3)
        self._pictures = torch.empty(size, dtype=torch.uint8, device=device)
        begin = 0
        halves = zip(rows.players, rows.frames.tolist(), strict=True)
        for players, frames in tqdm(
            halves, "top views", len(rows.players), unit="half", delay=2, leave=False, disable=None
        ):
            pictures = rows.view.draw(players, np.arange(frames), rows.background)
            self._pictures[begin : begin + frames] = torch.from_numpy(pictures)
            begin += frames

    def take(self, half: Numbers, start: Numbers, length: int) -> tuple[Tensor]:
        """See `TopViewRows.take`; the result lies on the device, and half and start may."""
        return (self._pictures[self._where.rows(half, start, length)],)


@dataclass(frozen=True)
class PlayersByTopView:
    """The players of a data set, seen as pictures [H, W, 3] of each frame.

    Attributes:
        view: what is drawn.
        cache_dir: see `open_players`.
        grey_tests: without calibration, spot in pictures of another background than is trained on,
            as one of the two originals.
    """

    view: TopView
    cache_dir: Path | None = None
    grey_tests: bool = False

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files beside the features, without the half's number."""
        return player_files(self.view.teacher)

    def missing_files(self, folder: Path, halves: int) -> list[Path]:
        """Those of them that a game lacks."""
        return missing_player_files(folder, halves, self.view.teacher)

    def open(self, halves: Sequence[Half], *, training: bool) -> TopViewRows:
        """Top views of these halves, to learn from or to be spotted in."""
        players = [
            self._players(half)
            for half in tqdm(halves, "players", unit="half", delay=2, leave=False, disable=None)
        ]
        confident = self.view.confident if self.view.calibration else None
        quirks = [
            player_quirks(known, half.number, half.features.frames, confident)
            for half, known in zip(halves, players, strict=True)
        ]
        folders = [half.folder for half in halves]
        tell_quirks([*zip(folders, quirks, strict=True)], training=training)
        other = self.grey_tests and not self.view.calibration and not training
        frames = np.array([half.features.frames for half in halves])
        return TopViewRows(players, frames, self.view, _NEUTRAL if other else 0)

    def draw_moments(
        self, folder: Path, half: Half, peaks: Peaks, names: Sequence[str], framerate: float
    ) -> None:
        """A strip of top views around each of the surest detections, into `folder`.

        With calibration also the top view beside the graph and the footprint of the camera.
        """
        players = self._players(half).first(half.features.frames)
        title = f"{half.folder.name}, half {half.number}"
        if self.view.calibration:
            draw_side_by_side(
                folder / f"{half.number}_side_by_side.png", players, self.view, peaks,
                names=names, framerate=framerate, title=title, margin=self.view.margin,
            )  # fmt: skip
        draw_moments(
            folder / f"{half.number}_top_view.png",
            players,
            self.view,
            peaks,
            names=names,
            framerate=framerate,
            frames=half.features.frames,
            title=title,
        )

    def _players(self, half: Half) -> Players:
        return open_players(half.folder, half.number, self.cache_dir, self.view.teacher)
