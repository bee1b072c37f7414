"""Clips of the pooling baselines: where they lie in a half, and what is true of each."""

import numpy as np
from numpy.typing import NDArray


def count_clips(frames: int, clip_frames: int, published: bool = False) -> int:
    """Number of clips that cover a half without overlap; the last one may reach past its end.

    The original leaves out the last frame where only that one is left over (41 frames, clips of
    40: one clip), so that a half of one frame has no clip.
    """
    return -(-(frames - published) // clip_frames)


def clip_targets(
    spot_frames: NDArray[np.int64],
    spot_events: NDArray[np.int64],
    n_clips: int,
    clip_frames: int,
    n_classes: int,
) -> NDArray[np.float32]:
    """What happens in each clip of a half: [N, 1 + C], 0 or 1, several classes allowed.

    Column 0 is background, column c + 1 class c. Spots behind the last clip are left out.

    Example: two classes, clips of 30 frames, spots of class 1 at frames 10 and 95 in 3 clips give
    [[0, 0, 1], [1, 0, 0], [1, 0, 0]]: the second spot would lie in a fourth clip.
    """
    targets = np.zeros((n_clips, 1 + n_classes), np.float32)
    targets[:, 0] = 1
    clip = spot_frames // clip_frames
    inside = clip < n_clips
    targets[clip[inside], 0] = 0
    targets[clip[inside], 1 + spot_events[inside]] = 1
    return targets
