"""Averages the confidences of several runs before suppression, and scores the result.

    python -m common.ensemble models/seed0 models/seed1 models/seed2 -o models/mean

The runs have kept their confidences (--save_scores) on the same games, frames and classes; they may
be of different programs. Of one run alone it is another suppression of what it kept.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.data.data_set import DataSet
from common.errors import UserError, counted, log, run_cli
from common.files import locked
from common.results.given_files import refuse_names_of_files
from common.results.run_record import BEST_FILE, LAST_FILE, record_settings
from common.results.scored_run import RunResults, find_results
from common.results.suppression import KINDS, Suppression
from common.training.argument_types import confidence, place, seconds
from common.training.flags import new_parser, to_frames

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUPPRESSION = ("NMS", "NMS_window", "NMS_threshold")


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags in `argv`, or in the command line."""
    parser = new_parser(
        "python -m common.ensemble", __doc__ or "", usage="%(prog)s RUN [RUN …] -o OUT [flags]"
    )
    add = parser.add_argument
    # fmt: off
    add("runs", type=place, nargs="+", metavar="RUN", help="run folders models/<model_name>")
    add("-o", "--out", type=place, required=True, metavar="OUT",
        help="folder to write to, as that of a run that was tested: models/<name>")
    add("--split", nargs="+", default=["test"], help="games to spot in, each split by itself")
    add("--NMS", choices=KINDS, help="suppression [that of the first run]")
    add("--NMS_window", type=seconds, help="suppression, in seconds [that of the first run]")
    add("--NMS_threshold", type=confidence, help="lowest confidence to report [that of the first "
        "run]")
    add("--SoccerNet_path", type=place, metavar="DATA", help="data root [that of the runs]")
    # fmt: on
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Averages and suppresses game by game, then packs, scores and draws each split."""
    args = parse_arguments(argv)
    refuse_output(args.out, args.runs)
    refuse_names_of_files(args.out, args.split)
    splits = {split: same_results(args.runs, split, args.SoccerNet_path) for split in args.split}
    settings = settings_of(args, splits[args.split[0]])

    from common.results.split_results import publish_split
    from common.training.run_folder import start_log

    with locked(args.out):
        start_log(args.out)
        record_settings(args.out, settings, "test")
        for split, results in splits.items():
            data = DataSet(
                root=results.root, features=(), classes=results.classes,
                framerate=settings["framerate"], gt_time=settings["gt_time"],
            )  # fmt: skip
            spot_split(args.runs, args.out, split, results, settings)
            publish_split(args.out, split, data, results.games)


def refuse_output(out: Path, runs: Sequence[Path]) -> None:
    """Raises UserError if what is written would lie among the files of a trained run."""
    own = any((out / name).exists() for name in (LAST_FILE, BEST_FILE))
    if own or out.resolve() in [run.resolve() for run in runs]:
        raise UserError(f"{out} is a trained run, whose results would be lost; choose another -o")


def same_results(runs: Sequence[Path], split: str, root: Path | None) -> RunResults:
    """Where the results of the first run are. Raises UserError if another's are of other data."""
    found = [find_results(run, split, SoccerNet_path=root) for run in runs]
    facts: dict[str, list[Any]] = {
        "classes": [each.classes.names for each in found],
        "games": [each.games for each in found],
        "framerates": [(each.settings or {}).get("framerate") for each in found],
    }
    for what, values in facts.items():
        if other := next((n for n, value in enumerate(values) if value != values[0]), None):
            raise UserError(
                f"{runs[0]} and {runs[other]} have other {what} in {split}; average runs that were "
                "tested on the same data in the same way"
            )
    return found[0]


def settings_of(args: argparse.Namespace, first: RunResults) -> dict[str, Any]:
    """What is recorded of the average: the first run's data, the suppression, and the runs."""
    recorded = first.settings or {}
    settings = {name: recorded.get(name) for name in ("version", "framerate", "class_split")}
    settings |= {"gt_time": recorded.get("gt_time", "position"), "split_test": args.split}
    settings |= {"protocol": recorded.get("protocol"), "model_name": args.out.name}
    for name in _SUPPRESSION:
        given = getattr(args, name)
        settings[name] = recorded.get(name) if given is None else given
        if settings[name] is None:
            raise UserError(f"{args.runs[0]} did not record its --{name}; pass one")
    runs = [str(run.resolve()) for run in args.runs]
    return {**settings, "SoccerNet_path": str(first.root.resolve()), "runs": runs}


def spot_split(
    runs: Sequence[Path], out: Path, split: str, results: RunResults, settings: dict[str, Any]
) -> None:
    """Writes the result files of a split's games from the averages of what the runs kept."""
    from common.results.kept_scores import mean_scores, read_scores
    from common.results.predictions import format_game, write_game

    rate, names = settings["framerate"], results.classes.names
    window = to_frames(settings["NMS_window"], rate)
    kept = Suppression(window, settings["NMS_threshold"], soft=settings["NMS"] == "soft")
    for game in with_progress(results.games, split):
        halves = mean_scores([read_scores(run, split, game) for run in runs], game)
        if halves[0].shape[1] != len(names):
            raise UserError(f"{runs[0]} kept scores of {halves[0].shape[1]} classes, expected "
                            f"{len(names)}; test it once more with --save_scores")  # fmt: skip
        detections = [(number, *kept.peaks_of(half)) for number, half in enumerate(halves, 1)]
        published = settings["protocol"] == "published"
        text = format_game(game, detections, names, rate, published)
        write_game(out / f"outputs_{split}", game, text)
    log.info("%s: average of %s, --NMS %s --NMS_window %g", split, counted(len(runs), "run"),
             settings["NMS"], settings["NMS_window"])  # fmt: skip


def with_progress(games: Sequence[str], split: str) -> "Iterator[str]":
    """The games, with a bar where it takes longer."""
    from tqdm import tqdm

    yield from tqdm(games, desc=split, unit="game", delay=2, leave=False, disable=None)


if __name__ == "__main__":
    run_cli(main)
