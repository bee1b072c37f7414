"""Non-maximum suppression, for all classes at once: hard, as published, or soft."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.data.windows import window_max
from common.errors import UserError

KINDS = ("hard", "soft")  # of suppression, as the flag --NMS has them
_NEGLIGIBLE = 1e-5  # confidence that soft suppression goes down to


class Peaks(NamedTuple):
    """Detections of one half: class by class, inside a class by falling confidence."""

    frame: NDArray[np.int64]
    event: NDArray[np.int64]
    confidence: NDArray[np.float32]


@dataclass(frozen=True)
class Suppression:
    """How detections are made of confidences: a window in frames, the lowest confidence to keep.

    `soft` lowers what is near a peak (`suppress_softly`) instead of taking it away (`suppress`).

    Raises UserError for a suppression that cannot work, before anything is computed.
    """

    window_frames: int
    threshold: float = 0.0
    soft: bool = False

    def __post_init__(self) -> None:
        check_suppression(self.window_frames, self.threshold)

    def peaks_of(self, scores: NDArray[np.float32]) -> Peaks:
        """The detections of confidences [T, C]. Raises UserError for those that are not finite."""
        make = suppress_softly if self.soft else suppress
        return make(scores, self.window_frames, self.threshold)


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
    _require_finite(scores)
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


def suppress_softly(scores: NDArray[np.float32], window: int, threshold: float) -> Peaks:
    """Keeps, per class, the highest score and lowers its surroundings, until none is left.

    A kept row i multiplies the scores of other rows j by min(1, |i - j| / (w/2)); scores are kept
    with what such factors left of them, down to the threshold and at least to 1e-5, and of equal
    ones the first row goes first. As that loop to rounding, but found in rounds: a row that is the
    highest within its reach can be lowered no more, as what is kept before it lies farther away.

    Example: w = 4 and scores .8 .9 .1 .8 keep row 1, row 3 (at distance 2: as it is), and then
    row 0 with .4; row 2 has been halved twice, to .025.

    Args:
        scores: confidences [T, C], finite.
        window: w, in rows, at least 2.
        threshold: lowest confidence to keep, above -1.

    Raises:
        UserError: window or threshold out of range, or a score that is not finite.
    """
    check_suppression(window, threshold)
    _require_finite(scores)
    lowest = max(threshold, _NEGLIGIBLE)
    left: NDArray = scores.astype(np.float64)
    event: NDArray = np.arange(scores.shape[1])
    found: list[tuple[NDArray, ...]] = [(event[:0], event[:0], left[:0].ravel())]
    while True:
        left[left < lowest] = 0
        alive = left.any(axis=0)
        if not alive.any():
            break
        if not alive.all():  # classes that are done with cost nothing
            left, event = left[:, alive], event[alive]
        peak = _highest_within(left, (window - 1) // 2)
        frame, column = np.nonzero(peak)
        found.append((frame, event[column], left[peak]))
        left *= _softened(peak, window / 2)
    frames, events, confidences = map(np.concatenate, zip(*found, strict=True))
    order = np.lexsort((frames, -confidences, events))
    return Peaks(frames[order], events[order], confidences[order].astype(np.float32))


def _highest_within(scores: NDArray, reach: int) -> NDArray[np.bool_]:
    """Rows above 0 that are the highest of `reach` rows to either side, of equal ones the first."""
    highest = scores > 0
    if reach:
        padded = np.pad(scores, ((reach, reach), (0, 0)))
        around = window_max(padded, reach)  # [T + reach + 1, C], row t: t - reach … t - 1
        highest &= (scores > around[: len(scores)]) & (scores >= around[reach + 1 :])
    return highest


def _softened(peak: NDArray[np.bool_], reach: float) -> NDArray[np.float64]:
    """Factor of each row: its distance to the nearest peak on either side, in shares of `reach`.

    Peaks are `reach` rows apart or more, so that no third one reaches a row.
    """
    row, far = np.arange(len(peak))[:, None], int(reach) + 1
    before = np.maximum.accumulate(np.where(peak, row, -far), axis=0)
    after = np.minimum.accumulate(np.where(peak, row, len(peak) + far)[::-1], axis=0)[::-1]
    return np.minimum((row - before) / reach, 1) * np.minimum((after - row) / reach, 1)


def _require_finite(scores: NDArray) -> None:
    if not np.isfinite(scores).all():
        raise UserError("the network returned scores that are not finite; check its weights")


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
