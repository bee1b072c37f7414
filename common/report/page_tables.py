"""The tables of the page, as HTML. All text that comes from files is escaped here."""

import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.metric.average_map import KINDS
from common.metric.bootstrap import Interval, Resampled
from common.report.errors_by_kind import ERROR_KINDS
from common.report.measures import METRICS
from common.report.run import ReportedRun, interval

MOST_CONFUSIONS = 10
_SIDES = ("one", "two")
_TICK_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)
_WORD = re.compile(r"[^\W_]+[\W_]*|[\W_]+")  # letters and digits, and the signs behind them


class Cell(NamedTuple):
    """HTML of a cell, the value it is sorted by, its class."""

    html: str
    value: float | str | None = None
    css: str = ""


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    foot: Sequence[Cell] = (),
    css: str = "",
) -> str:
    """A table that scrolls sideways in itself.

    Args:
        head: titles, as HTML.
        css: "sortable", "compact" (no wider than needed), "wide" (many columns), or several.
    """
    if "sortable" in css:
        titles = "".join(
            f'<th scope="col" aria-sort="none"><button type="button">{title}</button></th>'
            for title in head
        )
    else:
        titles = "".join(f'<th scope="col">{title}</th>' for title in head)
    body = "".join(_row(row) for row in rows)
    foot_html = f"<tfoot>{_row(foot)}</tfoot>" if foot else ""
    kind = f' class="{css}"' if css else ""
    return (
        f'<div class="scroll"><table{kind}><thead><tr>{titles}</tr></thead>'
        f"<tbody>{body}</tbody>{foot_html}</table></div>"
        '<p class="hint" aria-hidden="true">more columns: scroll sideways →</p>'
    )


def _row(cells: Sequence[Cell]) -> str:
    return "<tr>" + "".join(_cell(cell) for cell in cells) + "</tr>"


def _cell(cell: Cell) -> str:
    value = "" if cell.value is None else f' data-value="{escape(str(cell.value))}"'
    kind = f' class="{cell.css}"' if cell.css else ""
    return f"<td{kind}{value}>{cell.html}</td>"


def headline(runs: Sequence[ReportedRun]) -> str:
    """Average-mAP of each metric and kind of spots, with intervals, and the difference of two."""
    kinds = [k for k in KINDS if runs[0].measures.by_tolerance.spots[KINDS.index(k)].any()]
    rows, largest = [], 0.0
    for metric in METRICS:
        for kind in kinds:
            values = [run.measures.metrics[metric].a_map(kind) for run in runs]
            bounds = [interval(run.average_map(metric, kind)) for run in runs]
            largest = max(largest, *values, *(each.high for each in bounds if each))
            rows.append((metric, kind, values, bounds))
    head = ["average-mAP (%)", *_run_names(runs)]
    if len(runs) == 2:
        head += ["difference", "p"]
    ticks = axis_ticks(100 * largest)
    cells = []
    for metric, kind, values, bounds in rows:
        name = metric if kind == "all" else f"{metric}, {kind}"
        row = [Cell(name, css="bold" if kind == "all" else "")]
        row += [_score(*pair, css="bold") for pair in zip(values, bounds, strict=True)]
        if len(runs) == 2:
            row += _difference(values, [run.average_map(metric, kind) for run in runs])
        cells.append([*row, Cell(_strip(values, bounds, ticks), css="strip")])
    return table([*head, _strip_axis(ticks)], cells)


def axis_ticks(largest: float) -> list[float]:
    """Three to six round numbers from 0 to at least `largest`, which is at most 250."""
    step = next(step for step in _TICK_STEPS if largest <= 5 * step)
    return [step * number for number in range(max(2, math.ceil(largest / step)) + 1)]


def breakable(name: str) -> str:
    """A name as HTML that may go on in the next line behind its separators, not inside a word."""
    return "<wbr>".join(escape(part) for part in _WORD.findall(name))


def _run_names(runs: Sequence[ReportedRun], of: str = "") -> list[str]:
    """Headings of one column per run; a single run needs no name."""
    if len(runs) == 1:
        return [of]
    return [
        f'{of} <span class="{side}">{breakable(run.name)}</span>'.strip()
        for run, side in zip(runs, _SIDES, strict=True)
    ]


def _score(value: float, bounds: Interval | None, css: str = "") -> Cell:
    return Cell(f"{100 * value:.2f}{_range(bounds)}", value, css)


def _range(bounds: Interval | None) -> str:
    if bounds is None:
        return ""
    return f'<span class="range">{100 * bounds.low:.1f} … {100 * bounds.high:.1f}</span>'


def _difference(values: Sequence[float], resampled: Sequence[Resampled | None]) -> list[Cell]:
    """The second minus the first, with its interval, and the p-value."""
    difference = values[1] - values[0]
    one, two = resampled
    if one is None or two is None:
        return [Cell(f"{100 * difference:+.2f}", difference), Cell("")]
    paired = two.minus(one)
    p = paired.p_value()
    words = "&lt; 0.001" if p < 0.001 else f"{p:.3f}"
    return [
        Cell(f"{100 * difference:+.2f}{_range(paired.interval())}", difference),
        Cell(words, p),
    ]


def _along(percent: float, ticks: Sequence[float]) -> str:
    """Where a score (%) lies in a strip; dots at both ends have room."""
    return f"{3 + 94 * percent / ticks[-1]:.2f}%"


