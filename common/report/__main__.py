"""One page that shows what a run, or two, did in each game, and what kinds of mistakes it made.

python -m common.report models/NetVLAD++ --compare models/CALF
"""

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from tqdm import tqdm

from common.compare.paired import require_comparable, unique_names
from common.errors import UserError, run_cli
from common.files import write_bytes
from common.metric.average_map import KINDS, TOLERANCES_SECONDS
from common.metric.bootstrap import ResampledMap, draw_weights, resample
from common.operating_point import threshold
from common.report import class_figures, curve_figures
from common.report.errors_by_kind import NEAR_SECONDS
from common.report.measures import METRICS, measure
from common.report.page import page
from common.report.page_sections import Report
from common.report.run import Run
from common.report.svg import inline, save_figure
from common.report.timeline import timelines
from common.results.operating_points import POINT_FILE, load_point
from common.results.reading import EVALUATION_FRAMERATE, Reading
from common.results.scored_run import ScoredRun, read_run
from common.results.training_curves import read_curves
from common.training.argument_types import not_negative

PAGE_FILE = "report.html"
COUNTED_FROM = {
    None: "each class's threshold of best F1, chosen with hindsight, on these games",
    "auto": f"the thresholds of {POINT_FILE} in the run's folder",
}


def main() -> None:
    """Reads the runs, measures, draws, writes."""
    args = parse_arguments()
    read = partial(
        read_run,
        split=args.split,
        SoccerNet_path=args.SoccerNet_path,
        version=args.version,
        reading=Reading(gt_time=args.gt_time, allow_missing=args.allow_missing),
    )
    paths = [path for path in (args.run, args.compare) if path is not None]
    scored = [read(path) for path in paths]
    for other in scored[1:]:
        require_comparable(scored[0], other)
    names = unique_names(paths, scored)
    folder = args.output or default_folder(args.run, args.split)
    with progress_bar(_steps(scored, args.resamples)) as step:
        runs = []
        for each, path, name in zip(scored, paths, names, strict=True):
            step(f"{name}: matching")
            measures = measure(
                each.targets, each.detections, len(each.classes), args.tolerance,
                given_thresholds(args.threshold, each, path), EVALUATION_FRAMERATE,
            )  # fmt: skip
            resampled = resample_metrics(each, args.resamples, step)
            curves = read_curves(path)
            runs.append(Run(name, measures, curves, each.settings or {}, resampled))
        drawn = draw_figures(folder, runs, scored[0].classes.names, step)
        step("page")
        report = Report(
            runs=runs,
            split=args.split,
            classes=scored[0].classes.names,
            tolerance=args.tolerance,
            counted_from=COUNTED_FROM.get(args.threshold, f"the threshold {args.threshold}"),
            framerate=EVALUATION_FRAMERATE,
            resamples=args.resamples,
            figures=drawn,
            panels=draw_panels(runs, scored[0].classes.names),
            timelines=timelines(
                runs[0].measures.judged,
                scored[0].detections,
                scored[0].games,
                scored[0].classes.halves,
            ),
        )
        write_bytes(folder / PAGE_FILE, page(report).encode())
    print(f"report: {folder / PAGE_FILE}")


def parse_arguments() -> argparse.Namespace:
    """The flags."""
    parser = argparse.ArgumentParser(
        prog="python -m common.report",
        description="Writes report.html, which works offline, and its figures as PNG and SVG.",
    )
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="folder of a run, or a zip or folder of results")
    add("--compare", type=Path, metavar="RUN_B", help="another run on the same games")
    add("--split", default="test", help="games to report on, any split with labels [test]")
    add("--SoccerNet_path", type=Path, help="data root [the one that the run was tested on]")
    add("--version", type=int, choices=(1, 2),
        help="SoccerNet version: 1 (3 classes) or 2 (17) [that of the run, else 2]")  # fmt: skip
    add("--gt-time", choices=("position", "gameTime"), default="position",
        help="clock of the annotations: ms, or whole seconds as in 2021 [position]")  # fmt: skip
    add("--tolerance", type=float, default=5, help="s, of errors, F1 and reliability [5]")
    add("--threshold", type=threshold,
        help="lowest confidence counted; auto: those that common.operating_point saved in the run "
        "[each class's of best F1 on these games]")  # fmt: skip
    add("--allow-missing", action="store_true", help="count games without results as empty")
    add("--resamples", type=not_negative, default=2000,
        help="of the games, for intervals; 0: none [2000]")  # fmt: skip
    add("--output", type=Path, help="folder to write to [RUN/report_<split>]")
    args = parser.parse_args()
    if not 0 < args.tolerance <= NEAR_SECONDS:
        raise UserError(f"--tolerance must be above 0 and at most {NEAR_SECONDS} s")
    return args


