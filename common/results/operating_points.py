"""Operating points: a threshold for each class, chosen on one split and saved for others."""

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.errors import UserError
from common.files import read_json, write_json
from common.metric.thresholds import Outcome, best_thresholds, outcome_at
from common.results.confidences import require_confidence
from common.results.scored_run import ScoredRun

POINT_FILE = "operating_point.json"
TOLERANCE_SECONDS = 5.0
MOST_TOLERANCE_SECONDS = 3600.0  # more reaches over whole halves


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold for each class: [C], infinite where no detection is to be kept.

    Attributes:
        tolerance: in seconds, of the F1 that it was chosen for.
        chosen_on: split; None for a threshold that was given.
        f1: F1 of each class on that split: [C].
    """

    thresholds: NDArray[np.float64]
    tolerance: float
    chosen_on: str | None = None
    f1: NDArray[np.float64] | None = None


def choose(run: ScoredRun, tolerance: float) -> tuple[OperatingPoint, Outcome]:
    """The thresholds of best F1 on the run's split, and what they are worth there."""
    spots = run.targets, run.detections
    thresholds = best_thresholds(*spots, len(run.classes), tolerance, run.framerate)
    outcome = outcome_at(*spots, thresholds, tolerance, run.framerate)
    return OperatingPoint(thresholds, tolerance, run.split, outcome.f1), outcome


def save_point(path: Path, point: OperatingPoint, outcome: Outcome, run: ScoredRun) -> None:
    """Writes thresholds and outcome as JSON; a threshold of null keeps nothing of its class."""
    classes = {
        name: {
            "threshold": float(point.thresholds[c]) if np.isfinite(point.thresholds[c]) else None,
            **_numbers(outcome, c),
        }
        for c, name in enumerate(run.classes.names)
    }
    macro = dict(zip(("precision", "recall", "F1"), outcome.macro(), strict=True))
    content = {
        "chosen_on": run.split,
        "games": len(run.games),
        "tolerance_seconds": point.tolerance,
        "micro": _numbers(outcome.micro(), 0),
        "macro": macro,
        "classes": classes,
    }
    write_json(path, content)


def load_point(path: Path, names: tuple[str, ...]) -> OperatingPoint:
    """Reads what `save_point` wrote. Raises UserError if it is absent or of other classes."""
    if not path.is_file():
        raise UserError(
            f"{path} is not there; choose thresholds first: "
            f"python -m common.operating_point {shlex.quote(str(path.parent.resolve()))}"
        )
    content = read_json(path)
    try:
        classes = content["classes"]
        thresholds = [classes[name]["threshold"] for name in names]
        tolerance = _number(content["tolerance_seconds"], "tolerance_seconds")
        if not 0 < tolerance <= MOST_TOLERANCE_SECONDS:
            raise ValueError(f"tolerance_seconds: {tolerance}")
        if not isinstance(content["chosen_on"], str):
            raise ValueError(f"chosen_on: {content['chosen_on']!r}")
        point = OperatingPoint(
            np.array([np.inf if t is None else _number(t, "threshold") for t in thresholds]),
            tolerance,
            content["chosen_on"],
            np.array([_share(classes[name]["F1"], "F1") for name in names]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} does not hold thresholds of the classes {', '.join(names)} ({error!r}); "
            "choose them anew without --threshold"
        ) from None
    return point


def saved_classes(path: Path) -> tuple[str, ...]:
    """Names of the classes of saved thresholds, in their order. Raises UserError if it has none."""
    content = read_json(path)
    classes = content.get("classes") if isinstance(content, dict) else None
    if not isinstance(classes, dict):
        raise UserError(f'{path} has no object "classes"; choose thresholds anew, or remove it')
    return tuple(classes)


def _number(value: Any, name: str) -> float:
    """A number from 0 on that JSON holds. Raises ValueError for anything else."""
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    if not (numeric and 0 <= value < np.inf):
        raise ValueError(f"{name}: {value!r}")
    return float(value)


def _share(value: Any, name: str) -> float:
    """A number from 0 to 1. Raises ValueError for anything else."""
    if _number(value, name) > 1:
        raise ValueError(f"{name}: {value!r}")
    return float(value)


def given_point(
    threshold: float | str, tolerance: float | None, run: Path, names: tuple[str, ...]
) -> OperatingPoint:
    """A threshold for all classes, or with "auto" those that were saved in the run's folder.

    Args:
        tolerance: seconds; None: as saved, else TOLERANCE_SECONDS.

    Raises:
        UserError: auto, and none were saved; or no confidence of the run can reach the threshold.
    """
    require_confidence(threshold, run)
    if threshold == "auto":
        saved = load_point(run / POINT_FILE, names)
        return replace(saved, tolerance=tolerance or saved.tolerance)
    thresholds = np.full(len(names), float(threshold))
    return OperatingPoint(thresholds, tolerance or TOLERANCE_SECONDS)


def _numbers(outcome: Outcome, event: int) -> dict[str, Any]:
    return {
        "precision": float(outcome.precision[event]),
        "recall": float(outcome.recall[event]),
        "F1": float(outcome.f1[event]),
        "spots": int(outcome.spots[event]),
        "found": int(outcome.found[event]),
        "correct": int(outcome.correct[event]),
    }
