"""All that a report shows of one run's spots, computed once from arrays."""

from dataclasses import dataclass

from common.average_map import (
    TOLERANCES_SECONDS,
    AveragePrecision,
    PrecisionRecall,
    average_map,
    precision_recall,
)
from common.matching import Spots
from common.report.confidence import (
    OperatingPoint,
    Reliability,
    at_threshold,
    best_f1,
    matched_once,
    reliability,
)
from common.report.errors_by_kind import Judged, judge

EVERY_SECOND = tuple(range(1, 61))  # tolerances (s) of the curve of mAP
CURVE_TOLERANCES = (5, 30, 60)  # tolerances (s) of the precision-recall curves
METRICS = ("loose", "tight")


@dataclass(frozen=True)
class Measures:
    """Scores, curves, the worth of confidences, and what each detection is."""

    metrics: dict[str, AveragePrecision]
    by_tolerance: AveragePrecision  # at 1, 2, …, 60 s
    curves: PrecisionRecall  # at CURVE_TOLERANCES
    point: OperatingPoint
    reliability: Reliability
    judged: Judged


def measure(
    targets: Spots,
    detections: Spots,
    n_classes: int,
    tolerance: float = 5,
    threshold: float | None = None,
    framerate: float = 2,
) -> Measures:
    """Measures detections against annotated spots.

    Args:
        tolerance: seconds, of the kinds of errors, the operating point and the reliability.
        threshold: lowest confidence that counts for the kinds of errors; None takes each class's
            threshold of best F1.
    """
    by_tolerance = average_map(targets, detections, n_classes, EVERY_SECOND, framerate)
    matched = matched_once(targets, detections, n_classes, tolerance, framerate)
    point = best_f1(matched) if threshold is None else at_threshold(matched, threshold)
    return Measures(
        {metric: _only(by_tolerance, TOLERANCES_SECONDS[metric]) for metric in METRICS},
        by_tolerance,
        precision_recall(targets, detections, n_classes, CURVE_TOLERANCES, framerate),
        point,
        reliability(matched),
        judge(targets, detections, point.threshold, tolerance, framerate),
    )


def _only(every: AveragePrecision, tolerances: tuple[int, ...]) -> AveragePrecision:
    """The part of it that these tolerances are."""
    places = [every.tolerances.index(seconds) for seconds in tolerances]
    return AveragePrecision(tolerances, every.ap[:, places], every.spots, every.detections)