def given_thresholds(
    asked: float | str | None, run: ScoredRun, path: Path
) -> NDArray[np.float64] | None:
    """Thresholds of the classes [C] as --threshold asks; None: they are yet to be chosen."""
    if asked == "auto":
        return load_point(path / POINT_FILE, run.classes.names).thresholds
    return None if asked is None else np.full(len(run.classes), float(asked))


def default_folder(run: Path, split: str) -> Path:
    """report_<split> in the folder of the run, or beside a zip of results."""
    if run.is_dir():
        return run / f"report_{split}"
    return run.with_name(f"{run.stem}_report_{split}")


def _steps(scored: Sequence[ScoredRun], resamples: int) -> int:
    bootstraps = sum(len(each.classes) for each in scored) * len(METRICS) if resamples else 0
    return len(scored) + bootstraps + 8


@contextmanager
def progress_bar(steps: int) -> Iterator[Callable[[str], None]]:
    """A bar, and the function that names the step which begins."""
    settings = {"unit": "step", "delay": 1, "leave": False, "disable": None}
    with tqdm(total=steps, desc="report", **settings) as bar:

        def step(name: str) -> None:
            bar.set_postfix_str(name, refresh=False)
            bar.update()

        yield step


def resample_metrics(
    run: ScoredRun, resamples: int, step: Callable[[str], None]
) -> dict[str, dict[str, ResampledMap]]:
    """Each metric over resampled games, all runs on the same draws."""
    if not resamples:
        return {}

    def classes(numbers: Iterable[int]) -> Iterator[int]:
        for number in numbers:
            step(f"{run.name}: intervals")
            yield number

    weights = draw_weights(len(run.games), resamples, seed=0)
    return {
        metric: resample(
            run.targets,
            run.detections,
            len(run.classes),
            TOLERANCES_SECONDS[metric],
            weights,
            run.classes.halves,
            EVALUATION_FRAMERATE,
            KINDS,
            classes,
        )
        for metric in METRICS
    }


def draw_figures(
    folder: Path, runs: Sequence[Run], classes: Sequence[str], step: Callable[[str], None]
) -> dict[str, str]:
    """Writes each figure as PNG and SVG; returns those of the page as <svg> elements."""
    names, measures = [run.name for run in runs], [run.measures for run in runs]
    judged = [each.judged for each in measures]
    bounds = [run.class_bounds("loose") for run in runs]
    drawn: dict[str, tuple[Figure | None, str]] = {
        "classes": (
            class_figures.draw_classes(measures, names, classes, bounds),
            "average precision of each class",
        ),
        "errors": (class_figures.draw_errors(judged[0], classes), "kinds of errors of each class"),
        "tolerances": (curve_figures.draw_tolerances(measures, names), "mAP against the tolerance"),
        "reliability": (
            curve_figures.draw_reliability(measures, names),
            "share of correct detections against confidence",
        ),
        "offsets": (
            curve_figures.draw_offsets(judged, names, EVALUATION_FRAMERATE),
            "distances of detections from spots",
        ),
        "training": (curve_figures.draw_training([run.curves for run in runs], names), "training"),
    }
    inlined = {}
    for name, (figure, words) in drawn.items():
        step(f"figure {name}")
        if figure is not None:
            save_figure(figure, folder, name)
            inlined[name] = inline(figure, name, words)
    step("figure precision_recall")
    together = class_figures.draw_all_precision_recall(measures, names, classes)
    save_figure(together, folder, "precision_recall")
    return inlined


def draw_panels(runs: Sequence[Run], classes: Sequence[str]) -> list[str]:
    """Precision and recall of each class as an <svg> element."""
    measures = [run.measures for run in runs]
    return [
        inline(
            class_figures.draw_one_precision_recall(measures, event, name),
            f"panel-{event}",
            f"precision and recall of {name}",
        )
        for event, name in enumerate(classes)
    ]


if __name__ == "__main__":
    run_cli(main)
