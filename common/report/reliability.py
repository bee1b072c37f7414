"""What a confidence is worth: how often detections that have it are right."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 10


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


def reliability(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], bins: int = BINS
) -> Reliability:
    """How often detections of each confidence are right. Confidences above 1 count as 1."""
    confidence = np.clip(confidence, 0, 1)
    number = np.minimum((confidence * bins).astype(int), bins - 1)
    count = np.bincount(number, minlength=bins)
    some = np.where(count > 0, count, np.nan)
    return Reliability(
        count,
        np.bincount(number, confidence, bins) / some,
        np.bincount(number, correct, bins) / some,
    )