def _strip(
    values: Sequence[float], bounds: Sequence[Interval | None], ticks: Sequence[float]
) -> str:
    """A dot for each run, and its interval as a line, above the ticks of the column's head."""
    places = [_along(tick, ticks) for tick in ticks]
    parts = [f'<line x1="{x}" x2="{x}" y1="0" y2="26" stroke="var(--line)"/>' for x in places]
    heights = (13,) if len(values) == 1 else (8, 18)
    for value, bound, y, side in zip(values, bounds, heights, _SIDES, strict=False):
        if bound:
            low, high = (_along(100 * end, ticks) for end in (bound.low, bound.high))
            parts.append(
                f'<line x1="{low}" x2="{high}" y1="{y}" y2="{y}" stroke="var(--{side})"'
                ' stroke-width="2.5" stroke-opacity=".45" stroke-linecap="round"/>'
            )
        x = _along(100 * value, ticks)
        parts.append(f'<circle cx="{x}" cy="{y}" r="4" fill="var(--{side})"/>')
    return f'<svg aria-hidden="true">{"".join(parts)}</svg>'


def _strip_axis(ticks: Sequence[float]) -> str:
    """The numbers (%) above the strips."""
    labels = "".join(f'<text x="{_along(tick, ticks)}" y="11">{tick:g}</text>' for tick in ticks)
    return f'<svg class="axis" aria-hidden="true">{labels}</svg>'


def class_table(runs: Sequence[ReportedRun], classes: Sequence[str]) -> str:
    """Average precision per class, and precision, recall and F1 at the operating point."""
    scores = runs[0].measures.by_tolerance
    rows = []
    for c, name in enumerate(classes):
        row = [Cell(escape(name), name), Cell(f"{scores.spots[0, c]:,}", float(scores.spots[0, c]))]
        row += _single_row(runs[0], c) if len(runs) == 1 else _paired_row(runs, c)
        rows.append(row)
    head = ["class", "spots"]
    if len(runs) == 1:
        head += ["detections", "loose", "tight", "visible", "unshown", "threshold", "precision",
                 "recall", "F1"]  # fmt: skip
    else:
        for metric in METRICS:
            head += [*_run_names(runs, metric), "difference", "p"]
        head += _run_names(runs, "F1")
    return table(head, rows, css="sortable" if len(runs) == 1 else "sortable wide")


def _single_row(run: ReportedRun, c: int) -> list[Cell]:
    measures, absent = run.measures, Cell("-", -1.0)
    loose = measures.metrics["loose"]
    row = [Cell(f"{loose.detections[0, c]:,}", float(loose.detections[0, c]))]
    for metric, result in measures.metrics.items():
        cell = _score(float(result.per_class()[c]), interval(run.of_class(metric, c)))
        row.append(cell if result.spots[0, c] else absent)
    for kind in KINDS[1:]:
        there = loose.spots[KINDS.index(kind), c] > 0
        row.append(_score(float(loose.per_class(kind)[c]), None) if there else absent)
    threshold, outcome = float(measures.thresholds[c]), measures.outcome
    if not np.isfinite(threshold):
        return [*row, Cell("none", 2.0), *[absent] * 3]
    parts = (outcome.precision, outcome.recall, outcome.f1)
    return [*row, Cell(f"{threshold:.3f}", threshold), *(_score(p[c], None) for p in parts)]


def _paired_row(runs: Sequence[ReportedRun], c: int) -> list[Cell]:
    row = []
    for metric in METRICS:
        values = [float(run.measures.metrics[metric].per_class()[c]) for run in runs]
        row += [_score(value, None) for value in values]
        row += _difference(values, [run.of_class(metric, c) for run in runs])
    return row + [_score(run.measures.outcome.f1[c], None) for run in runs]


def error_table(counts: NDArray[np.int64], classes: Sequence[str]) -> str:
    """Counts of each kind, per class and in all: counts is [C, kinds + 1], the last missed."""
    titles = [*ERROR_KINDS, "missed"]

    def cells(name: str, row: NDArray[np.int64]) -> list[Cell]:
        return [Cell(escape(name), name), *(Cell(f"{n:,}", float(n)) for n in row)]

    rows = [cells(name, row) for name, row in zip(classes, counts, strict=True)]
    return table(["class", *titles], rows, cells("all", counts.sum(axis=0)), css="sortable")


def confusion_table(pairs: NDArray[np.int64], classes: Sequence[str]) -> str:
    """The classes most often taken for another: pairs is [C detected, C annotated]."""
    order = np.argsort(-pairs, axis=None, kind="stable")[:MOST_CONFUSIONS]
    rows = [
        [Cell(escape(classes[detected])), Cell(escape(classes[annotated])), Cell(f"{count:,}")]
        for detected, annotated in zip(*np.unravel_index(order, pairs.shape), strict=True)
        if (count := pairs[detected, annotated])
    ]
    return (
        table(["detected", "annotated", "times"], rows, css="compact") if rows else "<p>None.</p>"
    )


def settings_list(settings: Mapping[str, Any], css: str = "") -> str:
    """Names and values of settings."""
    rows = "".join(
        f"<div><dt>{escape(str(name))}</dt><dd>{escape(_plain(value))}</dd></div>"
        for name, value in settings.items()
    )
    kind = f' class="{css}"' if css else ""
    return f"<dl{kind}>{rows}</dl>"


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
