"""Checks result files as the evaluation server needs them, before they are sent.

python -m common.validate_submission results_spotting_challenge.zip --split challenge
"""

import argparse
from collections.abc import Sequence

from common.data.events import SOCCERNET_V1, SOCCERNET_V2, event_classes
from common.data.games import games_at_hand, official_splits, read_splits
from common.errors import UserError, run_cli
from common.results.predictions import RESULT_FILE
from common.results.scored_run import results_of_run
from common.results.validity import validate, verdict
from common.training.argument_types import place
from common.training.flags import new_parser

_MOST_NOTES = 10


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags in `argv`, or in the command line."""
    parser = new_parser(
        "python -m common.validate_submission",
        "Check a zip or a folder of result files. Exit code 0 if valid, 1 if not.",
        usage="%(prog)s PATH [flags]",
    )
    add = parser.add_argument
    # fmt: off
    add("path", type=place,
        help="results_spotting.zip, a folder with the same layout, or the folder of a run")
    add("--split", default="challenge", help="the games that must be there [challenge]")
    add("--SoccerNet_path", type=place,
        help="data folder: its splits.json, classes.json, games [SoccerNet's own]")
    add("--version", type=int, default=2, choices=(1, 2),
        help="SoccerNet version: 1 (3 classes) or 2 (17) [2]")
    add("--Prediction_file", default=RESULT_FILE, help=f"name of the files [{RESULT_FILE}]")
    # fmt: on
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Prints each finding as a sentence and a verdict; 1 if the submission is not valid."""
    args = parse_arguments(argv)
    root = args.SoccerNet_path
    splits = read_splits(root) if root else official_splits()
    if args.split not in splits:
        own = "" if root else "; of data of your own pass --SoccerNet_path"
        raise UserError(f"unknown split {args.split!r}; choose of {', '.join(splits)}{own}")
    soccernet = SOCCERNET_V1 if args.version == 1 else SOCCERNET_V2
    classes = event_classes(root, args.version) if root else soccernet
    expected = games_at_hand(root, [args.split]) if root else splits[args.split]
    findings = validate(
        results_of_run(args.path, args.split), expected, classes, args.Prediction_file
    )
    for error in findings.errors:
        print(f"error: {error}")
    for warning in findings.warnings:
        print(f"warning: {warning}")
    for note in findings.notes[:_MOST_NOTES]:
        print(f"note: {note}")
    if (more := len(findings.notes) - _MOST_NOTES) > 0:
        print(f"note: and {more} more")
    for split, games in splits.items():
        if games and findings.games == set(games) != set(expected):
            print(f"these are the games of {split}; did you mean --split {split}?")
    if not root and findings.games.isdisjoint(game for games in splits.values() for game in games):
        print(
            "none of these games is SoccerNet's: of data of your own pass --SoccerNet_path, the "
            "folder of its splits.json and classes.json"
        )
    print(verdict(findings))
    return int(not findings.valid)


if __name__ == "__main__":
    run_cli(main)
