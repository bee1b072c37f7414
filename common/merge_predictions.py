"""Puts the results of two models of disjoint classes together, game by game.

    python -m common.merge_predictions VISUAL NONVISUAL -o OUT

VISUAL and NONVISUAL are folders or zips of result files; OUT is a folder, or an archive for the
evaluation server if its name ends with .zip. The games must be the same and the classes different.
"""

import argparse
from collections.abc import Sequence

from common.errors import counted, run_cli
from common.results.merging import merge
from common.training.argument_types import place
from common.training.flags import new_parser


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags in `argv`, or in the command line."""
    parser = new_parser(
        "python -m common.merge_predictions", __doc__ or "", usage="%(prog)s RESULTS RESULTS -o OUT"
    )
    parser.add_argument("inputs", type=place, nargs="+", help="folders or zips of result files")
    parser.add_argument("-o", "--out", type=place, required=True, help="folder or zip to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Merges, and says how many games it were."""
    args = parse_arguments(argv)
    games = merge(args.inputs, args.out)
    print(f"merged {counted(len(games), 'game')} into {args.out}")


if __name__ == "__main__":
    run_cli(main)
