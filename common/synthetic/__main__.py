"""Writes a miniature SoccerNet to play with.

python -m common.synthetic --out OUT
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from common.data.games import OFFICIAL_SPLITS
from common.errors import UserError, counted, needs_extra, run_cli
from common.results.typed_commands import typed_here
from common.training.argument_types import finite, framerate, place, seed, whole
from common.training.flags import new_parser

if TYPE_CHECKING:
    from common.synthetic.tracking import TrackedMatch

_MINUTES = 45


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
    parser.add_argument(
        "--minutes",
        type=finite,
        help="length of a half before stoppage time, in minutes; 45, or what --tracking holds",
    )
    parser.add_argument(
        "--dim",
        type=whole(1, 65_536),
        help="features per frame, at least 16, with --players 2; 512",
    )
    parser.add_argument("--seed", type=seed, default=0, help="another seed, another world")
    parser.add_argument(
        "--framerate", type=framerate, help="rows of features or player files per second; 2"
    )
    parser.add_argument(
        "--players",
        action="store_true",
        help="also write player boxes and camera calibrations, for the calibration baselines",
    )
    parser.add_argument(
        "--tracking",
        type=place,
        nargs="+",
        metavar="FILE",
        help="players, too, who move as in a real match: its description and its positions, by "
        "SkillCorner, Sportec/DFL, TRACAB or Metrica (of its CSV files both teams'), or ball and "
        "centroids by Hawk-Eye, a pair for each minute; spots stay invented, and show in the "
        "features alone",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace files of an earlier run in OUT"
    )
    video = parser.add_argument_group("films instead of features")
    video.add_argument(
        "--video", action="store_true", help="write films of the halves, 398x224, as h264"
    )
    video.add_argument("--video_fps", type=framerate, help="their frames per second, 5 to 60; 25")
    video.add_argument("--spots_per_minute", type=finite, help="on average; 2.45, as in real games")
    video.add_argument("--jobs", type=whole(1, 256), help="games filmed at a time; 1")
    args = parser.parse_args(argv)
    _refuse_what_has_no_use(args)
    return args


def _refuse_what_has_no_use(args: argparse.Namespace) -> None:
    """Raises UserError at a flag that would change nothing."""
    if args.video and args.dim is not None:
        raise UserError("--dim is of invented features, and --video writes none; leave it out")
    if args.video and args.framerate is not None and not args.players:
        raise UserError(
            "--framerate with --video is of the player files: add --players, or leave it out; "
            "--video_fps is of the films"
        )
    if args.video and args.tracking is not None:
        raise UserError(
            "--tracking moves the players of box and calibration files, and --video films plays "
            "that are invented; leave one of them out"
        )
    for flag in ("video_fps", "spots_per_minute", "jobs"):
        if not args.video and getattr(args, flag) is not None:
            raise UserError(f"--{flag} is of films: add --video, or leave it out")


def main(argv: Sequence[str] | None = None) -> None:
    """Writes the data set, and prints the command that comes next."""
    args = parse_arguments(argv)
    out: Path = args.out
    if args.video:
        splits, what, advice = _film(args)
    else:
        splits, what, advice = _invent(args)
    counts = ", ".join(f"{len(games)} {split}" for split, games in splits.items())
    folders = [out / game for games in splits.values() for game in games]
    size = sum(file.stat().st_size for folder in folders for file in folder.iterdir())
    print(f"Wrote {counts} games with {what} to {out} ({size / 1e6:,.0f} MB); {advice}")
    from common.synthetic.data_set import left_games

    if left := left_games(out, splits):
        print(
            f"note: {counted(len(left), 'folder')} with games of an earlier run, which no split "
            f"names, stay in {out}: remove them if nothing else needs them, such as {left[0]}"
        )


def _invent(args: argparse.Namespace) -> tuple[dict[str, list[str]], str, str]:
    """Writes invented features: the games per split, what they hold, what comes next."""
    from common.synthetic.data_set import FEATURE_FILE, write_data_set  # behind the flags: slow

    dim, rate = args.dim or 512, args.framerate or 2
    what, tracking, minutes = f"{dim} features per frame", None, args.minutes
    players = args.players or args.tracking is not None
    if args.tracking is not None:
        tracking = _read_match(args.tracking)
        minutes = min(_MINUTES, tracking.most_minutes) if minutes is None else minutes
        what += " (the spots show in them alone) and players who move as in the tracking data"
    splits = write_data_set(
        args.out,
        args.games,
        _MINUTES if minutes is None else minutes,
        dim,
        seed=args.seed,
        framerate=rate,
        overwrite=args.overwrite,
        players=players,
        tracking=tracking,
    )
    program = "CALF_Calibration" if players else "TemporallyAwarePooling"
    words = ["-m", f"{program}.main", "--SoccerNet_path", str(args.out.resolve()),
             "--features", FEATURE_FILE, "--model_name", "demo"]  # fmt: skip
    if rate != 2:
        words += ["--framerate", f"{rate}"]
    if players:
        words += ["--backbone_feature", "2DConv", "--backbone_player", "3DConv", "--calibration"]
    advice = f"train on them with:\n  {typed_here(words)}"
    if not splits["train"] or not splits["valid"]:
        advice = "a training needs games of train and of valid: see --games"
    return splits, what, advice


def _read_match(paths: Sequence[Path]) -> "TrackedMatch":
    """Positions of a match; tells what is not in its files."""
    from common.synthetic.tracking_file import read_tracking  # behind the flags: slow

    size = sum(path.stat().st_size for path in paths if path.is_file())
    print(f"Reading tracking data ({size / 1e6:,.0f} MB); a match takes half a minute", flush=True)
    match = read_tracking(paths)
    for note in match.notes:
        print(f"note: {note}")
    return match


def _film(args: argparse.Namespace) -> tuple[dict[str, list[str]], str, str]:
    """Writes films: the games per split, what they hold, what comes next."""
    with needs_extra("video", "--video"):
        import av  # noqa: F401
        import cv2  # noqa: F401
    from common.synthetic.game import SPOTS_PER_MINUTE
    from common.synthetic.league import League, write_league  # behind the flags: slow

    league = League(
        minutes=_MINUTES if args.minutes is None else args.minutes,
        seed=args.seed,
        video_fps=25 if args.video_fps is None else args.video_fps,
        spots_per_minute=(
            SPOTS_PER_MINUTE if args.spots_per_minute is None else args.spots_per_minute
        ),
        players_framerate=(args.framerate or 2) if args.players else None,
    )
    splits = write_league(
        args.out, args.games, league, overwrite=args.overwrite, jobs=args.jobs or 1
    )
    words = ["-m", "common.extract_features", "--SoccerNet_path", str(args.out.resolve()),
             "--video", "224p", "--backbone", "efficientnet-lite0"]  # fmt: skip
    return splits, "films of their halves", f"make features of them with:\n  {typed_here(words)}"


if __name__ == "__main__":
    run_cli(main)
