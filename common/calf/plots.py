"""Pictures of a half: what the network says of each class over time, and what it detects."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from common.results.plain_figures import (
    chosen_classes,
    left_out,
    plain_figures,
    save_png,
    words,
)
from common.results.spots_table import clock
from common.results.suppression import Peaks

_MOST_COLUMNS = 6000  # points of a curve that a figure can show
_MOST_TIMES = 200  # of a class, that fit beside each other
_SURE = 0.34  # confidence from which the original names the time of a detection
_LANE = 1.45  # height of a class's lane, of which its scores take 1
_STARS = 1.2  # height of the stars in the pictures by class
_COLOURS = {"score": "#2a6f97", "detected": "#e07a5f", "annotated": "#3a3a3a"}


@plain_figures()
def draw_half(
    path: Path,
    score: NDArray[np.float32],
    peaks: Peaks,
    *,
    names: Sequence[str],
    framerate: float,
    title: str,
    annotated: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
) -> Path:
    """Draws a lane per class over the minutes of a half, as PNG.

    The curve is the score of the action from the segmentation, the triangles are detections, as
    high as they are confident, and the lines annotated spots. Of more classes than can be read
    those with most annotated spots are drawn, then those whose detections are surest.

    Args:
        score: [n, C] in [0, 1], high where an action is (or has just been).
        annotated: frames and classes of the annotated spots, if there are any.
    """
    shown = chosen_classes(_weights(peaks, annotated, len(names)))
    figure = _lanes(score, peaks, shown, names, framerate, words(title), annotated)
    return save_png(figure, path, dpi=110)


@plain_figures()
def draw_classes(
    folder: Path,
    score: NDArray[np.float32],
    peaks: Peaks,
    *,
    names: Sequence[str],
    framerate: float,
) -> Path:
    """Draws <class number>.png of each class as the original does of a video; returns `folder`.

    The curve is the score of the action over the minutes, a star with its time each detection of
    at least 0.34.

    Args:
        score: [n, C] in [0, 1], high where an action is (or has just been).
    """
    for c, name in enumerate(names):
        figure = Figure(figsize=(16, 12))
        axes = figure.subplots()
        axes.plot(np.arange(len(score)) / framerate / 60, score[:, c], color=_COLOURS["score"])
        sure = np.sort(peaks.frame[(peaks.event == c) & (peaks.confidence >= _SURE)])
        minutes = sure / framerate / 60
        axes.plot(minutes, np.full(len(sure), _STARS), "*", color=_COLOURS["detected"], ms=12)
        for minute in minutes[:_MOST_TIMES].tolist():
            axes.text(
                minute,
                _STARS + 0.03,
                clock(round(60_000 * minute)),
                rotation=90,
                ha="center",
                va="bottom",
            )
        axes.set(title=words(name), xlabel="minutes", ylabel="segmentation score", ylim=(0, 1.4))
        save_png(figure, folder / f"{c}.png", dpi=80)
    return folder


def _weights(
    peaks: Peaks, annotated: tuple[NDArray[np.int64], NDArray[np.int64]] | None, classes: int
) -> NDArray[np.float64]:
    """How much there is to see of each class: spots first, then the surest detection, below 1."""
    surest = np.zeros(classes)
    np.maximum.at(surest, peaks.event, np.clip(peaks.confidence, 0, 0.999))
    return surest if annotated is None else surest + np.bincount(annotated[1], minlength=classes)


def _lanes(
    score: NDArray[np.float32],
    peaks: Peaks,
    shown: NDArray[np.int64],
    names: Sequence[str],
    framerate: float,
    title: str,
    annotated: tuple[NDArray[np.int64], NDArray[np.int64]] | None,
) -> Figure:
    """The figure of the classes `shown`, all on one pair of axes: many take much longer."""
    rows = len(shown)
    labels = [words(names[c], 30) for c in shown]
    width, height, before = 14, 1.2 + 0.62 * rows, 0.3 + 0.075 * max(map(len, labels))
    figure = Figure(figsize=(width, height))
    figure.suptitle(title, fontsize=12, y=1 - 0.08 / height, va="top")
    axes = figure.add_axes(
        (before / width, 0.8 / height, 1 - (before + 0.2) / width, 1 - 1.2 / height)
    )
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    axes.grid(axis="x", color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    floors, unnamed = _LANE * np.arange(rows)[::-1], 0
    for floor, c in zip(floors.tolist(), shown.tolist(), strict=True):
        _draw_lane(axes, floor, score[:, c], framerate)
        ours = peaks.event == c
        found = peaks.frame[ours], peaks.confidence[ours]
        unnamed += _draw_detections(axes, floor, *found, framerate)
        if annotated is not None:
            minutes = annotated[0][annotated[1] == c] / framerate / 60
            axes.vlines(minutes, floor, floor + 1, colors=_COLOURS["annotated"], linewidth=1.2)
    below = (
        "minutes of the half",
        left_out(rows, len(names), "most to be seen"),
        f"of the times of sure detections {unnamed} are not written" if unnamed else "",
    )
    axes.hlines(floors, 0, 1, transform=axes.get_yaxis_transform(), colors="0.2", linewidth=0.8)
    axes.set_yticks(floors + 0.5, labels, fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.set(
        xlabel="; ".join(filter(None, below)),
        xlim=(0, len(score) / framerate / 60),
        ylim=(-0.02, _LANE * rows),
    )
    figure.legend(*_legend(axes, annotated is not None), ncols=3, loc="lower right",
                  frameon=False, fontsize=8)  # fmt: skip
    return figure


def _draw_lane(axes: Axes, floor: float, score: NDArray[np.float32], framerate: float) -> None:
    """The score over time; of a long half the highest of neighbouring frames."""
    step = -(-len(score) // _MOST_COLUMNS)
    starts = np.arange(0, len(score), step)
    highest = floor + np.maximum.reduceat(score, starts)
    axes.fill_between(
        starts / framerate / 60, floor, highest, step="post", color=_COLOURS["score"], alpha=0.45,
        lw=0,
    )  # fmt: skip


def _draw_detections(
    axes: Axes,
    floor: float,
    frame: NDArray[np.int64],
    confidence: NDArray[np.float32],
    framerate: float,
) -> int:
    """Triangles, and the times of the surest; how many sure ones have no time beside them."""
    minutes = frame / framerate / 60
    axes.scatter(
        minutes, floor + confidence, s=9, marker="v", color=_COLOURS["detected"], lw=0, zorder=3
    )
    sure = np.flatnonzero(confidence >= _SURE)
    named = np.sort(sure[np.argsort(-confidence[sure], kind="stable")[:_MOST_TIMES]])
    for minute, height in zip(minutes[named], confidence[named], strict=True):
        place = floor + max(height, 0.9) + 0.08
        axes.text(
            minute, place, clock(round(60_000 * minute)), fontsize=5, ha="center", va="bottom"
        )
    return len(sure) - len(named)


def _legend(axes: Axes, with_annotations: bool) -> tuple[list, list[str]]:
    handles = [
        axes.fill_between([], [], color=_COLOURS["score"], alpha=0.45, lw=0),
        axes.scatter([], [], s=14, marker="v", color=_COLOURS["detected"]),
        axes.vlines([], 0, 1, colors=_COLOURS["annotated"], linewidth=1.2),
    ]
    labels = ["segmentation score", "detection, at the height of its confidence", "annotated"]
    count = len(handles) if with_annotations else 2
    return handles[:count], labels[:count]
