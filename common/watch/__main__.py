"""A page on which spots are seen in their video, corrected and handed on.

python -m common.watch models/NetVLAD++ --game england --video 1_224p.mkv 2_224p.mkv
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from common.errors import UserError, counted, run_cli
from common.training.argument_types import file_to_write, moment, place, rate, threshold
from common.training.flags import new_parser

MOST_TOLERANCE = 60  # seconds; a spot farther away explains no detection


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags in `argv`, or in the command line."""
    parser = new_parser(
        "python -m common.watch",
        "Writes watch.html: spots in their video, to look at, correct and export. It works "
        "offline; what is done stays in the browser until it is saved as a file.",
        usage="%(prog)s RUN [flags]",
    )
    add = parser.add_argument
    # fmt: off
    add("run", type=place, metavar="RUN",
        help="folder of a run, a zip or folder of results, a result file, or the spots.json of "
        "common.spot")
    add("--video", nargs="+", default=[], metavar="FILE",
        help="videos of the halves of one game, one of all of them (then with --kick_off of each), "
        "the folder that holds the games, or a template such as '{game}/{half}_224p.mkv' [those "
        "beside the data, or that were spotted in]")
    add("--kick_off", type=moment, nargs="+", default=[], metavar="S",
        help="second of the video at which the clock begins, for each half [0]")
    add("--game", nargs="+", default=[], metavar="TEXT",
        help="games whose path contains one of these [all]")
    add("--split", help="games of a run, or name of the files that it spotted in [test]")
    add("--SoccerNet_path", type=place, help="data root [the one that the run was tested on]")
    add("--version", type=int, choices=(1, 2),
        help="SoccerNet version: 1 (3 classes) or 2 (17) [that of the run, else 2]")
    add("--threshold", type=threshold,
        help="where the sliders of all classes start; auto: where common.operating_point saved it "
        "in the run [auto if it did, else 0.5]")
    add("--tolerance", type=rate, default=5, help="of the kinds of errors, in seconds [5]")
    add("--output", type=file_to_write, help="the page [watch.html in RUN, or beside a file]")
    # fmt: on
    args = parser.parse_args(argv)
    if args.tolerance > MOST_TOLERANCE:
        raise UserError(f"--tolerance must be at most {MOST_TOLERANCE} s")
    return args


def main(argv: Sequence[str] | None = None) -> None:
    """Reads spots and videos, writes the page."""
    args = parse_arguments(argv)
    from tqdm import tqdm

    from common.files import write_bytes
    from common.spots.run_games import find_games, thresholds_of
    from common.watch.page import PAGE_FILE, page
    from common.watch.page_data import page_data
    from common.watch.videos import GivenVideos

    found = find_games(
        args.run,
        args.split,
        games=args.game,
        SoccerNet_path=args.SoccerNet_path,
        version=args.version,
    )
    thresholds, origin = thresholds_of(found, args.threshold)
    output = args.output or default_folder(args.run) / PAGE_FILE
    videos = GivenVideos(tuple(args.video), tuple(args.kick_off))
    with tqdm(total=len(found.games), desc="games", delay=1, leave=False, disable=None) as bar:
        data = page_data(found, thresholds, videos, output, tolerance=args.tolerance,
                         step=lambda game: bar.update() and None)  # fmt: skip
    write_bytes(output, page(data).encode())
    filmed = sum(bool(game["videos"]["files"]) for game in data["games"])
    print(f"{counted(len(found.games), 'game')}, {filmed} with videos; sliders start {origin}")
    print(f"page: {output}")


def default_folder(run: Path) -> Path:
    """The folder of the run, or of the file."""
    return run if run.is_dir() else run.parent


if __name__ == "__main__":
    run_cli(main)
