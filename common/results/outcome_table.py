"""What an operating point is worth, as a table that people read."""

import numpy as np
from rich.table import Table

from common.errors import counted
from common.metric.thresholds import Outcome
from common.results.operating_points import OperatingPoint
from common.results.scored_run import ScoredRun
from common.results.tables import print_table


def print_outcome(run: ScoredRun, point: OperatingPoint, outcome: Outcome) -> None:
    """Prints precision, recall and F1 in % per class, and both averages."""
    table = Table(
        title=f"{run.name}, {run.split}: {counted(len(run.games), 'game')} at {run.framerate:g} "
        f"frames per second, at most {point.tolerance / 2:g} s from a spot, %",
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
        shares = _percent(outcome, c) if outcome.spots[c] else ["-"] * 3  # which is no score of 0
        table.add_row(name, first, *shares, *there, *_counts(outcome, c))
    table.add_section()
    micro, blank = outcome.micro(), [""] * (point.f1 is not None)
    table.add_row("all together (micro)", "", *_percent(micro, 0), *blank, *_counts(micro, 0))
    means = [f"{100 * mean:.2f}" for mean in outcome.macro()]
    table.add_row("mean of classes (macro)", "", *means, *blank, "", "", "")
    print_table(table)


def _percent(outcome: Outcome, event: int) -> list[str]:
    shares = outcome.precision, outcome.recall, outcome.f1
    return [f"{100 * share[event]:.2f}" for share in shares]


def _counts(outcome: Outcome, event: int) -> list[str]:
    return [str(part[event]) for part in (outcome.spots, outcome.found, outcome.correct)]
