"""One page that shows what a run, or two, did in each game, and what kinds of mistakes it made.

python -m common.report models/NetVLAD++ --compare models/CALF
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from common.errors import UserError, run_cli
from common.report.errors_by_kind import NEAR_SECONDS
from common.training.argument_types import moment, place, rate, threshold, whole
from common.training.flags import new_parser

PAGE_FILE = "report.html"


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags in `argv`, or in the command line."""
    parser = new_parser(
        "python -m common.report",
        "Writes report.html, which works offline, and its figures as PNG and SVG.",
        usage="%(prog)s RUN [flags]",
    )
    add = parser.add_argument
    # fmt: off
    add("run", type=place, metavar="RUN", help="folder of a run, or a zip or folder of results")
    add("--compare", type=place, metavar="RUN_B", help="another run on the same games")
    add("--split", default="test", help="games to report on, any split with labels [test]")
    add("--SoccerNet_path", type=place, help="data root [the one that the run was tested on]")
    add("--version", type=int, choices=(1, 2),
        help="SoccerNet version: 1 (3 classes) or 2 (17) [that of the run, else 2]")
    add("--gt-time", choices=("position", "gameTime"), default="position",
        help="clock of the annotations: ms, or whole seconds as in 2021 [position]")
    add("--tolerance", type=float, default=5, help="of errors, F1 and reliability, in seconds [5]")
    add("--threshold", type=threshold,
        help="lowest confidence counted; auto: those that common.operating_point saved in the run "
        "[each class's of best F1 on these games]")
    add("--framerate", type=rate, default=2,
        help="frames per second of the metric, 25 for ball actions; not that of features [2]")
    add("--allow-missing", action="store_true", help="count games without results as empty")
    add("--resamples", type=whole(0, 10**7), default=2000,
        help="of the games, for intervals; 0: none [2000]")
    add("--video", nargs="*", metavar="FILE",
        help="also write watch.html, which shows each error in the video: files of the one game's "
        "halves, the folder that holds the games, or a template such as '{game}/{half}_224p.mkv' "
        "[without a word: those beside the data]")
    add("--kick_off", type=moment, nargs="+", default=[], metavar="S",
        help="with --video: second of it at which the clock begins, for each half [0]")
    add("--output", type=place, help="folder to write to [RUN/report_<split>]")
    # fmt: on
    args = parser.parse_args(argv)
    if not 0 < args.tolerance <= NEAR_SECONDS:
        raise UserError(f"--tolerance must be above 0 and at most {NEAR_SECONDS} s")
    if args.kick_off and args.video is None:
        raise UserError("--kick_off is of videos: add --video, or leave it out")
    return args


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the runs, measures, draws, writes."""
    args = parse_arguments(argv)
    # Behind the flags, for these import matplotlib.
    from common.compare.paired import require_comparable, unique_names
    from common.files import write_bytes
    from common.report.figures import FIGURES, draw_figures, draw_panels
    from common.report.moments import write_watch_page
    from common.report.page import page
    from common.report.page_sections import RunReport
    from common.report.run import bootstrap_steps, counted_from, measured_run
    from common.report.timeline import timelines
    from common.results.reading import Reading
    from common.results.scored_run import read_run
    from common.watch.videos import GivenVideos

    paths = [path for path in (args.run, args.compare) if path is not None]
    data = {"SoccerNet_path": args.SoccerNet_path, "version": args.version}
    reading = Reading(
        framerate=args.framerate, gt_time=args.gt_time, allow_missing=args.allow_missing
    )
    scored = [read_run(path, args.split, **data, reading=reading) for path in paths]
    for other in scored[1:]:
        require_comparable(scored[0], other)
    given = GivenVideos(tuple(args.video or ()), tuple(args.kick_off))
    given.require_fit(len(scored[0].games), scored[0].classes.halves)
    classes, folder = scored[0].classes, args.output or default_folder(args.run, args.split)
    names = unique_names(paths, scored)
    steps = len(scored) + bootstrap_steps(scored, args.resamples) + FIGURES + 1
    with progress_bar(steps) as step:
        runs = [
            measured_run(run, path, name, tolerance=args.tolerance, threshold=args.threshold,
                         resamples=args.resamples, step=step)
            for run, path, name in zip(scored, paths, names, strict=True)
        ]  # fmt: skip
        figures = draw_figures(folder, runs, classes.names, step)
        step("page")
        watch = None
        if args.video is not None:
            watch = write_watch_page(folder, args.run, scored[0], runs[0], given,
                                     tolerance=args.tolerance, version=args.version)  # fmt: skip
        report = RunReport(
            runs=runs,
            split=args.split,
            classes=classes.names,
            tolerance=args.tolerance,
            counted_from=counted_from(args.threshold),
            framerate=args.framerate,
            resamples=args.resamples,
            figures=figures,
            panels=draw_panels(runs, classes.names),
            timelines=timelines(
                runs[0].measures.judged, scored[0].detections, scored[0].games, classes.halves
            ),
            watch=watch,
        )
        write_bytes(folder / PAGE_FILE, page(report).encode())
    print(f"report: {folder / PAGE_FILE}")


def default_folder(run: Path, split: str) -> Path:
    """report_<split> in the folder of the run, or beside a zip of results."""
    if run.is_dir():
        return run / f"report_{split}"
    return run.with_name(f"{run.stem}_report_{split}")


@contextmanager
def progress_bar(steps: int) -> Iterator[Callable[[str], None]]:
    """A bar, and the function that names the step which begins."""
    settings = {"unit": "step", "delay": 1, "leave": False, "disable": None}
    with tqdm(total=steps, desc="report", **settings) as bar:

        def step(name: str) -> None:
            bar.set_postfix_str(name, refresh=False)
            bar.update()

        yield step


if __name__ == "__main__":
    run_cli(main)
