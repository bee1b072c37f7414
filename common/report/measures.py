"""All that a report shows of one run's spots, computed once from arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.metric.average_map import (
    TOLERANCES_SECONDS,
    AveragePrecision,
    PrecisionRecall,
    average_map,
    precision_recall,
)
from common.metric.matching import Spots
from common.metric.thresholds import Outcome, best_thresholds, outcome_at
from common.report.errors_by_kind import CORRECT, Judged, judge
from common.report.reliability import Reliability, reliability

EVERY_SECOND = tuple(range(1, 61))  # tolerances (s) of the curve of mAP
CURVE_TOLERANCES = (5, 30, 60)  # tolerances (s) of the precision-recall curves
METRICS = ("loose", "tight")


@dataclass(frozen=True)
class Measures:
    """Scores, curves, the worth of confidences, and what each detection is."""

    metrics: dict[str, AveragePrecision]
    by_tolerance: AveragePrecision  # at 1, 2, …, 60 s
    curves: PrecisionRecall  # at CURVE_TOLERANCES
    reliability: Reliability  # of all detections
    thresholds: NDArray[np.float64]  # [C]
    outcome: Outcome  # of the detections from the thresholds on
    judged: Judged  # the same detections


def measure(
    targets: Spots,
    detections: Spots,
    n_classes: int,
    *,
    tolerance: float = 5,
    thresholds: NDArray[np.float64] | None = None,
    framerate: float = 2,
) -> Measures:
    """Measures detections against annotated spots.

    Args:
        tolerance: seconds, of the kinds of errors, precision, recall and F1, and the reliability.
        thresholds: lowest confidence that counts for the kinds of errors, of each class: [C].
            None takes those of best F1.
    """
    by_tolerance = average_map(targets, detections, n_classes, EVERY_SECOND, framerate)
    everything = judge(targets, detections, np.zeros(n_classes), tolerance, framerate)
    if thresholds is None:
        thresholds = best_thresholds(targets, detections, n_classes, tolerance, framerate)
    return Measures(
        {metric: _only(by_tolerance, TOLERANCES_SECONDS[metric]) for metric in METRICS},
        by_tolerance,
        precision_recall(targets, detections, n_classes, CURVE_TOLERANCES, framerate),
        reliability(everything.detections.value, everything.kind == CORRECT),
        thresholds,
        outcome_at(targets, detections, thresholds, tolerance, framerate),
        judge(targets, detections, thresholds, tolerance, framerate),
    )


def _only(every: AveragePrecision, tolerances: tuple[int, ...]) -> AveragePrecision:
    """The part of it that these tolerances are."""
    places = [every.tolerances.index(seconds) for seconds in tolerances]
    return AveragePrecision(tolerances, every.ap[:, places], every.spots, every.detections)
