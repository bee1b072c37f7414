"""Non-maximum suppression as published for the pooling baselines, for all classes at once."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.data.windows import window_max
from common.errors import UserError


class Peaks(NamedTuple):
    """Detections of one half: class by class, inside a class by falling confidence."""

    frame: NDArray[np.int64]
    event: NDArray[np.int64]
    confidence: NDArray[np.float32]


@dataclass(frozen=True)
class Suppression:
    """What `suppress` is asked for: a window in frames and the lowest confidence to keep.

    Raises UserError for a suppression that cannot work, before anything is computed.
    """

    window_frames: int
    threshold: float = 0.0

    def __post_init__(self) -> None:
        check_suppression(self.window_frames, self.threshold)


def check_suppression(window: int, threshold: float) -> None:
    """Raises UserError for a window (frames) or threshold with which `suppress` has no answer."""
    if window < 2:
        raise UserError(
            f"--NMS_window must span at least 2 frames, found {window}; one frame alone would "
            "never blank its own maximum"
        )
    if not threshold > -1:
        raise UserError(f"--NMS_threshold must be above -1, found {threshold}")


def suppress(scores: NDArray[np.float32], window: int, threshold: float) -> Peaks:
    """Keeps, per class, the highest score and blanks its surroundings, until none is left.

    A kept row i blanks rows i - ceil(w/2) … i + floor(w/2) - 1 for a window of w rows; scores below
    the threshold are never kept; of equal scores the first row wins. Same result as the published
    loop over maxima, but found in rounds: a row is kept as soon as nothing better that is left
    could blank it. One sort, then O(T log w) a round; a few rounds do, for any number of peaks.

    Example: w = 4 and scores .1 .9 .8 .7 .2 keep row 1 (blanks 0…2), then row 3.

    Args:
        scores: confidences [T, C], finite.
        window: w, in rows, at least 2.
        threshold: lowest confidence to keep, above -1.

    Raises:
        UserError: window or threshold out of range, or a score that is not finite.
    """
    check_suppression(window, threshold)
    if not np.isfinite(scores).all():
        raise UserError("the network returned scores that are not finite; check its weights")
    T, C = scores.shape
    after, before = window // 2 - 1, (window + 1) // 2  # row t is blanked by rows t-after…t+before
    # Rank as priority: unique, so that ties fall as published. T is best, 1 worst, 0 blanked.
    order = _descending(scores)
    priority = np.empty((T, C), np.int32)
    np.put_along_axis(priority, order, np.arange(T, 0, -1, dtype=np.int32)[:, None], axis=0)
    priority[scores < threshold] = 0

    left = np.pad(priority, ((after, before), (0, 0)))  # rows that are still in play
    rows = left[after : after + T]
    kept = np.zeros((T, C), bool)
    blanking = np.zeros_like(left)
    while rows.any():
        peak = (window_max(left, window) == rows) & (rows > 0)  # [T, C]
        kept |= peak
        # The window is lopsided: a peak may reach a better row that does not reach it. That row
        # came first in the published order, so only worse rows are blanked.
        blanking[after : after + T] = np.where(peak, rows, 0)
        rows[(window_max(blanking, window) > rows) | peak] = 0

    event, rank = np.nonzero(np.take_along_axis(kept, order, axis=0).T)
    frame = order[rank, event]
    return Peaks(frame, event, scores[frame, event])


def _descending(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Rows of each column by falling score, of equal ones the first one first: [T, C] -> [T, C].

    Score and row are packed into one integer, since sorting numbers is far faster than a stable
    sort of indices: a float's bits sort as the float does, once those of negative ones are turned.
    """
    T = len(scores)
    bits = (scores.astype(np.float32) + 0.0).view(np.int32)  # + 0.0: there is one zero
    sortable = bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))
    keys = (sortable.astype(np.int64).T << 32) | np.arange(T - 1, -1, -1)  # [C, T]
    keys.sort(axis=1)
    return (T - 1 - (keys[:, ::-1] & 0xFFFFFFFF)).T
