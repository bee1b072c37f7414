"""Average-mAP of SoccerNet-v2 (2021 "loose", 2022 "tight") as pure functions over arrays.

Only detections and annotated spots are touched, never a frame that holds neither: matching is
vectorised over halves, classes and tolerances, and the 200 thresholds are one histogram.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

THRESHOLDS = np.linspace(0, 1, 200)
RECALL_LEVELS = np.arange(11) / 10
TOLERANCES_SECONDS: dict[str, tuple[int, ...]] = {
    "loose": tuple(range(5, 61, 5)),
    "tight": (1, 2, 3, 4, 5),
    **{f"at{seconds}": (seconds,) for seconds in range(1, 6)},
}
# 13 of the 17 classes of SoccerNet-v2 have unshown events in the test split: the factor turns a
# mean over 17 classes into one over 13. The published rule applies it to every data set.
UNSHOWN_FACTOR = 17 / 13

KINDS = ("all", "visible", "unshown")


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


@dataclass(frozen=True)
class PrecisionRecall:
    """Precision and recall of the detections that reach each of the 200 rising thresholds.

    Both are [3, tol, C, 200]: kind (all, visible, unshown), tolerance, class, threshold. `spots`
    and `detections` are counts per kind and class, [3, C].
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    spots: NDArray[np.int64]
    detections: NDArray[np.int64]


@dataclass(frozen=True)
class AveragePrecision:
    """Average precision per kind (all, visible, unshown), tolerance and class: [3, tol, C].

    `spots` and `detections` are counts per kind and class, [3, C].
    """

    tolerances: tuple[int, ...]  # seconds
    ap: NDArray[np.float64]
    spots: NDArray[np.int64]
    detections: NDArray[np.int64]

    def per_class(self, kind: str = "all") -> NDArray[np.float64]:
        """Mean over the tolerances by the trapezoid rule, for each class: [C]."""
        return trapezoid_mean(self.ap[KINDS.index(kind)])

    def per_tolerance(self, kind: str = "all") -> NDArray[np.float64]:
        """mAP at each tolerance, a mean over all classes: [tol]."""
        return self.ap[KINDS.index(kind)].mean(axis=-1)

    def a_map(self, kind: str = "all") -> float:
        """The published number: unshown means of several tolerances are scaled by 17/13."""
        mean = float(trapezoid_mean(self.per_tolerance(kind)))
        scaled = kind == "unshown" and len(self.tolerances) > 1
        return mean * UNSHOWN_FACTOR if scaled else mean

    def a_map_of_annotated(self, kind: str = "unshown") -> float:
        """Mean over those classes that have spots of this kind: the honest form of 17/13."""
        annotated = self.spots[KINDS.index(kind)] > 0
        return float(self.per_class(kind)[annotated].mean()) if annotated.any() else 0.0


def average_map(
    targets: Spots,
    detections: Spots,
    n_classes: int,
    tolerances: tuple[int, ...] = TOLERANCES_SECONDS["loose"],
    framerate: float = 2,
) -> AveragePrecision:
    """Average precision of `detections` against `targets` at tolerances in seconds."""
    curves = precision_recall(targets, detections, n_classes, tolerances, framerate)
    ap = interpolated_ap(curves.precision, curves.recall)
    return AveragePrecision(tuple(tolerances), ap, curves.spots, curves.detections)


