"""Training clips: as long as the window that the network sees, 15 s, cut without overlap.

They are not centred on events, although the network tells past from future: an event may fall
anywhere into its clip.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from common.data.data_set import DataSet
from common.data.frame_rows import FrameRows, MappedRows, ResidentRows
from common.errors import UserError, counted, log
from common.pooling.clips import clip_targets, count_clips


class Clips:
    """Clips of all halves, in game order, read from memory maps.

    Args:
        rows: features of the halves.
        targets: what happens in the clips of each half, [N, 1 + C].
        clip_frames: L.
    """

    def __init__(self, rows: FrameRows, targets: Sequence[NDArray], clip_frames: int) -> None:
        self.rows, self.clip_frames = rows, clip_frames
        counts = [len(target) for target in targets]
        self.half_of_clip = np.repeat(np.arange(len(targets)), counts)
        self.start_of_clip = np.concatenate([clip_frames * np.arange(n) for n in counts])
        self.targets = torch.from_numpy(np.concatenate(targets))
        self.addresses: Tensor | None = None  # [N, 3], once the clips are kept on a device

    def __len__(self) -> int:
        return len(self.half_of_clip)

    def keep_on(self, device: torch.device) -> None:
        """Moves all features and targets to a device, so that nothing is read later."""
        self.rows, self.targets = ResidentRows(self.rows.halves, device), self.targets.to(device)
        where = [self.half_of_clip, self.start_of_clip, np.arange(len(self))]
        self.addresses = torch.from_numpy(np.stack(where, axis=1)).to(device)

    def batch(self, indices: NDArray[np.int64]) -> tuple[Tensor, ...]:
        """Clips [B, L, D] and their targets [B, 1 + C]. Raises UserError for NaN features."""
        if self.addresses is not None:
            return self.cut(self.addresses[torch.from_numpy(indices)])
        half, start = self.half_of_clip[indices], self.start_of_clip[indices]
        clips = self.rows.take(half, start, self.clip_frames)
        return clips, self.targets[torch.from_numpy(indices)]

    def cut(self, addresses: Tensor) -> tuple[Tensor, ...]:
        """The same of clips that are kept on a device: half, first row, number, [B, 3]."""
        half, start, number = addresses.unbind(1)
        return self.rows.take(half, start, self.clip_frames), self.targets[number]


def read_clips(
    data: DataSet, splits: Sequence[str], clip_frames: int, published: bool = False
) -> Clips:
    """The clips of all games of the splits.

    Args:
        clip_frames: L, length of the network's window in rows.
        published: leave out the last frame of a half as the original did.

    Raises:
        UserError: no games, or files that are missing or wrong.
    """
    games = data.games(splits)
    halves, targets, late = [], [], 0
    for half, frames, events in data.labelled_halves(games):
        count = count_clips(half.features.frames, clip_frames, published)
        late += int((frames >= count * clip_frames).sum())
        halves.append(half.features)
        targets.append(clip_targets(frames, events, count, clip_frames, len(data.classes)))
    clips = Clips(MappedRows(halves), targets, clip_frames)
    if not len(clips):
        raise UserError(
            f"the halves of {' + '.join(splits)} are too short for a clip (with --protocol "
            "published one of 2 rows has one); check the features"
        )
    log.info("%s: %s, %s", " + ".join(splits), counted(len(games), "game"),
             counted(len(clips), "clip"))  # fmt: skip
    if late:
        lie = f"{counted(late, 'spot')} {'lies' if late == 1 else 'lie'}"
        log.warning("%s behind the last clip of their half: left out", lie)
    return clips
