"""Confidence thresholds and what detections at or above them are worth, as pure functions.

Average precision ranks detections; people who use them need a yes or no. Matching is the metric's:
a spot takes the most confident free detection in its reach, so the detections that a threshold
leaves are matched in the same way with and without the others, and all thresholds share one
matching.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.metric.matching import Spots, last_of_each_cell, match


@dataclass(frozen=True)
class Outcome:
    """Annotated spots, detections and, of those, correct ones of each class: [C] each."""

    spots: NDArray[np.int64]
    found: NDArray[np.int64]
    correct: NDArray[np.int64]

    @property
    def precision(self) -> NDArray[np.float64]:
        """Share of the detections that is correct; 0 where there are none."""
        return self.correct / np.maximum(self.found, 1)

    @property
    def recall(self) -> NDArray[np.float64]:
        """Share of the spots that is found; 0 where there are none."""
        return self.correct / np.maximum(self.spots, 1)

    @property
    def f1(self) -> NDArray[np.float64]:
        """Harmonic mean of precision and recall: 2 correct / (found + spots)."""
        return 2 * self.correct / np.maximum(self.found + self.spots, 1)

    def micro(self) -> "Outcome":
        """All classes as one: their counts are added."""
        return Outcome(
            *(part.sum(keepdims=True) for part in (self.spots, self.found, self.correct))
        )

    def macro(self) -> tuple[float, float, float]:
        """Means of precision, recall and F1 over the classes that have spots."""
        annotated = self.spots > 0
        if not annotated.any():
            return 0.0, 0.0, 0.0
        precision, recall, f1 = (
            float(part[annotated].mean()) for part in (self.precision, self.recall, self.f1)
        )
        return precision, recall, f1


def best_thresholds(
    targets: Spots, detections: Spots, n_classes: int, tolerance: float, framerate: float = 2
) -> NDArray[np.float64]:
    """The threshold of each class that has the best F1: [C].

    It is the confidence of a detection; of equally good ones the highest. Infinite where no
    detection is correct, for then none should be kept.

    Args:
        tolerance: in seconds; a detection is correct at most half of it away from its spot.
    """
    targets, detections, correct = _matched(targets, detections, tolerance, framerate)
    thresholds = np.full(n_classes, np.inf)
    for event in range(n_classes):
        ours = detections.event == event
        order = np.argsort(-detections.value[ours], kind="stable")
        confidence = detections.value[ours][order]
        right = np.cumsum(correct[ours][order])
        # Equal confidences pass a threshold together: only after the last of them it is a choice.
        choices = np.flatnonzero(np.diff(confidence, append=-1.0))
        spots = int((targets.event == event).sum())
        f1 = 2 * right[choices] / (choices + 1 + spots)
        if f1.max(initial=0) > 0:
            thresholds[event] = confidence[choices[np.argmax(f1)]]
    return thresholds


def outcome_at(
    targets: Spots,
    detections: Spots,
    thresholds: NDArray[np.float64],
    tolerance: float,
    framerate: float = 2,
) -> Outcome:
    """What the detections at or above the thresholds of their classes [C] are worth."""
    targets, detections, correct = _matched(targets, detections, tolerance, framerate)
    kept = detections.value >= thresholds[detections.event]
    spots, found, right = (
        np.bincount(events, minlength=len(thresholds))
        for events in (targets.event, detections.event[kept], detections.event[kept & correct])
    )
    return Outcome(spots, found, right)


def _matched(
    targets: Spots, detections: Spots, tolerance: float, framerate: float
) -> tuple[Spots, Spots, NDArray[np.bool_]]:
    """Spots and detections as the metric cleans them, and which detections are correct."""
    targets, detections = last_of_each_cell(targets), last_of_each_cell(detections)
    detections = detections.select(detections.value >= 0)
    correct = np.zeros(len(detections), bool)
    correct[match(targets, detections, tolerance * framerate / 2)[1]] = True
    return targets, detections, correct
