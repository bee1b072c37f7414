"""The figures of a report, drawn from measures: on white as files, in the page's colours inside it.

Each is narrow enough to be read on a phone. A colour of `INKS` that the page gives another value,
for the dark, is replaced by name.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from common.average_map import KINDS, AveragePrecision
from common.report.errors_by_kind import CORRECT, ERROR_KINDS, Judged, count_kinds
from common.report.measures import CURVE_TOLERANCES, METRICS, Measures
from common.report.training_curves import Curves, best_epoch

INKS = {
    "ink": "#1f2933",
    "muted": "#66727f",
    "line": "#dfe4ea",
    "one": "#1f6f8b",
    "two": "#d2643c",
    "light": "#86b7c8",
    "correct": "#2f9e77",
    "early": "#e8b23f",
    "late": "#cf7a2b",
    "duplicate": "#7fb0d8",
    "wrong-class": "#8f6cc0",
    "background": "#b4bcc6",
    "missed": "#c8414f",
}
KIND_INKS = [INKS[kind.replace(" ", "-")] for kind in ERROR_KINDS]
RUN_INKS = (INKS["one"], INKS["two"])
WIDTH = 4.9  # inches
LOOK = {
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INKS["ink"],
    "axes.labelcolor": INKS["muted"],
    "axes.edgecolor": INKS["line"],
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": INKS["line"],
    "grid.linewidth": 0.6,
    "xtick.color": INKS["line"],
    "ytick.color": INKS["line"],
    "xtick.labelcolor": INKS["muted"],
    "ytick.labelcolor": INKS["muted"],
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
}

Bounds = NDArray[np.float64]  # [C, 2], low and high


def _figure(height: float, width: float = WIDTH) -> Figure:
    return Figure(figsize=(width, height), layout="constrained")


def draw_tolerances(runs: Sequence[Measures], names: Sequence[str]) -> Figure:
    """mAP against the tolerance, whose means are the two metrics; kinds of spots for one run."""
    with rc_context(LOOK):
        figure = _figure(3.3)
        axes = figure.add_subplot()
        for measures, name, ink in zip(runs, names, RUN_INKS, strict=False):
            every = measures.by_tolerance
            label = name if len(runs) > 1 else "all spots"
            axes.plot(every.tolerances, 100 * every.per_tolerance(), color=ink, label=label)
        if len(runs) == 1:
            _draw_visibility(axes, runs[0].by_tolerance)
        axes.axvspan(1, 5, color=INKS["line"], alpha=0.55, lw=0)
        axes.set(xlim=(0, 60), xlabel="tolerance (s)", ylabel="mAP (%)")
        axes.set_ylim(bottom=0)
        axes.legend(loc="lower right")
        return figure


def _draw_visibility(axes: Axes, every: AveragePrecision) -> None:
    """Visible and unshown spots apart, each a mean over the classes that have such spots."""
    for kind, style in (("visible", "--"), ("unshown", ":")):
        there = every.spots[KINDS.index(kind)] > 0
        if every.spots[2].any() and there.any():
            mean = 100 * every.ap[KINDS.index(kind)][:, there].mean(axis=1)
            axes.plot(every.tolerances, mean, style, color=INKS["one"], lw=1.3, label=kind)


def draw_classes(
    runs: Sequence[Measures],
    names: Sequence[str],
    classes: Sequence[str],
    bounds: Sequence[Bounds | None],
) -> Figure:
    """Loose average precision of each class, filled, and tight, hollow; 95 % bars where known."""
    with rc_context(LOOK):
        figure = _figure(0.9 + 0.3 * len(classes))
        axes = figure.add_subplot()
        apart = 0.26 * (np.arange(len(runs)) - (len(runs) - 1) / 2)
        for measures, name, ink, shift, bound in zip(
            runs, names, RUN_INKS, apart, bounds, strict=False
        ):
            y = np.arange(len(classes)) + shift
            loose, tight = (100 * measures.metrics[metric].per_class() for metric in METRICS)
            if bound is not None:
                axes.hlines(y, 100 * bound[:, 0], 100 * bound[:, 1], color=ink, lw=1.4, alpha=0.6)
            there = measures.metrics["loose"].spots[0] > 0
            label = f"{name}, " if len(runs) > 1 else ""
            axes.plot(loose[there], y[there], "o", color=ink, ms=5, label=f"{label}loose")
            axes.plot(
                tight[there], y[there], "o", color=ink, mfc="none", mew=1.2, ms=4.2,
                label=f"{label}tight",
            )  # fmt: skip
        _class_axis(axes, classes)
        axes.set_xlim(left=0)
        axes.set_xlabel("average precision (%)")
        figure.legend(loc="outside upper right", ncols=2)
        return figure


def _class_axis(axes: Axes, classes: Sequence[str]) -> None:
    """Classes from top to bottom."""
    axes.set_yticks(range(len(classes)), [_short(name) for name in classes])
    axes.tick_params(axis="y", length=0, labelcolor=INKS["ink"], labelsize=9)
    axes.set_ylim(len(classes) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)


def _short(text: str, most: int = 22) -> str:
    """At most so many letters, and nothing that matplotlib would take for a formula."""
    text = text if len(text) <= most else text[: most - 1] + "…"
    return text.replace("$", r"\$")


def draw_precision_recall(axes: Axes, runs: Sequence[Measures], event: int, title: str) -> None:
    """Precision and recall of one class: one run at three tolerances, or two at the middle one."""
    shown = CURVE_TOLERANCES if len(runs) == 1 else CURVE_TOLERANCES[1:2]
    shades = (INKS["light"], INKS["one"], INKS["ink"]) if len(runs) == 1 else (INKS["one"],)
    for measures, ink in zip(runs, RUN_INKS, strict=False):
        for tolerance, shade in zip(shown, shades, strict=True):
            place = CURVE_TOLERANCES.index(tolerance)
            precision = measures.curves.precision[0, place, event]
            recall = measures.curves.recall[0, place, event]
            some = precision > 0  # behind the last detection there is no precision
            axes.plot(
                100 * recall[some], 100 * precision[some], lw=1.4,
                color=shade if len(runs) == 1 else ink, label=f"{tolerance} s",
            )  # fmt: skip
    axes.set_title(_short(title), fontsize=9, loc="left", color=INKS["ink"])
    axes.set(xlim=(0, 100), ylim=(0, 100), xticks=(0, 50, 100), yticks=(0, 50, 100))
    axes.tick_params(labelsize=8)


def draw_one_precision_recall(runs: Sequence[Measures], event: int, title: str) -> Figure:
    """A panel of its own, for the page."""
    with rc_context(LOOK):
        figure = Figure(figsize=(2.1, 1.9))  # laid out by hand: there are many of them
        draw_precision_recall(figure.add_axes((0.13, 0.12, 0.78, 0.74)), runs, event, title)
        return figure


def draw_all_precision_recall(
    runs: Sequence[Measures], names: Sequence[str], classes: Sequence[str]
) -> Figure:
    """All classes in one figure, four in a row."""
    with rc_context(LOOK):
        rows = -(-len(classes) // 4)
        figure = _figure(0.9 + 1.9 * rows, 8.4)
        for event, name in enumerate(classes):
            draw_precision_recall(figure.add_subplot(rows, 4, event + 1), runs, event, name)
        figure.supxlabel("recall (%)", fontsize=10, color=INKS["muted"])
        figure.supylabel("precision (%)", fontsize=10, color=INKS["muted"])
        lines = figure.axes[0].get_lines()
        labels = names if len(runs) > 1 else [str(line.get_label()) for line in lines]
        figure.legend(lines, labels, loc="outside upper right", ncols=3)
        return figure


def draw_reliability(runs: Sequence[Measures], names: Sequence[str]) -> Figure:
    """Share of right detections in each bin of confidence, above how many there are."""
    with rc_context(LOOK):
        figure = _figure(3.9)
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        upper.plot((0, 1), (0, 1), color=INKS["muted"], lw=1, ls=(0, (4, 3)))
        width = 1 / len(runs[0].reliability.count)
        for number, (measures, name) in enumerate(zip(runs, names, strict=False)):
            bins, ink = measures.reliability, RUN_INKS[number]
            there = bins.count > 0
            label = f"{name}, mean gap {100 * bins.expected_error():.1f} %"
            upper.plot(
                bins.confidence[there], bins.share_correct[there], "o-", ms=4, color=ink,
                label=label,
            )  # fmt: skip
            bar = 0.86 * width / len(runs)
            left = (np.arange(len(bins.count)) + 0.07) * width + number * bar
            lower.bar(left, bins.count, bar, align="edge", color=ink, alpha=0.75)
        upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="share correct")
        upper.yaxis.set_major_formatter(PercentFormatter(1))
        upper.legend(loc="upper left")
        lower.set_yscale("symlog", linthresh=1)
        lower.set_yticks([1, 100, 10_000], ["1", "100", "10k"])
        lower.minorticks_off()
        lower.set(xlabel="confidence", ylabel="detections")
        figure.align_ylabels()
        return figure


def draw_training(curves: Sequence[Curves | None], names: Sequence[str]) -> Figure | None:
    """Losses, and scores of whole validation games where there are any; None without curves.

    A dot marks the epoch whose weights are tested.
    """
    there = [
        (each, name, ink)
        for each, name, ink in zip(curves, names, RUN_INKS, strict=False)
        if each is not None
    ]
    if not there:
        return None
    scored = any("valid_a_mAP" in each for each, _, _ in there)
    with rc_context(LOOK):
        figure = _figure(3.9 if scored else 3.3)
        axes = figure.subplots(2 if scored else 1, 1, sharex=True, squeeze=False)[:, 0]
        for each, name, ink in there:
            label = f"{name}, " if len(curves) > 1 else ""
            epoch, best = each["epoch"], best_epoch(each)
            axes[0].plot(epoch, each["train_loss"], color=ink, lw=1, alpha=0.55,
                         label=f"{label}train")  # fmt: skip
            axes[0].plot(epoch, each["valid_loss"], color=ink, label=f"{label}valid")
            axes[0].plot(epoch[best], each["valid_loss"][best], "o", color=ink, ms=5)
            score = each.get("valid_a_mAP")
            if score is not None:
                some = ~np.isnan(score)
                axes[1].plot(epoch[some], 100 * score[some], "o-", ms=2.5, color=ink)
                axes[1].plot(epoch[best], 100 * score[best], "o", color=ink, ms=6)
                axes[1].set_ylabel("valid a-mAP (%)")
                axes[1].set_ylim(bottom=0)
        axes[0].set_ylabel("loss")
        axes[0].legend()
        axes[-1].set_xlabel("epoch")
        axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
        figure.align_ylabels()
        return figure


def draw_errors(judged: Judged, classes: Sequence[str]) -> Figure:
    """What the counted detections of each class are, and what share of its spots is missed."""
    counts = count_kinds(judged, len(classes))
    detected, missed = counts[:, : len(ERROR_KINDS)], counts[:, -1]
    with rc_context(LOOK):
        figure = _figure(1.2 + 0.3 * len(classes))
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 1))
        share = 100 * detected / np.maximum(detected.sum(axis=1, keepdims=True), 1)
        begin = np.cumsum(share, axis=1) - share
        for number, (kind, ink) in enumerate(zip(ERROR_KINDS, KIND_INKS, strict=True)):
            left.barh(
                range(len(classes)), share[:, number], 0.66, begin[:, number], color=ink,
                label=kind,
            )  # fmt: skip
        spots = missed + detected[:, CORRECT]
        right.barh(
            range(len(classes)), 100 * missed / np.maximum(spots, 1), 0.66, color=INKS["missed"],
            label="missed",
        )  # fmt: skip
        _class_axis(left, classes)
        right.tick_params(axis="y", length=0)
        right.grid(axis="y", visible=False)
        left.set(xlim=(0, 100), xlabel="of detections (%)")
        right.set(xlim=(0, 100), xticks=(0, 50, 100), xlabel="of spots (%)")
        figure.legend(loc="outside upper left", ncols=4, handlelength=1, columnspacing=1)
        return figure


def draw_offsets(judged: Sequence[Judged], names: Sequence[str], framerate: float = 2) -> Figure:
    """How far detections lie from the spot of their class that explains them, in steps of 2 s."""
    with rc_context(LOOK):
        figure = _figure(3.3)
        axes = figure.add_subplot()
        edges = np.arange(-61, 62, 2)
        for each, name, ink in zip(judged, names, RUN_INKS, strict=False):
            seconds = each.offset_frames() / framerate
            axes.hist(seconds, edges, histtype="stepfilled", color=ink, alpha=0.25)
            axes.hist(seconds, edges, histtype="step", color=ink, lw=1.3, label=name)
        axes.set(xlim=(-60, 60), xlabel="detection minus spot (s)", ylabel="detections")
        axes.set_xticks(range(-60, 61, 20))
        if len(judged) > 1:
            axes.legend()
        return figure
