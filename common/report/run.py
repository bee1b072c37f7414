"""One side of a report: a run's measures, its training, its settings, its resampled scores."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.metric.bootstrap import Interval, Resampled, ResampledMap
from common.report.measures import Measures
from common.results.training_curves import Curves


@dataclass(frozen=True)
class Run:
    """What a report knows of a run.

    `resampled` holds its scores over resampled games, by metric and kind of spots; it is empty
    where no intervals were asked for.
    """

    name: str
    measures: Measures
    curves: Curves | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    resampled: dict[str, dict[str, ResampledMap]] = field(default_factory=dict)

    def average_map(self, metric: str, kind: str) -> Resampled | None:
        """Average-mAP and its resamples."""
        return self.resampled[metric][kind].a_map() if self.resampled else None

    def of_class(self, metric: str, event: int, kind: str = "all") -> Resampled | None:
        """Average precision of a class and its resamples."""
        return self.resampled[metric][kind].of_class(event) if self.resampled else None

    def class_bounds(self, metric: str) -> NDArray[np.float64] | None:
        """Interval of the average precision of each class: low and high, [C, 2]."""
        if not self.resampled:
            return None
        classes = self.measures.by_tolerance.ap.shape[-1]
        intervals = [self.resampled[metric]["all"].of_class(c).interval() for c in range(classes)]
        return np.array([(each.low, each.high) for each in intervals])


def interval(number: Resampled | None) -> Interval | None:
    """Its 95 % interval, if there are resamples."""
    return number.interval() if number is not None else None
