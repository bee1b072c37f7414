"""All figures of a report: as files beside the page, and as elements in it."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from common.report import class_figures, curve_figures
from common.report.run import ReportedRun
from common.report.svg import inline, save_figure
from common.results.plain_figures import left_out

FIGURES = 7  # how often `draw_figures` calls `step`
_PANELS_INSTEAD = "precision_recall"  # the page has a panel for each class


def draw_figures(
    folder: Path,
    runs: Sequence[ReportedRun],
    classes: Sequence[str],
    step: Callable[[str], None],
) -> dict[str, str]:
    """Writes each figure as PNG and SVG; returns those of the page as <svg> elements.

    Args:
        step: called with each figure's name before it is written.
    """
    inlined = {}
    for name, figure, words in _figures(runs, classes):
        step(f"figure {name}")
        if figure is not None:
            save_figure(figure, folder, name)
            if name != _PANELS_INSTEAD:
                inlined[name] = inline(figure, name, words)
    return inlined


def _figures(
    runs: Sequence[ReportedRun], classes: Sequence[str]
) -> Iterator[tuple[str, Figure | None, str]]:
    """Name, figure, and what a screen reader says; None where there is nothing to draw."""
    names, measures = [run.name for run in runs], [run.measures for run in runs]
    judged, bounds = [each.judged for each in measures], [run.class_bounds("loose") for run in runs]
    bars = class_figures.draw_classes(measures, bounds, names=names, classes=classes)
    yield "classes", bars, "average precision of each class"
    yield "errors", class_figures.draw_errors(judged[0], classes), "kinds of errors of each class"
    yield "tolerances", curve_figures.draw_tolerances(measures, names), "mAP against the tolerance"
    reliability = curve_figures.draw_reliability(measures, names)
    yield "reliability", reliability, "share of correct detections against confidence"
    offsets = curve_figures.draw_offsets(judged, names, runs[0].framerate)
    yield "offsets", offsets, "distances of detections from spots"
    curves = curve_figures.draw_training([run.curves for run in runs], names)
    yield "training", curves, "training"
    panels = class_figures.draw_all_precision_recall(measures, names=names, classes=classes)
    yield _PANELS_INSTEAD, panels, "precision and recall of each class"


def draw_panels(runs: Sequence[ReportedRun], classes: Sequence[str]) -> list[str]:
    """Precision and recall of each class as an <svg> element.

    Of more classes than can be looked at only some, and an element that says which.
    """
    measures = [run.measures for run in runs]
    shown = class_figures.shown_classes(measures).tolist()
    panels = [
        inline(
            class_figures.draw_one_precision_recall(measures, event, classes[event]),
            f"panel-{event}",
            f"precision and recall of {classes[event]}",
        )
        for event in shown
    ]
    note = left_out(len(shown), len(classes))
    return [*panels, f"<figcaption>{note}</figcaption>"] if note else panels
