"""What a confidence is worth: the threshold of best F1, and how often it is right."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.matching import Spots, last_of_each_cell, match

BINS = 10


@dataclass(frozen=True)
class Matched:
    """Detections that the evaluator sees, and which of them are right: [detections] each.

    `spots` counts the annotated spots of each class, [C].
    """

    event: NDArray[np.int64]
    confidence: NDArray[np.float64]
    correct: NDArray[np.bool_]
    spots: NDArray[np.int64]


@dataclass(frozen=True)
class OperatingPoint:
    """Threshold per class, and precision, recall and F1 of what reaches it: [C] each."""

    threshold: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]


@dataclass(frozen=True)
class Reliability:
    """Detections in equal bins of confidence from 0 to 1: [bins] each, NaN in empty bins."""

    count: NDArray[np.int64]
    confidence: NDArray[np.float64]  # mean
    share_correct: NDArray[np.float64]

    def expected_error(self) -> float:
        """Mean distance between confidence and share of correct ones, weighted by count."""
        gap = np.abs(self.confidence - self.share_correct)
        return float(np.nansum(gap * self.count) / max(self.count.sum(), 1))


def matched_once(
    targets: Spots, detections: Spots, n_classes: int, tolerance: float, framerate: float = 2
) -> Matched:
    """Matches at one tolerance (s). A higher threshold later only takes detections away.

    For a spot takes a detection below the threshold only when none above it is free.
    """
    targets, detections = last_of_each_cell(targets), last_of_each_cell(detections)
    detections = detections.select(detections.value >= 0)
    correct = np.zeros(len(detections), bool)
    correct[match(targets, detections, tolerance * framerate / 2)[1]] = True
    spots = np.bincount(targets.event, minlength=n_classes)
    return Matched(detections.event, detections.value, correct, spots)


def best_f1(matched: Matched) -> OperatingPoint:
    """The threshold of highest F1 of each class, of equal ones the highest.

    A class that has no correct detection gets the threshold infinity: nothing is counted.
    """
    order = np.lexsort((-matched.confidence, matched.event))
    event, confidence = matched.event[order], matched.confidence[order]
    first = np.searchsorted(event, event)  # where its class begins
    counted = np.arange(len(event)) - first + 1
    total = np.concatenate([[0], np.cumsum(matched.correct[order])])
    correct = total[1:] - total[first]
    f1 = 2 * correct / (counted + matched.spots[event])
    cuts = np.diff(confidence, append=-np.inf) != 0  # equal confidences stand or fall together
    cuts |= np.diff(event, append=-1) != 0
    by_f1 = np.lexsort((counted, -f1, ~cuts, event))
    place = np.unique(event[by_f1], return_index=True)[1]
    best = by_f1[place][correct[by_f1[place]] > 0]

    point = OperatingPoint(*(np.zeros(len(matched.spots)) for _ in range(4)))
    point.threshold[:] = np.inf
    point.threshold[event[best]] = confidence[best]
    point.precision[event[best]] = correct[best] / counted[best]
    point.recall[event[best]] = correct[best] / matched.spots[event[best]]
    point.f1[event[best]] = f1[best]
    return point


def at_threshold(matched: Matched, threshold: float) -> OperatingPoint:
    """The same threshold for all classes."""
    counted = matched.confidence >= threshold
    n = len(matched.spots)
    found = np.bincount(matched.event[counted], minlength=n)
    correct = np.bincount(matched.event[counted & matched.correct], minlength=n)
    return OperatingPoint(
        np.full(n, float(threshold)),
        correct / np.maximum(found, 1),
        correct / np.maximum(matched.spots, 1),
        2 * correct / np.maximum(found + matched.spots, 1),
    )


def reliability(matched: Matched, bins: int = BINS) -> Reliability:
    """How often detections of each confidence are right. Confidences above 1 count as 1."""
    confidence = np.clip(matched.confidence, 0, 1)
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    some = np.where(count > 0, count, np.nan)
    return Reliability(
        count,
        np.bincount(place, confidence, bins) / some,
        np.bincount(place, matched.correct, bins) / some,
    )
