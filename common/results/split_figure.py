"""A picture of a run's scores: classes, tolerances, and how the training went."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from common.metric.average_map import KINDS, AveragePrecision
from common.results.plain_figures import (
    chosen_classes,
    left_out,
    plain_figures,
    save_png,
    words,
)
from common.results.training_curves import Curves, best_epoch, read_curves

_COLOURS = {"loose": "#2a6f97", "tight": "#e07a5f", "train": "#8d99ae", "valid": "#2a6f97",
            "score": "#d1495b"}  # fmt: skip


@plain_figures()
def draw_report(
    path: Path, results: Mapping[str, AveragePrecision], names: Sequence[str], title: str
) -> Path:
    """Draws AP per class, mAP against tolerance and, if the run has curves, its losses, as PNG.

    Of more classes than can be read those with most annotated spots are shown.
    """
    curves = read_curves(path.parent)
    figure = Figure(figsize=(12, 6.5), layout="constrained")
    figure.suptitle(
        f"{words(title)}: "
        + ", ".join(f"{metric} {100 * r.a_map():.2f} %" for metric, r in results.items()),
        fontsize=13,
    )
    grid = figure.add_gridspec(2, 2, width_ratios=(1.25, 1))
    _draw_classes(figure.add_subplot(grid[:, 0]), results, names)
    _draw_tolerances(figure.add_subplot(grid[0, 1]), results)
    axes = figure.add_subplot(grid[1, 1])
    if curves is not None:
        _draw_curves(axes, curves)
    else:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no training curves in this run", ha="center", color="0.5")
    return save_png(figure, path, dpi=130)


def _draw_classes(
    axes: Axes, results: Mapping[str, AveragePrecision], names: Sequence[str]
) -> None:
    """Bars: one group per class, one bar per metric, ticks for visible and unshown."""
    every = next(iter(results.values())).spots[0]
    shown = chosen_classes(every)
    place, height = np.arange(len(shown)), 0.8 / len(results)
    for number, (metric, result) in enumerate(results.items()):
        y = place + (number - (len(results) - 1) / 2) * height
        axes.barh(
            y, 100 * result.per_class()[shown], height, color=_COLOURS.get(metric), label=metric
        )
        for kind, marker in (("visible", "o"), ("unshown", "x")):
            there = result.spots[KINDS.index(kind)][shown] > 0
            axes.plot(
                100 * result.per_class(kind)[shown][there], y[there], marker, color="0.2",
                markersize=3.5, linestyle="none", label=kind if number == 0 else None,
            )  # fmt: skip
    axes.set_yticks(place, [f"{words(names[c], 40)} ({every[c]})" for c in shown])
    axes.set_title(left_out(len(shown), len(names)), fontsize=9)
    axes.invert_yaxis()
    axes.set_xlabel("average precision (%), class (annotated spots)")
    axes.set_xlim(0, 100)
    axes.legend(loc="lower right", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_tolerances(axes: Axes, results: Mapping[str, AveragePrecision]) -> None:
    """mAP as a function of the tolerance, the curve whose area is the average-mAP."""
    for metric, result in results.items():
        mean = 100 * result.per_tolerance()
        axes.plot(result.tolerances, mean, "o-", ms=4, color=_COLOURS.get(metric), label=metric)
    axes.set_xlabel("tolerance (s)")
    axes.set_ylabel("mAP (%)")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_curves(axes: Axes, curves: Curves) -> None:
    """Training and validation loss, and scores of whole validation games where there are any.

    The epoch whose weights were tested is marked: that of the highest score, or the lowest loss.
    """
    epoch, best = curves["epoch"], best_epoch(curves)
    for what in ("train", "valid"):
        axes.plot(epoch, curves[f"{what}_loss"], ".-", color=_COLOURS[what], label=f"{what} loss")
    marked, height = axes, curves["valid_loss"]
    score = curves.get("valid_a_mAP", np.full(1, np.nan))
    if not np.isnan(score).all():
        marked, height, there = axes.twinx(), score, ~np.isnan(score)
        marked.plot(epoch[there], score[there], ".--", color=_COLOURS["score"], label="valid a_mAP")
        marked.set_ylim(bottom=0)
        marked.spines["top"].set_visible(False)
    marked.plot(
        epoch[best], height[best], "o", color=_COLOURS["score"], label=f"best: {epoch[best]:.0f}"
    )
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    lines = [*axes.get_lines(), *(marked.get_lines() if marked is not axes else [])]
    axes.legend(lines, [str(line.get_label()) for line in lines], framealpha=0.8, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
