"""Clips of all halves, read from memory maps, and what is annotated in each."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from common.data.events import EventClasses
from common.data.features import HalfFeatures
from common.data.frame_rows import FrameRows, MappedRows
from common.data.labelled_halves import labelled_halves
from common.data.labels import TimeField
from common.pooling.clips import clip_targets, count_clips


class ClipDataset:
    """Non-overlapping clips of all halves, in game order.

    Args:
        rows: features of the halves.
        targets: [N, 1 + C] of each half, N its number of clips.
        clip_frames: L.
    """

    def __init__(self, rows: FrameRows, targets: Sequence[NDArray], clip_frames: int) -> None:
        self.rows, self.clip_frames = rows, clip_frames
        counts = [len(target) for target in targets]
        self.half_of_clip = np.repeat(np.arange(len(targets)), counts)
        self.start_of_clip = np.concatenate([clip_frames * np.arange(n) for n in counts])
        self.targets = torch.from_numpy(np.concatenate(targets))

    def __len__(self) -> int:
        return len(self.half_of_clip)

    @property
    def dimension(self) -> int:
        """D, features per frame."""
        return self.rows.halves[0].dimension

    def batch(self, indices: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Clips and their targets: [B, L, D], [B, 1 + C]. Raises UserError for NaN features."""
        half, start = self.half_of_clip[indices], self.start_of_clip[indices]
        clips = self.rows.take(half, start, self.clip_frames)
        return clips, self.targets[torch.from_numpy(indices)]


def training_clips(
    root: Path,
    games: Sequence[str],
    features: Sequence[str],
    classes: EventClasses,
    clip_frames: int,
    framerate: int,
    label_time: TimeField = "gameTime",
    dimension: int | None = None,
    published: bool = False,
) -> tuple[ClipDataset, int]:
    """Clips of all games, and the number of spots that lie behind the last clip of their half.

    Args:
        clip_frames: L, window length in rows.
        label_time: clock of the annotations.
        dimension: D to insist on; None takes the first half's.
        published: leave out the last frame of a half as the original did.

    Raises:
        UserError: no games, or files that are missing or wrong.
    """
    halves: list[HalfFeatures] = []
    targets: list[NDArray[np.float32]] = []
    left_out = 0
    for _, _, half, frames, events in labelled_halves(
        root, games, features, classes, framerate, label_time, dimension
    ):
        count = count_clips(half.frames, clip_frames, published)
        left_out += int((frames >= count * clip_frames).sum())
        halves.append(half)
        targets.append(clip_targets(frames, events, count, clip_frames, len(classes)))
    return ClipDataset(MappedRows(halves), targets, clip_frames), left_out
