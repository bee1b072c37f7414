"""One side of a report: a run's measures, its training, its settings, its resampled scores."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.metric.average_map import KINDS, TOLERANCES_SECONDS
from common.metric.bootstrap import Interval, Resampled, ResampledMap, draw_weights, resample
from common.report.measures import METRICS, Measures, measure
from common.results.confidences import require_confidence
from common.results.operating_points import POINT_FILE, load_point
from common.results.reading import EVALUATION_FRAMERATE
from common.results.run_record import TESTED, TRAINED, read_record
from common.results.scored_run import ScoredRun
from common.results.training_curves import Curves, read_curves


@dataclass(frozen=True)
class ReportedRun:
    """What a report knows of a run.

    `origin` says in words where its numbers are from. `resampled` holds its scores over resampled
    games, by metric and kind of spots; it is empty where no intervals were asked for. `framerate`
    is that of the metric's time line.
    """

    name: str
    measures: Measures
    curves: Curves | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)
    resampled: dict[str, dict[str, ResampledMap]] = field(default_factory=dict)
    framerate: float = EVALUATION_FRAMERATE

    def average_map(self, metric: str, kind: str) -> Resampled | None:
        """Average-mAP and its resamples; None without resamples."""
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


def measured_run(
    run: ScoredRun,
    path: Path,
    name: str,
    *,
    tolerance: float,
    threshold: float | str | None,
    resamples: int,
    step: Callable[[str], None],
) -> ReportedRun:
    """What a report shows of a run.

    Args:
        path: the run's folder, with its curves and its operating point.
        tolerance: seconds, of errors, F1 and reliability.
        threshold: lowest confidence counted; "auto": those saved in the folder; None: each class's
            of best F1 on these games.
        step: called with a few words before each of 1 + `bootstrap_steps` steps.
    """
    step(f"{name}: matching")
    measures = measure(
        run.targets,
        run.detections,
        len(run.classes),
        tolerance=tolerance,
        thresholds=_thresholds(threshold, run, path),
        framerate=run.framerate,
    )
    resampled = resample_metrics(run, resamples, step)
    origin = {
        "data": str(run.root.resolve()),
        "results": str(path.resolve()),
        **recorded_origin(path),
    }
    return ReportedRun(
        name, measures, read_curves(path), run.settings or {}, origin, resampled, run.framerate
    )


def recorded_origin(path: Path) -> dict[str, str]:
    """When, with which command and with which versions a run was trained and tested, in words.

    What its records do not tell is left out; a zip or folder of results has none.
    """
    origin = {}
    for file, what in ((TRAINED, "trained"), (TESTED, "tested")):
        if not (path / file).is_file():
            continue
        record = read_record(path / file)
        command, packages = record.get("command"), record.get("packages")
        words = shlex.join(["python", *map(str, command)]) if isinstance(command, list) else None
        versions = packages.items() if isinstance(packages, dict) else ()
        origin[what] = record.get("started")
        origin[f"{what} with"] = words
        origin[f"versions when {what}"] = ", ".join(
            f"{name} {version}" for name, version in [("Python", record.get("python")), *versions]
            if version
        )  # fmt: skip
        origin[f"{what} on"] = record.get("platform")
    return {name: str(words) for name, words in origin.items() if words}


def _thresholds(
    threshold: float | str | None, run: ScoredRun, path: Path
) -> NDArray[np.float64] | None:
    """Thresholds of the classes [C]; None: they are yet to be chosen."""
    if threshold == "auto":
        return load_point(path / POINT_FILE, run.classes.names).thresholds
    if threshold is None:
        return None
    require_confidence(threshold, path)
    return np.full(len(run.classes), float(threshold))


def counted_from(threshold: float | str | None) -> str:
    """Which thresholds the counted detections reach, in words."""
    if threshold is None:
        return "each class's threshold of best F1, chosen with hindsight, on these games"
    if threshold == "auto":
        return f"the thresholds of {POINT_FILE} in the run's folder"
    return f"the threshold {threshold}"


def bootstrap_steps(runs: Sequence[ScoredRun], resamples: int) -> int:
    """How many times `resample_metrics` calls `step` for these runs: per metric and class."""
    return sum(len(run.classes) for run in runs) * len(METRICS) if resamples else 0


def resample_metrics(
    run: ScoredRun, resamples: int, step: Callable[[str], None]
) -> dict[str, dict[str, ResampledMap]]:
    """Each metric over resampled games, all runs on the same draws."""
    if not resamples:
        return {}

    def classes(numbers: Iterable[int]) -> Iterator[int]:
        for number in numbers:
            step(f"{run.name}: intervals")
            yield number

    weights = draw_weights(len(run.games), resamples, seed=0)
    return {
        metric: resample(
            run.targets,
            run.detections,
            len(run.classes),
            TOLERANCES_SECONDS[metric],
            weights,
            halves=run.classes.halves,
            framerate=run.framerate,
            kinds=KINDS,
            progress=classes,
        )
        for metric in METRICS
    }
