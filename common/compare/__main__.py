"""Compares runs over the same games: average-mAP with 95 % intervals, paired differences, p-values.

python -m common.compare models/NetVLAD++ models/MaxPool --metric loose tight --per-class
"""

import argparse
from collections.abc import Sequence

from common.errors import counted, run_cli
from common.metric.average_map import KINDS, TOLERANCES_SECONDS
from common.metric.bootstrap import FEW_GAMES, FEW_GAMES_WARNING
from common.training.argument_types import file_to_write, place, rate, seed, whole
from common.training.flags import new_parser


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags in `argv`, or in the command line."""
    parser = new_parser(
        "python -m common.compare",
        "Average-mAP of runs with 95 % intervals over games; differences to the first run with "
        "interval and p-value.",
        usage="%(prog)s RUN [RUN …] [flags]",
    )
    add = parser.add_argument
    # fmt: off
    add("runs", type=place, nargs="+", metavar="RUN",
        help="run folder models/<model_name>, or a zip or folder of result files")
    add("--split", default="test", help="games to compare on, any split with labels [test]")
    add("--metric", nargs="+", default=["loose", "tight"], choices=TOLERANCES_SECONDS,
        help="loose: 5…60 s (2021), tight: 1…5 s (2022), atN: N s only [loose tight]")
    add("--kind", nargs="+", default=["all"], choices=KINDS,
        help="spots to score: all, visible or unshown ones [all]")
    add("--per-class", action="store_true", help="print each class, too")
    add("--resamples", type=whole(1, 10**7), default=10_000, help="number of resamples [10000]")
    add("--seed", type=seed, default=0, help="of the resamples [0]")
    add("--SoccerNet_path", type=place, help="data root for all runs [that of each run]")
    add("--version", type=int, choices=(1, 2),
        help="SoccerNet version: 1 (3 classes) or 2 (17) [that of each run, else 2]")
    add("--gt-time", choices=("position", "gameTime"), default="position",
        help="clock of the annotations: ms, or whole seconds as in 2021 [position]")
    add("--framerate", type=rate, default=2,
        help="frames per second of the metric, 25 for ball actions; not that of features [2]")
    add("--allow-missing", action="store_true", help="count games without results as empty")
    add("--output", type=file_to_write, metavar="FILE",
        help="write all numbers as .json or .csv, or the printed tables as .md")
    # fmt: on
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the tables and writes them when asked to."""
    args = parse_arguments(argv)
    # Behind the flags: --help waits for none of them.
    from common.compare.output import check_suffix, comparison_tables, print_tables, write_output
    from common.compare.paired import compare_runs, unique_names
    from common.results.reading import Reading
    from common.results.scored_run import read_run

    if args.output:
        check_suffix(args.output)
    metrics, kinds = list(dict.fromkeys(args.metric)), tuple(dict.fromkeys(args.kind))
    reading = Reading(
        framerate=args.framerate, gt_time=args.gt_time, allow_missing=args.allow_missing
    )
    data = {"SoccerNet_path": args.SoccerNet_path, "version": args.version}
    runs = [read_run(path, args.split, **data, reading=reading) for path in args.runs]
    names = unique_names(args.runs, runs)
    lines = compare_runs(
        runs,
        names=names,
        metrics=metrics,
        kinds=kinds,
        resamples=args.resamples,
        seed=args.seed,
    )
    about = (
        f"{args.split}: {counted(len(runs[0].games), 'game')} at {args.framerate:g} frames per "
        f"second, {counted(args.resamples, 'resample')}"
    )
    tables = comparison_tables(lines, about, args.per_class)
    print_tables(tables)
    if len(runs[0].games) < FEW_GAMES:
        print(FEW_GAMES_WARNING)
    if args.output:
        facts = {
            "split": args.split,
            "games": len(runs[0].games),
            "gt_time": args.gt_time,
            "framerate": args.framerate,
            "resamples": args.resamples,
            "seed": args.seed,
        }
        write_output(args.output, lines, tables, facts)
        print(f"all numbers: {args.output}")


if __name__ == "__main__":
    run_cli(main)
