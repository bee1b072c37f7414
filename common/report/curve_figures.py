"""The curves of a report: of all classes together, one line for each run."""

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from common.metric.average_map import KINDS, AveragePrecision
from common.report.errors_by_kind import Judged
from common.report.look import INKS, LOOK, RUN_INKS, new_figure
from common.report.measures import Measures
from common.results.plain_figures import words
from common.results.training_curves import Curves, best_epoch


def draw_tolerances(runs: Sequence[Measures], names: Sequence[str]) -> Figure:
    """mAP against the tolerance, whose means are the two metrics; kinds of spots for one run."""
    with rc_context(LOOK):
        figure = new_figure(3.3)
        axes = figure.add_subplot()
        for measures, name, ink in zip(runs, names, RUN_INKS, strict=False):
            every = measures.by_tolerance
            label = words(name) if len(runs) > 1 else "all spots"
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


def draw_reliability(runs: Sequence[Measures], names: Sequence[str]) -> Figure:
    """Share of right detections in each bin of confidence, above how many there are."""
    with rc_context(LOOK):
        figure = new_figure(3.9)
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        upper.plot((0, 1), (0, 1), color=INKS["muted"], lw=1, ls=(0, (4, 3)))
        width = 1 / len(runs[0].reliability.count)
        for number, (measures, name) in enumerate(zip(runs, names, strict=False)):
            bins, ink = measures.reliability, RUN_INKS[number]
            there = bins.count > 0
            label = f"{words(name)}, mean gap {100 * bins.expected_error():.1f} %"
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

    Each run's loss has a panel and a scale of its own, for programs minimise different sums; scores
    share one. A dot marks the epoch whose weights are tested.
    """
    there = [
        (each, name, ink)
        for each, name, ink in zip(curves, names, RUN_INKS, strict=False)
        if each is not None
    ]
    if not there:
        return None
    scored = any("valid_a_mAP" in each for each, _, _ in there)
    panels = len(there) + scored
    with rc_context(LOOK):
        figure = new_figure(3.3 if panels == 1 else 1.95 * panels)
        axes = figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]
        for (each, name, ink), panel in zip(there, axes, strict=False):
            _draw_loss(panel, each, ink)
            if len(curves) > 1:
                panel.set_title(words(name), fontsize=9, loc="left", color=ink)
            if scored:
                _draw_score(axes[-1], each, ink)
        axes[-1].set_xlabel("epoch")
        axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
        figure.align_ylabels()
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
        return figure


def _draw_loss(axes: Axes, curves: Curves, ink: str) -> None:
    epoch, best = curves["epoch"], best_epoch(curves)
    axes.plot(epoch, curves["train_loss"], color=ink, lw=1, alpha=0.55, label="train")
    axes.plot(epoch, curves["valid_loss"], color=ink, label="valid")
    axes.plot(epoch[best], curves["valid_loss"][best], "o", color=ink, ms=5)
    axes.set_ylabel("loss")


def _draw_score(axes: Axes, curves: Curves, ink: str) -> None:
    """Average-mAP of the validation games; epochs without one are left out."""
    axes.set_ylabel("valid a-mAP (%)")
    if "valid_a_mAP" in curves:
        epoch, score, best = curves["epoch"], 100 * curves["valid_a_mAP"], best_epoch(curves)
        some = ~np.isnan(score)
        axes.plot(epoch[some], score[some], "o-", ms=2.5, color=ink)
        axes.plot(epoch[best], score[best], "o", color=ink, ms=6)
        axes.set_ylim(bottom=0)


def draw_offsets(
    judged: Sequence[Judged], names: Sequence[str], framerate: float = 2
) -> Figure | None:
    """How far detections lie from the spot of their class that explains them, in steps of 2 s.

    None where no spot explains any.
    """
    if not any(len(each.offset_frames()) for each in judged):
        return None
    with rc_context(LOOK):
        figure = new_figure(3.3)
        axes = figure.add_subplot()
        edges = list(range(-61, 62, 2))
        for each, name, ink in zip(judged, names, RUN_INKS, strict=False):
            seconds = each.offset_frames() / framerate
            axes.hist(seconds, edges, histtype="stepfilled", color=ink, alpha=0.25)
            axes.hist(seconds, edges, histtype="step", color=ink, lw=1.3, label=words(name))
        axes.set(xlim=(-60, 60), xlabel="detection minus spot (s)", ylabel="detections")
        axes.set_xticks(range(-60, 61, 20))
        if len(judged) > 1:
            axes.legend()
        return figure
