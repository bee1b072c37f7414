"""Which detection is right: the published greedy matching, as pure functions over arrays.

All halves, classes and tolerances at once; only detections and annotated spots are touched.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Spots:
    """Points in time, one array entry each: annotated spots or detections.

    `half` counts over all games (two halves per game), `frame` inside the half, both from 0 on.
    `value` is the confidence of a detection; of an annotated spot it is +1 if visible, -1 if not
    shown.
    """

    half: NDArray[np.int64]
    frame: NDArray[np.int64]
    event: NDArray[np.int64]
    value: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.half)

    def select(self, index: NDArray) -> "Spots":
        """The spots that a mask or an index array picks."""
        return Spots(self.half[index], self.frame[index], self.event[index], self.value[index])


def last_of_each_cell(spots: Spots) -> Spots:
    """Sorted by (class, half, frame); of entries that share all three only the last remains."""
    (key,) = _time_keys(spots)
    order = np.argsort(key, kind="stable")
    return spots.select(order[np.diff(key[order], append=-1) != 0])


def match(
    targets: Spots, detections: Spots, reach: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Greedy chronological matching inside each half and class, at several tolerances at once.

    Spot by spot in time order, each takes the unmatched detection of highest confidence (of equal
    ones the earliest) at most `reach` frames away, bounds included. Visible and unshown spots
    compete alike. The result is greedy, not optimal, as published.

    Example: spots at frames 20 and 24, detections at 19 (0.5) and 22 (0.9), reach 2. Spot 20 takes
    frame 22, the higher one; spot 24 then finds nothing, and frame 19 stays a false positive.

    Args:
        targets, detections: cleaned and sorted by `last_of_each_cell`, confidences >= 0.
        reach: half widths in frames, one per lane, real numbers.

    Returns:
        Lane and detection number of each true positive.

    Raises:
        ValueError: an argument is in another order, or a confidence is negative or NaN.
    """
    used, _, _ = _take(targets, detections, np.atleast_1d(np.asarray(reach, float)))
    matched, n = np.flatnonzero(used), max(len(detections), 1)
    return matched // n, matched % n


def match_pairs(
    targets: Spots, detections: Spots, reach: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Matches as `match` does at one reach: numbers of detections, and of the spots they belong to.

    Both are in the order of the detections. Refuses what `match` refuses.
    """
    _, taken, taker = _take(targets, detections, np.array([reach], float))
    order = np.argsort(taken)
    return taken[order], taker[order]


def _take(
    targets: Spots, detections: Spots, reach: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
    """Lets each spot take its detection: which are used, which were taken, and by which spots.

    Detection d in lane l is entry l * len(detections) + d: `used` [lanes * detections] is over all
    entries, the entries that were taken are in no order.
    """
    if not (detections.value >= 0).all():
        raise ValueError("detections to match need confidences >= 0, found a negative one or NaN")
    first, stop = _windows(targets, detections, reach)  # [lanes, targets]

    # A window that starts behind the end of the one before shares no detection with any earlier
    # one. So spots fall into chains; the k-th spots of all chains are independent of each other.
    starts_chain = np.ones(first.shape, bool)
    starts_chain[:, 1:] = first[:, 1:] >= stop[:, :-1]
    number = np.arange(first.shape[1])
    step = number - np.maximum.accumulate(np.where(starts_chain, number, 0), axis=1)
    lane, target = np.nonzero(stop > first)
    step = step[lane, target]
    order = np.argsort(step, kind="stable")
    lane, target = lane[order], target[order]

    n = len(detections)
    used = np.zeros(len(reach) * n, bool)
    entries: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    takers: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    begin = 0
    for end in np.cumsum(np.bincount(step)):
        lanes, spots = lane[begin:end], target[begin:end]
        offset, length = lanes * n + first[lanes, spots], stop[lanes, spots] - first[lanes, spots]
        best, free = _best_unused(offset, length, used, detections.value)
        used[best] = True
        entries.append(best)
        takers.append(spots[free])
        begin = end
    return used, np.concatenate(entries), np.concatenate(takers)


def _windows(
    targets: Spots, detections: Spots, reach: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and one-past-last detection in reach of each target: two arrays [lanes, targets]."""
    gap = int(np.ceil(reach.max(initial=0))) + 1
    target_key, detection_key = _sorted_time_keys(targets, detections, gap)
    span = reach[:, None]
    first = np.searchsorted(detection_key, np.ceil(target_key - span), side="left")
    stop = np.searchsorted(detection_key, np.floor(target_key + span), side="right")
    return first, stop


def _sorted_time_keys(
    targets: Spots, detections: Spots, gap: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`_time_keys` of both, for binary search: another order is refused."""
    target_key, detection_key = _time_keys(targets, detections, gap=gap)
    for name, key in (("targets", target_key), ("detections", detection_key)):
        if (key[1:] < key[:-1]).any():
            raise ValueError(
                f"{name} must be sorted by class, half and frame, found another order; "
                "`last_of_each_cell` sorts them"
            )
    return target_key, detection_key


def _time_keys(*parts: Spots, gap: int = 0) -> list[NDArray[np.int64]]:
    """Puts all classes and halves on one time line, `gap` empty frames or more between them."""
    length = 1 + max((int(spots.frame.max()) for spots in parts if len(spots)), default=0) + gap
    halves = 1 + max((int(spots.half.max()) for spots in parts if len(spots)), default=0)
    return [(spots.event * halves + spots.half) * length + spots.frame for spots in parts]


def _best_unused(
    offset: NDArray[np.int64],
    length: NDArray[np.int64],
    used: NDArray[np.bool_],
    confidence: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Of each run offset…offset+length-1 of `used`, the first free entry of highest confidence.

    Runs may not be empty. A run that is used up gives no entry. Returns the entries, and which
    runs gave one.
    """
    begin = np.cumsum(length) - length
    entry = np.repeat(offset - begin, length) + np.arange(length.sum())
    score = np.where(used[entry], -1.0, confidence[entry % len(confidence)])
    best = np.maximum.reduceat(score, begin)
    hits = np.flatnonzero(score == np.repeat(best, length))
    free = best >= 0
    return entry[hits[np.searchsorted(hits, begin)]][free], free


def closest_sign(targets: Spots, detections: Spots) -> NDArray[np.int64]:
    """Sign (+1 visible, -1 not shown) of the annotated spot that governs each detection.

    Borders lie half-way between neighbours, rounded down, and belong to the later spot: spots at
    10 and 21 meet at 15, and frame 15 belongs to 21. Where half and class have no spot: -1.

    Raises:
        ValueError: an argument is not in the order of `last_of_each_cell`.
    """
    target_key, detection_key = _sorted_time_keys(targets, detections)
    if not len(targets):
        return np.full(len(detections), -1)
    same = (np.diff(targets.event) == 0) & (np.diff(targets.half) == 0)
    begin_key = target_key - targets.frame  # of the first frame that a spot governs
    begin_key[1:] = np.where(same, (target_key[:-1] + target_key[1:]) // 2, begin_key[1:])
    governing = np.searchsorted(begin_key, detection_key, side="right") - 1
    ours = (targets.event[governing] == detections.event) & (
        targets.half[governing] == detections.half
    )
    return np.where(ours & (governing >= 0), targets.value[governing], -1).astype(np.int64)
