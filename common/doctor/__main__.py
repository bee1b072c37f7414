"""Looks over a data folder before training: what would fail, and which quirks it has.

python -m common.doctor --SoccerNet_path DATA --features ResNET_TF2.npy --split train valid test
"""

import argparse
from collections.abc import Sequence

from common.errors import UserError, run_cli
from common.training.argument_types import place, positive
from common.training.flags import new_parser


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags in `argv`, or in the command line."""
    parser = new_parser(
        "python -m common.doctor",
        "Check a data folder: files, values, half lengths, labels. Exit code 1 if "
        "training on it would fail. Reads all features; --fast reads only their headers.",
    )
    add = parser.add_argument
    add("--SoccerNet_path", type=place, required=True, help="data folder")
    add("--features", nargs="+", required=True, metavar="NAME",
        help="feature files without the number of the half, used side by side")  # fmt: skip
    add("--split", nargs="+", help="splits to check [those of which games are there]")
    add("--version", type=int, default=2, help="SoccerNet version: 1 (3 classes) or 2 (17) [2]")
    add(
        "--feature_dim", type=positive, help="features per frame, all files [what most halves have]"
    )
    add("--framerate", type=float, default=2, help="feature rows per second [2]")
    add("--fast", action="store_true", help="do not look for NaN and infinity in the values")
    add("--players", action="store_true",
        help="look at the box and calibration files of players, too")  # fmt: skip
    add("--no-notes", action="store_true", help="list only what training would fail on")
    args = parser.parse_args(argv)
    if not 0 < args.framerate < float("inf"):
        raise UserError(f"--framerate must be rows per second, above 0, found {args.framerate:g}")
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Prints a table of findings and a line per split; 1 if training would fail."""
    args = parse_arguments(argv)
    # Behind the flags: --help waits for none of them.
    from rich.console import Console

    from common.data.events import event_classes
    from common.data.games import read_splits
    from common.data.wanted_files import hints, how_to_get
    from common.doctor.checks import (
        FolderCheck,
        check_lists,
        check_split,
        default_splits,
    )
    from common.doctor.comparisons import compare_games
    from common.doctor.findings import findings_table, summary

    root = args.SoccerNet_path
    try:
        classes = event_classes(root, args.version)
        listed = read_splits(root)
    except UserError as error:  # not a mistyped flag, but a finding about the folder
        print(f"error: {error}")
        return 1
    problems = check_lists(root, listed, args.split)
    here = [split for split in listed if any((root / game).is_dir() for game in listed[split])]
    own = (root / "splits.json").is_file()  # then all of its splits are meant
    splits = args.split or (list(listed) if own else here) or list(listed)
    # A list that names a game twice is told above; its games are looked at when it is mended.
    splits = [s for s in splits if s not in listed or len({*listed[s]}) == len(listed[s])]
    check = FolderCheck(
        root,
        tuple(args.features),
        classes,
        framerate=args.framerate,
        read_values=not args.fast,
        players=args.players,
    )
    checked = {split: check_split(check, split) for split in splits}
    errors, notes = compare_games(check, checked, args.feature_dim)
    problems += errors
    notes += [] if args.split else default_splits(listed)
    reports = [report for of_split in checked.values() for report in of_split]
    table = findings_table(reports, not args.no_notes)
    if table.row_count:
        # Wide enough for game names in a log file, too; file names are no markup.
        width = max(Console().width, 120)
        Console(width=width, markup=False, highlight=False, emoji=False).print(table)
    for problem in problems:
        print(f"error: {problem}")
    for note in () if args.no_notes else notes:
        print(f"note: {note}")
    for split, of_split in checked.items():
        print(summary(split, len(listed[split]), of_split, args.framerate))
    absent = [root / report.game / name for report in reports for name in report.absent]
    if absent:
        advice = how_to_get(absent, root, splits, args.features, classes.label_file)
        print(*hints(absent, root, args.features), advice, sep="\n")
    return int(bool(problems) or any(report.errors for report in reports))


if __name__ == "__main__":
    run_cli(main)
