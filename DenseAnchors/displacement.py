"""Confidences moved to where the events are that they speak of."""

import numpy as np
from numpy.typing import NDArray


def displace(
    confidences: NDArray[np.float32], displacements: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Moves each confidence of a half by its displacement: [T, C], [T, C] -> [T, C].

    Displacements are rounded to whole frames (of two equally near to the even one) and held inside
    the half. Where several confidences land the largest stays, and where none does there is 0.

    Example: confidences .2 .9 .6 with displacements 1 1 0 become 0 .2 .9.

    Args:
        displacements: in frames, positive for later.
    """
    T, C = confidences.shape
    if not T:
        return confidences.copy()
    row = np.arange(T)[:, None] + np.rint(displacements).astype(np.int64)
    place = np.clip(row, 0, T - 1) * C + np.arange(C)
    moved = np.zeros(T * C, confidences.dtype)
    np.maximum.at(moved, place.ravel(), confidences.ravel())
    return moved.reshape(T, C)