def precision_recall(
    targets: Spots,
    detections: Spots,
    n_classes: int,
    tolerances: tuple[int, ...],
    framerate: float = 2,
) -> PrecisionRecall:
    """The points that average precision interpolates, at tolerances in seconds.

    Both arguments are cleaned as the evaluator does: of several entries in one half, frame and
    class the last counts; detections without a confidence >= 0 (negative, NaN) do not exist.
    """
    targets = last_of_each_cell(targets)
    detections = last_of_each_cell(detections)
    detections = detections.select(detections.value >= 0)
    visible = closest_sign(targets, detections) > 0
    lane, detection = match(targets, detections, np.asarray(tolerances) * (framerate / 2))

    # Number of thresholds that a confidence reaches: 1…200 (0 is always reached).
    reached = np.searchsorted(THRESHOLDS, detections.value, side="right")
    shape = (len(tolerances), 2, n_classes, len(THRESHOLDS) + 1)
    place = np.ravel_multi_index((visible.astype(int), detections.event, reached), shape[1:])
    found = _count_from_threshold(place, shape[1:])
    correct = _count_from_threshold(lane * np.prod(shape[1:]) + place[detection], shape)

    annotated = np.stack(
        [np.bincount(targets.event[targets.value == sign], minlength=n_classes) for sign in (-1, 1)]
    )
    # Axis 0 becomes all, visible, unshown.
    found = np.stack([found[0] + found[1], found[1], found[0]])[:, None]  # [3, 1, C, 200]
    correct = np.stack([correct[:, 0] + correct[:, 1], correct[:, 1], correct[:, 0]])
    annotated = np.stack([annotated[0] + annotated[1], annotated[1], annotated[0]])  # [3, C]
    precision = _ratio(correct, found)  # [3, tol, C, 200]
    recall = _ratio(correct, annotated[:, None, :, None])
    return PrecisionRecall(precision, recall, annotated, found[:, 0, :, 0])


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
    """
    lane, detection, _ = match_pairs(targets, detections, reach)
    return lane, detection


def match_pairs(
    targets: Spots, detections: Spots, reach: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """As `match`, and also the number of the spot that each true positive belongs to."""
    reach = np.atleast_1d(np.asarray(reach, float))
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
    entries, takers = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    begin = 0
    for end in np.cumsum(np.bincount(step)):
        lanes, spots = lane[begin:end], target[begin:end]
        offset, length = lanes * n + first[lanes, spots], stop[lanes, spots] - first[lanes, spots]
        best, free = _best_unused(offset, length, used, detections.value)
        used[best] = True
        entries.append(best)
        takers.append(spots[free])
        begin = end
    matched = np.concatenate(entries)
    order = np.argsort(matched)
    matched, taker = matched[order], np.concatenate(takers)[order]
    return matched // max(n, 1), matched % max(n, 1), taker


def _windows(
    targets: Spots, detections: Spots, reach: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and one-past-last detection in reach of each target: two arrays [lanes, targets]."""
    gap = int(np.ceil(reach.max(initial=0))) + 1
    target_key, detection_key = _time_keys(targets, detections, gap=gap)
    span = reach[:, None]
    first = np.searchsorted(detection_key, np.ceil(target_key - span), side="left")
    stop = np.searchsorted(detection_key, np.floor(target_key + span), side="right")
    return first, stop


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
    Both arguments are sorted by `last_of_each_cell`.
    """
    if not len(targets):
        return np.full(len(detections), -1)
    same = (np.diff(targets.event) == 0) & (np.diff(targets.half) == 0)
    border = np.zeros_like(targets.frame)  # the first frame that a spot governs
    border[1:] = np.where(same, (targets.frame[:-1] + targets.frame[1:]) // 2, 0)
    begins = Spots(targets.half, border, targets.event, targets.value)
    begin_key, detection_key = _time_keys(begins, detections)
    governing = np.searchsorted(begin_key, detection_key, side="right") - 1
    ours = (targets.event[governing] == detections.event) & (
        targets.half[governing] == detections.half
    )
    return np.where(ours & (governing >= 0), targets.value[governing], -1).astype(np.int64)


def _count_from_threshold(place: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Histogram of `place` with the last axis summed from each threshold on: […, 200]."""
    counts = np.bincount(place, minlength=int(np.prod(shape))).reshape(shape)
    return counts[..., ::-1].cumsum(axis=-1)[..., ::-1][..., 1:]


def _ratio(numerator: NDArray[np.int64], denominator: NDArray[np.int64]) -> NDArray[np.float64]:
    """numerator / denominator, 0 where the denominator is 0."""
    out = np.zeros(np.broadcast_shapes(numerator.shape, denominator.shape))
    return np.divide(numerator, denominator, out=out, where=denominator > 0)


def interpolated_ap(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> NDArray:
    """11-point average precision over the last axis, the thresholds in rising order.

    Recall falls along it, so the points with recall >= level are a prefix, and the best precision
    among them is a running maximum.
    """
    best = np.maximum.accumulate(precision, axis=-1)
    reached = (recall[..., None, :] >= RECALL_LEVELS[:, None]).sum(axis=-1)  # […, 11]
    at_level = np.take_along_axis(best, np.maximum(reached - 1, 0), axis=-1)
    return np.where(reached > 0, at_level, 0.0).mean(axis=-1)


def trapezoid_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over axis 0 by the trapezoid rule: the two end points weigh half. [n, …] -> […]"""
    if len(values) == 1:
        return values[0]
    return (values[1:] + values[:-1]).sum(axis=0) / (2 * (len(values) - 1))
