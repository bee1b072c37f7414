"""Average-mAP of SoccerNet-v2 (2021 "loose", 2022 "tight") as pure functions over arrays.

Only detections and annotated spots are touched, never a frame that holds neither: matching is
vectorised over halves, classes and tolerances, and the 200 thresholds are one histogram.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.metric.matching import Spots, closest_sign, last_of_each_cell, match

THRESHOLDS = np.linspace(0, 1, 200)
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
class Counts:
    """What precision and recall are quotients of, for each of G groups of halves.

    `spots` [G, 3, C], `found` [G, 3, C, 200] and, of those found, `correct` [G, 3, tol, C, 200];
    the axis of 3 is all, visible, unshown, that of 200 the rising thresholds.
    """

    spots: NDArray[np.int64]
    found: NDArray[np.int64]
    correct: NDArray[np.int64]


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
        return mean * published_factor(kind, self.tolerances)

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
    thresholds_first = (np.moveaxis(part, -1, 0) for part in (curves.precision, curves.recall))
    ap = interpolated_ap(*thresholds_first)
    return AveragePrecision(tuple(tolerances), ap, curves.spots, curves.detections)


def precision_recall(
    targets: Spots,
    detections: Spots,
    n_classes: int,
    tolerances: tuple[int, ...],
    framerate: float = 2,
) -> PrecisionRecall:
    """The points that average precision interpolates, at tolerances in seconds."""
    counts = count(targets, detections, n_classes, tolerances, framerate)
    spots, found, correct = counts.spots[0], counts.found[0], counts.correct[0]
    precision = _ratio(correct, found[:, None])  # [3, tol, C, 200]
    recall = _ratio(correct, spots[:, None, :, None])
    return PrecisionRecall(precision, recall, spots, found[..., 0])


def count(
    targets: Spots,
    detections: Spots,
    n_classes: int,
    tolerances: tuple[int, ...],
    framerate: float = 2,
    *,
    group: NDArray[np.int64] | None = None,
) -> Counts:
    """Annotated, found and correct ones, per group of halves; all halves are one without `group`.

    Both arguments are cleaned as the evaluator does: of several entries in one half, frame and
    class the last counts; detections without a confidence >= 0 (negative, NaN) do not exist.

    Args:
        group: for each half the number of its group, from 0 on: [H].
    """
    targets = last_of_each_cell(targets)
    detections = last_of_each_cell(detections)
    detections = detections.select(detections.value >= 0)
    visible = (closest_sign(targets, detections) > 0).astype(int)
    lane, matched = match(targets, detections, np.asarray(tolerances) * (framerate / 2))

    groups = 1 if group is None else int(group.max(initial=-1)) + 1
    of_target, of_detection = (
        np.zeros_like(spots.half) if group is None else group[spots.half]
        for spots in (targets, detections)
    )
    # Number of thresholds that a confidence reaches: 1…200 (0 is always reached).
    reached = np.searchsorted(THRESHOLDS, detections.value, side="right")
    place = of_detection, visible, detections.event, reached
    in_group, kind, event, bin_ = (part[matched] for part in place)
    thresholds = len(THRESHOLDS) + 1
    spots = _histogram(
        (of_target, (targets.value > 0).astype(int), targets.event), (groups, 2, n_classes)
    )
    found = _histogram(place, (groups, 2, n_classes, thresholds))
    correct = _histogram(
        (in_group, kind, lane, event, bin_), (groups, 2, len(tolerances), n_classes, thresholds)
    )
    return Counts(
        _by_kind(spots), _by_kind(_from_threshold(found)), _by_kind(_from_threshold(correct))
    )


def _histogram(index: tuple[NDArray, ...], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """How often each cell of an array of this shape is named."""
    place = np.ravel_multi_index(index, shape)
    return np.bincount(place, minlength=int(np.prod(shape))).reshape(shape)


def _from_threshold(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers that reach exactly 0…200 thresholds to numbers at each threshold: […, 200]."""
    return counts[..., ::-1].cumsum(axis=-1)[..., ::-1][..., 1:]


def _by_kind(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Axis 1 from unshown, visible to all, visible, unshown."""
    return np.stack([counts.sum(axis=1), counts[:, 1], counts[:, 0]], axis=1)


def _ratio(numerator: NDArray[np.int64], denominator: NDArray[np.int64]) -> NDArray[np.float64]:
    """numerator / denominator, 0 where the denominator is 0."""
    out = np.zeros(np.broadcast_shapes(numerator.shape, denominator.shape))
    return np.divide(numerator, denominator, out=out, where=denominator > 0)


def interpolated_ap(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> NDArray:
    """11-point average precision over the first axis, the thresholds in rising order.

    Recall falls along it. So the points with recall >= level are the first ones, and the best
    precision among them is a running maximum, read at the last of them.
    """
    best = np.array(precision)
    for k in range(1, len(best)):  # whole rows at a time, which accumulate() does not do
        np.maximum(best[k - 1 : k], best[k : k + 1], out=best[k : k + 1])
    # In doubles, 10 * (j / 10) == j for the levels j / 10, and recalls below stay below.
    last = 10 * recall
    np.floor(last, out=last)
    np.minimum(last, 10, out=last)
    last += 1  # number of levels that a point reaches,
    last[:-1] -= last[1:]  # and of those that it is the last to reach
    return np.einsum("k...,k...->...", best, last) / 11


def trapezoid_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over axis 0 by the trapezoid rule: the two end points weigh half. [n, …] -> […]"""
    if len(values) == 1:
        return values[0]
    return (values[1:] + values[:-1]).sum(axis=0) / (2 * (len(values) - 1))


def published_factor(kind: str, tolerances: tuple[int, ...]) -> float:
    """What a mean over classes and tolerances is multiplied by: 17/13 for unshown spots."""
    return UNSHOWN_FACTOR if kind == "unshown" and len(tolerances) > 1 else 1.0
