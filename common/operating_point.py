"""From ranked detections to a yes or no: a threshold for each class, and what it is worth.

python -m common.operating_point models/NetVLAD++ --on valid --apply test --write
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from common.errors import UserError, run_cli
from common.files import read_json, write_json
from common.metric.thresholds import Outcome, best_thresholds, outcome_at
from common.results.kept_detections import write_kept
from common.results.reading import EVALUATION_FRAMERATE
from common.results.scored_run import RunResults, ScoredRun, find_results, read_run
from common.results.tables import counted
from common.training.argument_types import rate

POINT_FILE = "operating_point.json"
TOLERANCE_SECONDS = 5.0


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
    thresholds = best_thresholds(*spots, len(run.classes), tolerance, EVALUATION_FRAMERATE)
    outcome = outcome_at(*spots, thresholds, tolerance, EVALUATION_FRAMERATE)
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
            f"python -m common.operating_point {path.parent}"
        )
    content = read_json(path)
    try:
        classes = content["classes"]
        thresholds = [classes[name]["threshold"] for name in names]
        point = OperatingPoint(
            np.array([np.inf if each is None else float(each) for each in thresholds]),
            float(content["tolerance_seconds"]),
            str(content["chosen_on"]),
            np.array([float(classes[name]["F1"]) for name in names]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} does not hold thresholds of the classes {', '.join(names)} ({error!r}); "
            "choose them anew without --threshold"
        ) from None
    return point


def _numbers(outcome: Outcome, event: int) -> dict[str, Any]:
    return {
        "precision": float(outcome.precision[event]),
        "recall": float(outcome.recall[event]),
        "F1": float(outcome.f1[event]),
        "spots": int(outcome.spots[event]),
        "found": int(outcome.found[event]),
        "correct": int(outcome.correct[event]),
    }


def print_outcome(run: ScoredRun, point: OperatingPoint, outcome: Outcome) -> None:
    """Prints precision, recall and F1 in % per class, and both averages."""
    table = Table(
        title=f"{run.name}, {run.split}: {counted(len(run.games), 'game')}, at most "
        f"{point.tolerance / 2:g} s from a spot, %",
        title_justify="left",
        pad_edge=False,
    )
    table.add_column("class", no_wrap=True)
    columns = ["threshold", "precision", "recall", "F1", "spots", "found", "correct"]
    if point.f1 is not None:
        columns.insert(4, f"F1 on {point.chosen_on}")
    for column in columns:
        table.add_column(column, justify="right")
    for c, name in enumerate(run.classes.names):
        threshold = point.thresholds[c]
        first = f"{threshold:.4f}" if np.isfinite(threshold) else "none"
        there = [] if point.f1 is None else [f"{100 * point.f1[c]:.2f}"]
        table.add_row(name, first, *_percent(outcome, c), *there, *_counts(outcome, c))
    table.add_section()
    micro, blank = outcome.micro(), [""] * (point.f1 is not None)
    table.add_row("all together (micro)", "", *_percent(micro, 0), *blank, *_counts(micro, 0))
    means = [f"{100 * mean:.2f}" for mean in outcome.macro()]
    table.add_row("mean of classes (macro)", "", *means, *blank, "", "", "")
    Console(width=max(Console().width, 110)).print(table)


def _percent(outcome: Outcome, event: int) -> list[str]:
    shares = outcome.precision, outcome.recall, outcome.f1
    return [f"{100 * share[event]:.2f}" for share in shares]


def _counts(outcome: Outcome, event: int) -> list[str]:
    return [str(part[event]) for part in (outcome.spots, outcome.found, outcome.correct)]


def threshold(text: str) -> float | str:
    """An argparse type: auto, or a finite number from 0 on."""
    if text == "auto":
        return text
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < np.inf:
        raise argparse.ArgumentTypeError(f"expected auto or a number from 0 on, found {text}")
    return number


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m common.operating_point",
        description="Choose for each class the threshold of best F1 on one split, save it in the "
        "run's folder, and tell precision, recall and F1 on another.",
    )
    add = parser.add_argument
    # fmt: off
    add("run", type=Path, metavar="RUN", help="run folder models/<model_name>")
    add("--on", default="valid", metavar="SPLIT", help="choose thresholds here [valid]")
    add("--apply", nargs="+", default=["test"], metavar="SPLIT", help="use them here [test]")
    add("--tolerance", type=rate, metavar="SECONDS",
        help="a detection is correct at most half of it away from its spot [5, or as saved]")
    add("--threshold", type=threshold,
        help="do not choose: auto takes the saved thresholds, a number is for all classes")
    add("--write", action="store_true",
        help="write the detections at or above the thresholds to RUN/detections_<split>/ and .zip")
    add("--SoccerNet_path", type=Path, help="data root [that of the run]")
    add("--version", type=int, choices=(1, 2),
        help="SoccerNet version: 1 (3 classes) or 2 (17) [that of the run, else 2]")
    add("--gt-time", choices=("position", "gameTime"), default="position",
        help="clock of the annotations: ms, or whole seconds as in 2021 [position]")
    add("--allow-missing", action="store_true", help="count games without results as empty")
    # fmt: on
    return parser.parse_args()


def main() -> None:
    """Chooses or loads thresholds, prints what they are worth, writes what they keep."""
    args = _parse_arguments()
    if not args.run.is_dir():
        raise UserError(f"expected a run folder models/<model_name> at {args.run}, found none")
    data = args.SoccerNet_path, args.version
    found = [find_results(args.run, split, *data) for split in args.apply]
    for results in found:
        if not (args.write or results.has_labels()):
            raise UserError(
                f"the games of {results.split} have no labels, so only --write can be of use there"
            )
    point = _point(args, found[0])
    for results in found:
        if results.has_labels():
            run = read_run(args.run, results.split, *data, args.gt_time, args.allow_missing)
            spots = run.targets, run.detections
            outcome = outcome_at(*spots, point.thresholds, point.tolerance, EVALUATION_FRAMERATE)
            print_outcome(run, point, outcome)
            if results.split == point.chosen_on:
                print("the thresholds were chosen on these games: on others expect less")
        if args.write:
            folder = args.run / f"detections_{results.split}"
            kept = write_kept(results, point.thresholds, folder)
            print(f"{counted(kept, 'detection')}: {folder} and {folder}.zip")


def _point(args: argparse.Namespace, results: RunResults) -> OperatingPoint:
    """The operating point that the flags ask for; one that is chosen is saved."""
    path = args.run / POINT_FILE
    if args.threshold == "auto":
        saved = load_point(path, results.classes.names)
        tolerance = args.tolerance or saved.tolerance
        return OperatingPoint(saved.thresholds, tolerance, saved.chosen_on, saved.f1)
    tolerance = args.tolerance or TOLERANCE_SECONDS
    if args.threshold is not None:
        return OperatingPoint(np.full(len(results.classes), args.threshold), tolerance)
    data = args.SoccerNet_path, args.version, args.gt_time, args.allow_missing
    run = read_run(args.run, args.on, *data)
    point, outcome = choose(run, tolerance)
    save_point(path, point, outcome, run)
    print(f"thresholds of best F1 on {args.on} ({counted(len(run.games), 'game')}): {path}")
    return point


if __name__ == "__main__":
    run_cli(main)
