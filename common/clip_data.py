"""Clips of all halves, read from memory maps, and what is annotated in each."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from common.clips import clip_targets, count_clips, window_rows
from common.errors import UserError
from common.events import EventClasses
from common.features import HalfFeatures, check_finite, open_game
from common.labels import TimeField, read_labels

_SHARE_OF_FREE_MEMORY = 0.6  # of a card's, that features may take


class ClipDataset:
    """Non-overlapping clips of all halves, in game order.

    Only the features' addresses are held: a batch copies its rows out of the memory maps.

    Args:
        halves: features of each half.
        targets: [N, 1 + C] of each half, N its number of clips.
        clip_frames: L.
    """

    def __init__(
        self, halves: Sequence[HalfFeatures], targets: Sequence[NDArray], clip_frames: int
    ) -> None:
        self.halves, self.clip_frames = halves, clip_frames
        counts = [len(target) for target in targets]
        self.half_of_clip = np.repeat(np.arange(len(halves)), counts)
        self.start_of_clip = np.concatenate([clip_frames * np.arange(n) for n in counts])
        self.targets = torch.from_numpy(np.concatenate(targets))

    def __len__(self) -> int:
        return len(self.half_of_clip)

    @property
    def dimension(self) -> int:
        """D, features per frame."""
        return self.halves[0].dimension

    def batch(self, indices: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Clips and their targets: [B, L, D], [B, 1 + C]. Raises UserError for NaN features."""
        clips = np.empty((len(indices), self.clip_frames, self.dimension), np.float32)
        for clip, number in zip(clips, indices, strict=True):
            half, start = self.halves[self.half_of_clip[number]], self.start_of_clip[number]
            inside = min(self.clip_frames, half.frames - start)
            half.copy_rows(start, start + inside, clip[:inside])
            clip[inside:] = clip[inside - 1]  # the last clip repeats the last row
        with np.errstate(over="ignore", invalid="ignore"):
            all_finite = np.isfinite(clips.sum())
        if not all_finite:
            for clip, number in zip(clips, indices, strict=True):
                half, start = self.halves[self.half_of_clip[number]], self.start_of_clip[number]
                check_finite(clip, half, int(start))
        return torch.from_numpy(clips), self.targets[torch.from_numpy(indices)]


class ResidentClips:
    """The same clips with all features on one device, where there is room for them."""

    def __init__(self, clips: ClipDataset, device: torch.device) -> None:
        halves = clips.halves
        frames = np.array([half.frames for half in halves])
        offset = np.cumsum(frames) - frames
        self.rows = torch.empty(int(frames.sum()), clips.dimension, device=device)
        for half, begin in zip(halves, offset, strict=True):
            block = torch.from_numpy(half.rows(0, half.frames))
            self.rows[begin : begin + half.frames] = block.to(device)
        row_of_clip = np.empty((len(clips), clips.clip_frames), np.int64)  # [N, L]
        for number, begin in enumerate(offset):
            ours = clips.half_of_clip == number
            starts = clips.start_of_clip[ours]
            row_of_clip[ours] = begin + window_rows(starts, clips.clip_frames, frames[number])
        self.row_of_clip = torch.from_numpy(row_of_clip).to(device)
        self.targets = clips.targets.to(device)

    def __len__(self) -> int:
        return len(self.targets)

    def batch(self, indices: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Clips and their targets: [B, L, D], [B, 1 + C], on the device."""
        index = torch.from_numpy(indices).to(self.targets.device)
        return self.rows[self.row_of_clip[index]], self.targets[index]


def resident_if_it_fits(
    clips: ClipDataset, device: torch.device, choice: str = "auto"
) -> ClipDataset | ResidentClips:
    """The clips on the device for "yes", or for "auto" on a CUDA card with room to spare."""
    if choice == "auto" and device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        needed = 4 * clips.dimension * sum(half.frames for half in clips.halves)
        choice = "yes" if needed < _SHARE_OF_FREE_MEMORY * free else "no"
    return ResidentClips(clips, device) if choice == "yes" else clips


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
    if not games:
        raise UserError("there are no games to train on; check --split_train, --split_valid")
    halves: list[HalfFeatures] = []
    targets: list[NDArray[np.float32]] = []
    left_out = 0
    for game in games:
        labels = read_labels(root / game / classes.label_file, classes)
        spots = labels.frames(framerate, label_time)
        for number, half in enumerate(
            open_game(root, game, features, classes.halves, dimension), 1
        ):
            dimension = half.dimension
            ours = labels.half == number
            count = count_clips(half.frames, clip_frames, published)
            left_out += int((spots[ours] >= count * clip_frames).sum())
            halves.append(half)
            targets.append(
                clip_targets(spots[ours], labels.event[ours], count, clip_frames, len(classes))
            )
    return ClipDataset(halves, targets, clip_frames), left_out
