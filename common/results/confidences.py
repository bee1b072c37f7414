"""Between which confidences a run has detections: which thresholds say something about it."""

from pathlib import Path

from common.errors import UserError
from common.results.run_record import TESTED, TRAINED, programs, read_record, recorded_program


def require_confidence(threshold: float | str, run: Path) -> None:
    """Raises UserError for a threshold that no detection of a baseline's run can reach.

    Results that others have put into a folder may have any confidences.
    """
    if isinstance(threshold, str) or threshold <= 1 or not (run / TRAINED).is_file():
        return
    if recorded_program(read_record(run / TRAINED)) in programs():
        percent = f"; for {threshold:g} % pass {threshold / 100:g}" if threshold <= 100 else ""
        raise UserError(
            f"--threshold {threshold:g}: {run} has confidences from 0 to 1, and none reaches "
            f"that{percent}"
        )


def beyond_measure(threshold: float) -> str:
    """What is to be said of a threshold of results that may have any confidences; else nothing."""
    return "" if threshold <= 1 else ", which no confidence from 0 to 1 reaches"


def lowest_kept(run: Path, name: str = "") -> float:
    """The lowest confidence that a run's detections can have, its --NMS_threshold; 0 if unknown.

    Args:
        name: of files that it spotted in.
    """
    for record in (f"settings_file_{name}.json", TESTED, TRAINED):
        if (run / record).is_file():
            value = read_record(run / record)["settings"].get("NMS_threshold")
            return float(value) if isinstance(value, int | float) else 0.0
    return 0.0


def told_lowest(lowest: float) -> str:
    """Why a lower threshold shows no more, in words behind a comma."""
    return (
        f"the run keeps none below {lowest:g}: its program keeps more with a lower --NMS_threshold"
    )
