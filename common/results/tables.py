"""Results as tables that people read."""

from collections.abc import Mapping, Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

from common.errors import counted
from common.metric.average_map import KINDS, AveragePrecision
from common.metric.thresholds import Outcome
from common.results.operating_points import OperatingPoint
from common.results.scored_run import ScoredRun


def print_results(
    results: Mapping[str, AveragePrecision], names: Sequence[str], title: str
) -> None:
    """Prints the classes as rows and, per metric, AP in % over all, visible, unshown spots."""
    first = next(iter(results.values()))
    with_visibility = bool(first.spots[2].any())
    kinds = KINDS if with_visibility else KINDS[:1]
    table = Table(title=f"average-mAP (%), {title}", title_justify="left", pad_edge=False)
    table.add_column("class", no_wrap=True)
    for metric in results:
        for kind in kinds:
            table.add_column(metric if kind == "all" else kind, justify="right")
    table.add_column("spots", justify="right")
    table.add_column("detections", justify="right")
    for c, name in enumerate(names):
        cells = [
            f"{100 * result.per_class(kind)[c]:.2f}" if result.spots[KINDS.index(kind), c] else "-"
            for result in results.values()
            for kind in kinds
        ]
        shown, unshown = first.spots[1, c], first.spots[2, c]
        spots = f"{shown} + {unshown}" if with_visibility else f"{shown}"
        table.add_row(name, *cells, spots, str(first.detections[0, c]))
    table.add_section()
    means = [f"{100 * result.a_map(kind):.2f}" for result in results.values() for kind in kinds]
    totals = str(first.spots[0].sum()), str(first.detections[0].sum())
    table.add_row("average", *means, *totals, style="bold")
    # Wide enough to be whole in a log file, too.
    Console(width=max(Console().width, 110)).print(table)
    for metric, result in results.items() if with_visibility else ():
        if len(result.tolerances) > 1:
            print(
                f"{metric}, unshown: {100 * result.a_map('unshown'):.2f} as published (mean x "
                f"17/13), {100 * result.a_map_of_annotated():.2f} over classes that have such spots"
            )


def print_outcome(run: ScoredRun, point: OperatingPoint, outcome: Outcome) -> None:
    """Prints precision, recall and F1 in % per class, and both averages."""
    table = Table(
        title=f"{run.name}, {run.split}: {counted(len(run.games), 'game')}, at most "
        f"{point.tolerance / 2:g} s from a spot, %",
        title_justify="left",
        pad_edge=False,
    )
    table.add_column("class", no_wrap=True)
    columns = ["threshold", "precision", "recall", "F1", "spots", "found", "correct"]
    if point.f1 is not None:
        columns.insert(4, f"F1 on {point.chosen_on}")
    for column in columns:
        table.add_column(column, justify="right")
    for c, name in enumerate(run.classes.names):
        threshold = point.thresholds[c]
        first = f"{threshold:.4f}" if np.isfinite(threshold) else "none"
        there = [] if point.f1 is None else [f"{100 * point.f1[c]:.2f}"]
        table.add_row(name, first, *_percent(outcome, c), *there, *_counts(outcome, c))
    table.add_section()
    micro, blank = outcome.micro(), [""] * (point.f1 is not None)
    table.add_row("all together (micro)", "", *_percent(micro, 0), *blank, *_counts(micro, 0))
    means = [f"{100 * mean:.2f}" for mean in outcome.macro()]
    table.add_row("mean of classes (macro)", "", *means, *blank, "", "", "")
    Console(width=max(Console().width, 110)).print(table)


def _percent(outcome: Outcome, event: int) -> list[str]:
    shares = outcome.precision, outcome.recall, outcome.f1
    return [f"{100 * share[event]:.2f}" for share in shares]


def _counts(outcome: Outcome, event: int) -> list[str]:
    return [str(part[event]) for part in (outcome.spots, outcome.found, outcome.correct)]
