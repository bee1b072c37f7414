"""Writes a miniature SoccerNet to play with.

python -m common.synthetic --out OUT
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from common.data.games import OFFICIAL_SPLITS
from common.errors import run_cli
from common.results.typed_commands import typed
from common.training.argument_types import finite, framerate, place, seed, whole
from common.training.flags import new_parser


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags in `argv`, or in the command line."""
    parser = new_parser("python -m common.synthetic", "Write a miniature SoccerNet to play with.")
    parser.add_argument(
        "--out", type=place, required=True, help="folder to write it to, made if need be"
    )
    parser.add_argument(
        "--games",
        type=whole(0, 10_000),
        nargs=4,
        default=[12, 4, 4, 2],
        metavar=tuple(split.upper() for split in OFFICIAL_SPLITS),
        help="number of games per split",
    )
    parser.add_argument("--minutes", type=finite, default=45, help="length of a half, in minutes")
    parser.add_argument("--dim", type=whole(1, 65_536), default=512, help="features per frame")
    parser.add_argument("--seed", type=seed, default=0, help="another seed, another world")
    parser.add_argument("--framerate", type=framerate, default=2, help="frames per second")
    parser.add_argument(
        "--players",
        action="store_true",
        help="also write player boxes and camera calibrations, for the calibration baselines",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace files of an earlier run in OUT"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Writes the data set, and prints a command that trains on it."""
    args = parse_arguments(argv)
    from common.synthetic.data_set import FEATURE_FILE, write_data_set  # behind the flags: slow

    out: Path = args.out
    splits = write_data_set(
        out,
        args.games,
        args.minutes,
        args.dim,
        seed=args.seed,
        framerate=args.framerate,
        overwrite=args.overwrite,
        players=args.players,
    )
    counts = ", ".join(f"{len(games)} {split}" for split, games in splits.items())
    folders = [out / game for games in splits.values() for game in games]
    size = sum(file.stat().st_size for folder in folders for file in folder.iterdir())
    program = "CALF_Calibration" if args.players else "TemporallyAwarePooling"
    words = ["-m", f"{program}.main", "--SoccerNet_path", str(out.resolve()),
             "--features", FEATURE_FILE, "--model_name", "demo"]  # fmt: skip
    if args.framerate != 2:
        words += ["--framerate", f"{args.framerate}"]
    if args.players:
        words += ["--backbone_feature", "2DConv", "--backbone_player", "3DConv", "--calibration"]
    advice = f"train on them with:\n  {typed(words)}"
    if not splits["train"] or not splits["valid"]:
        advice = "a training needs games of train and of valid: see --games"
    print(
        f"Wrote {counts} games with {args.dim} features per frame to {out} "
        f"({size / 1e6:,.0f} MB); {advice}"
    )


if __name__ == "__main__":
    run_cli(main)
