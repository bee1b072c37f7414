"""From ranked detections to a yes or no: a threshold for each class, and what it is worth.

python -m common.operating_point models/NetVLAD++ --on valid --apply test --write
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from common.errors import UserError, counted, run_cli
from common.metric.thresholds import outcome_at
from common.results.confidences import beyond_measure, lowest_kept, told_lowest
from common.results.kept_detections import write_kept
from common.results.operating_points import (
    MOST_TOLERANCE_SECONDS,
    POINT_FILE,
    TOLERANCE_SECONDS,
    choose,
    given_point,
    save_point,
)
from common.results.reading import Reading
from common.results.scored_run import find_results, read_run
from common.training.argument_types import place, rate, threshold
from common.training.flags import new_parser


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags in `argv`, or in the command line."""
    parser = new_parser(
        "python -m common.operating_point",
        "Choose for each class the threshold of best F1 on one split, save it in the run's folder, "
        "and tell precision, recall and F1 on another.",
        usage="%(prog)s RUN [flags]",
    )
    add = parser.add_argument
    # fmt: off
    add("run", type=place, metavar="RUN", help="run folder models/<model_name>")
    add("--on", default="valid", metavar="SPLIT", help="choose thresholds here [valid]")
    add("--apply", nargs="+", default=["test"], metavar="SPLIT", help="use them here [test]")
    add("--tolerance", type=rate, metavar="SECONDS",
        help="a detection is correct at most half of it away from its spot [5, or as saved]")
    add("--threshold", type=threshold,
        help="do not choose: auto takes the saved thresholds, a number is for all classes")
    add("--write", action="store_true",
        help="write the detections at or above the thresholds to RUN/detections_<split>/ and .zip")
    add("--SoccerNet_path", type=place, help="data root [that of the run]")
    add("--version", type=int, choices=(1, 2),
        help="SoccerNet version: 1 (3 classes) or 2 (17) [that of the run, else 2]")
    add("--gt-time", choices=("position", "gameTime"), default="position",
        help="clock of the annotations: ms, or whole seconds as in 2021 [position]")
    add("--framerate", type=rate, default=2,
        help="frames per second of the metric, 25 for ball actions; not that of features [2]")
    add("--allow-missing", action="store_true", help="count games without results as empty")
    # fmt: on
    args = parser.parse_args(argv)
    if args.tolerance is not None and args.tolerance > MOST_TOLERANCE_SECONDS:
        raise UserError(
            f"--tolerance must be at most {MOST_TOLERANCE_SECONDS:g} s, found {args.tolerance:g}"
        )
    return args


def main(argv: Sequence[str] | None = None) -> None:
    """Chooses or loads thresholds, prints what they are worth, writes what they keep."""
    args = parse_arguments(argv)
    from common.results.outcome_table import print_outcome  # behind the flags: --help is quick

    if not args.run.is_dir():
        raise UserError(f"expected a run folder models/<model_name> at {args.run}, found none")
    data = {"SoccerNet_path": args.SoccerNet_path, "version": args.version}
    reading = Reading(
        framerate=args.framerate, gt_time=args.gt_time, allow_missing=args.allow_missing
    )
    found = [find_results(args.run, split, **data) for split in args.apply]
    for results in found:
        if not (args.write or results.has_labels()):
            raise UserError(
                f"the games of {results.split} have no labels, so only --write can be of use there"
            )
    if args.threshold is None:
        chosen_on = read_run(args.run, args.on, **data, reading=reading)
        point, outcome = choose(chosen_on, args.tolerance or TOLERANCE_SECONDS)
        save_point(args.run / POINT_FILE, point, outcome, chosen_on)
        games = counted(len(chosen_on.games), "game")
        print(f"thresholds of best F1 on {args.on} ({games}): {args.run / POINT_FILE}")
    else:
        point = given_point(args.threshold, args.tolerance, args.run, found[0].classes.names)
    tell_bounds(args.run, None if args.threshold == "auto" else args.threshold)
    for results in found:
        if results.has_labels():
            run = read_run(args.run, results.split, **data, reading=reading)
            spots = run.targets, run.detections
            outcome = outcome_at(*spots, point.thresholds, point.tolerance, run.framerate)
            print_outcome(run, point, outcome)
            if results.split == point.chosen_on:
                print("the thresholds were chosen on these games: on others expect less")
        if args.write:
            folder = args.run / f"detections_{results.split}"
            kept = write_kept(results, point.thresholds, folder)
            print(f"{counted(kept, 'detection')}: {folder} and {folder}.zip")


def tell_bounds(run: Path, threshold: float | None) -> None:
    """Says where thresholds were asked for, or could not be chosen, that no detection is at.

    Args:
        threshold: for all classes; None: of each class its own.
    """
    lowest = lowest_kept(run)
    if lowest > 0 and (threshold or 0) <= lowest:
        print(told_lowest(lowest))
    if threshold is not None and (beyond := beyond_measure(threshold)):
        print(f"at or above {threshold:g}{beyond}")


if __name__ == "__main__":
    run_cli(main)
