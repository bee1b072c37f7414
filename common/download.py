"""Fetches SoccerNet's public labels and features, and verifies what arrived.

python -m common.download --SoccerNet_path DATA --features ResNET_TF2.npy --split train valid test
"""

import argparse
from collections.abc import Sequence

from common.data.events import SOCCERNET_V1, SOCCERNET_V2
from common.data.fetching import TRY_AGAIN, download
from common.data.games import OFFICIAL_SPLITS
from common.data.wanted_files import FEATURE_FILES
from common.errors import counted, run_cli
from common.training.argument_types import place
from common.training.flags import new_parser


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags in `argv`, or in the command line."""
    parser = new_parser(
        "python -m common.download",
        "Fetch SoccerNet's labels and features from Hugging Face; no password needed.",
    )
    add = parser.add_argument
    # fmt: off
    add("--SoccerNet_path", type=place, required=True, help="data folder, made if need be")
    add("--features", nargs="+", default=[], metavar="NAME",
        help=f"feature files, of {', '.join(FEATURE_FILES)}")
    add("--labels-only", action="store_true", help="fetch no features")
    add("--split", nargs="+", default=["train", "valid", "test"], choices=OFFICIAL_SPLITS,
        help="games to fetch; challenge has no public labels [train valid test]")
    add("--version", type=int, default=2, choices=(1, 2),
        help="labels of version 1 (3 classes) or 2 (17) [2]")
    # fmt: on
    args = parser.parse_args(argv)
    if bool(args.features) == args.labels_only:
        parser.error("give either --features NAME … or --labels-only")
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Fetches, verifies, and lists what is missing; 1 if anything is."""
    args = parse_arguments(argv)
    classes = SOCCERNET_V1 if args.version == 1 else SOCCERNET_V2
    splits = list(dict.fromkeys(args.split))
    still = download(args.SoccerNet_path, splits, args.features, classes.label_file)
    for path in still:
        print(f"{'damaged' if path.is_file() else 'missing'}: {path}")
    complete = f"complete: {', '.join(splits)} in {args.SoccerNet_path}"
    print(f"{counted(len(still), 'file')} missing or damaged; {TRY_AGAIN}" if still else complete)
    return int(bool(still))


if __name__ == "__main__":
    run_cli(main)
