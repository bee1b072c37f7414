"""The figures of a report that show each class apart."""

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from common.report.errors_by_kind import CORRECT, ERROR_KINDS, Judged, count_kinds
from common.report.look import INKS, LOOK, RUN_INKS, new_figure
from common.report.measures import CURVE_TOLERANCES, METRICS, Measures
from common.results.plain_figures import chosen_classes, left_out, words

Bounds = NDArray[np.float64]  # [C, 2], low and high

_LONGEST = 22  # letters of a class name
_KIND_INKS = [INKS[kind.replace(" ", "-")] for kind in ERROR_KINDS]


def draw_classes(
    runs: Sequence[Measures],
    bounds: Sequence[Bounds | None],
    *,
    names: Sequence[str],
    classes: Sequence[str],
) -> Figure:
    """Loose average precision of each class, filled, and tight, hollow; 95 % bars where known."""
    shown = shown_classes(runs)
    with rc_context(LOOK):
        figure = new_figure(0.9 + 0.3 * len(shown))
        axes = figure.add_subplot()
        apart = 0.26 * (np.arange(len(runs)) - (len(runs) - 1) / 2)
        for measures, name, ink, shift, bound in zip(
            runs, names, RUN_INKS, apart, bounds, strict=False
        ):
            y = np.arange(len(shown)) + shift
            loose, tight = (100 * measures.metrics[metric].per_class()[shown] for metric in METRICS)
            if bound is not None:
                low, high = 100 * bound[shown].T
                axes.hlines(y, low, high, color=ink, lw=1.4, alpha=0.6)
            there = measures.metrics["loose"].spots[0][shown] > 0
            label = f"{words(name)}, " if len(runs) > 1 else ""
            axes.plot(
                loose[there], y[there], "o", color=ink, ms=5, clip_on=False, label=f"{label}loose"
            )
            axes.plot(
                tight[there], y[there], "o", color=ink, mfc="none", mew=1.2, ms=4.2,
                clip_on=False, label=f"{label}tight",
            )  # fmt: skip
        _class_axis(axes, [classes[c] for c in shown])
        axes.set_xlim(left=0)
        axes.set_xlabel(_with_note("average precision (%)", len(shown), len(classes)))
        figure.legend(loc="outside upper right", ncols=2)
        return figure


def shown_classes(runs: Sequence[Measures]) -> NDArray[np.int64]:
    """Numbers of the classes that figures show: all, or those with most annotated spots."""
    return chosen_classes(runs[0].metrics["loose"].spots[0])


def _with_note(label: str, shown: int, classes: int) -> str:
    """The label of an axis, and below it what the figure leaves out."""
    return "\n".join(filter(None, (label, left_out(shown, classes))))


def _class_axis(axes: Axes, classes: Sequence[str]) -> None:
    """Classes from top to bottom."""
    axes.set_yticks(range(len(classes)), [words(name, _LONGEST) for name in classes])
    axes.tick_params(axis="y", length=0, pad=8, labelcolor=INKS["ink"], labelsize=9)
    axes.set_ylim(len(classes) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)


def _draw_precision_recall(axes: Axes, runs: Sequence[Measures], event: int, title: str) -> None:
    """Precision and recall of one class: one run at three tolerances, or two at the middle one."""
    shown = CURVE_TOLERANCES if len(runs) == 1 else CURVE_TOLERANCES[1:2]
    shades = (INKS["light"], INKS["one"], INKS["ink"]) if len(runs) == 1 else (INKS["one"],)
    for measures, ink in zip(runs, RUN_INKS, strict=False):
        for tolerance, shade in zip(shown, shades, strict=True):
            index = CURVE_TOLERANCES.index(tolerance)
            precision = measures.curves.precision[0, index, event]
            recall = measures.curves.recall[0, index, event]
            some = precision > 0  # behind the last detection there is no precision
            axes.plot(
                100 * recall[some], 100 * precision[some], lw=1.4,
                color=shade if len(runs) == 1 else ink, label=f"{tolerance} s",
            )  # fmt: skip
    axes.set_title(words(title, _LONGEST), fontsize=9, loc="left", color=INKS["ink"])
    axes.set(xlim=(0, 100), ylim=(0, 100), xticks=(0, 50, 100), yticks=(0, 50, 100))
    axes.tick_params(labelsize=8)


def draw_one_precision_recall(runs: Sequence[Measures], event: int, title: str) -> Figure:
    """A panel of its own, for the page."""
    with rc_context(LOOK):
        figure = Figure(figsize=(2.1, 1.9))  # laid out by hand: there are many of them
        _draw_precision_recall(figure.add_axes((0.16, 0.12, 0.76, 0.74)), runs, event, title)
        return figure


def draw_all_precision_recall(
    runs: Sequence[Measures], *, names: Sequence[str], classes: Sequence[str]
) -> Figure:
    """All classes in one figure, four in a row."""
    shown = shown_classes(runs).tolist()
    with rc_context(LOOK):
        rows = -(-len(shown) // 4)
        figure = new_figure(0.9 + 1.9 * rows, 8.4)
        for place, event in enumerate(shown, 1):
            axes = figure.add_subplot(rows, 4, place)
            _draw_precision_recall(axes, runs, event, classes[event])
        label = _with_note("recall (%)", len(shown), len(classes))
        figure.supxlabel(label, fontsize=10, color=INKS["muted"])
        figure.supylabel("precision (%)", fontsize=10, color=INKS["muted"])
        lines = figure.axes[0].get_lines()
        labels = (
            [words(name) for name in names]
            if len(runs) > 1
            else [str(line.get_label()) for line in lines]
        )
        figure.legend(lines, labels, loc="outside upper right", ncols=3)
        return figure


def draw_errors(judged: Judged, classes: Sequence[str]) -> Figure:
    """What the counted detections of each class are, and what share of its spots is missed."""
    counts = count_kinds(judged, len(classes))
    shown = chosen_classes(counts[:, CORRECT] + counts[:, -1])
    counts, names = counts[shown], [classes[c] for c in shown]
    detected, missed = counts[:, : len(ERROR_KINDS)], counts[:, -1]
    with rc_context(LOOK):
        figure = new_figure(1.2 + 0.3 * len(names))
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 1))
        share = 100 * detected / np.maximum(detected.sum(axis=1, keepdims=True), 1)
        begin = np.cumsum(share, axis=1) - share
        for number, (kind, ink) in enumerate(zip(ERROR_KINDS, _KIND_INKS, strict=True)):
            left.barh(
                range(len(names)), share[:, number], 0.66, begin[:, number], color=ink,
                label=kind,
            )  # fmt: skip
        spots = missed + detected[:, CORRECT]
        right.barh(
            range(len(names)), 100 * missed / np.maximum(spots, 1), 0.66, color=INKS["missed"],
            label="missed",
        )  # fmt: skip
        _class_axis(left, names)
        right.tick_params(axis="y", length=0)
        right.grid(axis="y", visible=False)
        label = _with_note("of detections (%)", len(names), len(classes))
        left.set(xlim=(0, 100), xlabel=label)
        right.set(xlim=(0, 100), xticks=(0, 50, 100), xlabel="of spots (%)")
        figure.legend(loc="outside upper left", ncols=4, handlelength=1, columnspacing=1)
        return figure
