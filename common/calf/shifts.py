"""Annotated spots as signed distances in time: the time-shift encoding of the CALF paper.

A shift of 0 marks the spot itself, a positive one the frames after it, a negative one those before.
"""

import numpy as np
from numpy.typing import NDArray


def encode_shifts(
    spot_frames: NDArray[np.int64],
    spot_events: NDArray[np.int64],
    frames: int,
    k_frames: NDArray[np.int64],
) -> NDArray[np.int32]:
    """Distance in frames from the spot that governs each frame, for each class: [T, C].

    A class without a spot in the half is K1 everywhere, and one with a single spot counts from it
    throughout. Between two spots the earlier governs up to K3 after it, the later from K4 after
    the earlier on; in between it is the one whose influence, which falls to 0 at K4 and at K1, is
    larger. After the last of several spots another is assumed, just too far behind the half to
    matter in it.

    Example: K = (-4, -2, 3, 6), spots at frames 5 and 14 of 20 give
    -5 -4 -3 -2 -1  0 1 2 3 4 5 -3 -2 -1  0 1 2 3 4 5.

    Args:
        spot_frames: frame of each spot, inside the half; several of a class may share one.
        spot_events: class of each spot.
        frames: T.
        k_frames: [4, C].
    """
    C = k_frames.shape[1]
    spots = np.unique(spot_events * frames + spot_frames)  # by class, then by frame
    event, spot = spots // frames, spots % frames
    count = np.bincount(event, minlength=C)

    # Each spot governs from where the one before it ends to where it ends itself.
    last = np.diff(event, append=C) > 0
    following = np.where(last, frames - k_frames[0, event], np.roll(spot, -1))
    end = np.minimum(_ends(spot, following, k_frames[:, event]), frames)
    # The spot assumed behind the half: beside several. Beside one, and without any, one segment.
    end[last & (count[event] == 1)] = frames
    assumed = np.flatnonzero(count != 1)
    event = np.concatenate([event, assumed])
    governor = np.concatenate([spot, frames - k_frames[0, assumed]])
    end = np.concatenate([end, np.full(len(assumed), frames)])

    order = np.argsort(event, kind="stable")  # of a class, the assumed spot comes last
    edges = np.concatenate([[0], event[order] * frames + end[order]])
    governors = np.repeat(governor[order].astype(np.int32), np.diff(edges)).reshape(C, frames)
    shifts = np.arange(frames, dtype=np.int32) - governors  # [C, T]
    shifts[count == 0] = k_frames[0, count == 0, None]
    return np.ascontiguousarray(shifts.T)


def _ends(
    spot: NDArray[np.int64], following: NDArray[np.int64], k_frames: NDArray[np.int64]
) -> NDArray[np.int64]:
    """First frame after each spot that the following one governs.

    That is the first j from spot + K3 on, at most spot + K4, where
    (j - spot - K3) / (K4 - K3) >= (K2 - j + following) / (K2 - K1).
    """
    K1, K2, K3, K4 = k_frames
    before, after = K2 - K1, K4 - K3
    numerator = (following + K2) * after + (spot + K3) * before
    crossing = -(-numerator // (before + after))  # rounded up
    return np.minimum(np.clip(crossing, spot + K3, spot + K4), following)
