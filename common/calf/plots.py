"""Pictures of a half: what the network says of each class over time, and what it detects."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from common.files import written_whole
from common.results.suppression import Peaks

_MOST_COLUMNS = 6000  # points of a curve that a figure can show
_SURE = 0.34  # confidence from which the original names the time of a detection
_COLOURS = {"score": "#2a6f97", "detected": "#e07a5f", "annotated": "#3a3a3a"}


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
    high as they are confident, and the lines annotated spots.

    Args:
        score: [n, C] in [0, 1], high where an action is (or has just been).
        annotated: frames and classes of the annotated spots, if there are any.
    """
    C = len(names)
    figure = Figure(figsize=(14, 1.2 + 0.62 * C), layout="constrained")
    figure.suptitle(title, fontsize=12)
    lanes = figure.subplots(C, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for c, (axes, name) in enumerate(zip(lanes, names, strict=True)):
        _draw_lane(axes, score[:, c], framerate)
        ours = peaks.event == c
        _draw_detections(axes, peaks.frame[ours], peaks.confidence[ours], framerate)
        if annotated is not None:
            minutes = annotated[0][annotated[1] == c] / framerate / 60
            axes.vlines(minutes, 0, 1, colors=_COLOURS["annotated"], linewidth=1.2)
        axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
        axes.set_yticks([])
        axes.spines[["top", "right", "left"]].set_visible(False)
    lanes[-1].set_xlabel("minutes of the half")
    lanes[-1].set_xlim(0, len(score) / framerate / 60)
    lanes[-1].set_ylim(0, 1.45)
    figure.legend(*_legend(lanes[0], annotated is not None), ncols=3, loc="outside lower right",
                  frameon=False, fontsize=8)  # fmt: skip
    with written_whole(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
    return path


def _draw_lane(axes: Axes, score: NDArray[np.float32], framerate: float) -> None:
    """The score over time; of a long half the highest of neighbouring frames."""
    step = -(-len(score) // _MOST_COLUMNS)
    starts = np.arange(0, len(score), step)
    highest = np.maximum.reduceat(score, starts)
    axes.fill_between(
        starts / framerate / 60, highest, step="post", color=_COLOURS["score"], alpha=0.45, lw=0
    )


def _draw_detections(
    axes: Axes, frame: NDArray[np.int64], confidence: NDArray[np.float32], framerate: float
) -> None:
    minutes = frame / framerate / 60
    axes.scatter(minutes, confidence, s=9, marker="v", color=_COLOURS["detected"], lw=0, zorder=3)
    for minute, height in zip(minutes, confidence, strict=True):
        if height >= _SURE:
            clock = f"{int(minute):02d}:{round(60 * (minute % 1)) % 60:02d}"
            axes.text(minute, max(height, 0.9) + 0.08, clock, fontsize=5, ha="center", va="bottom")


def _legend(axes: Axes, with_annotations: bool) -> tuple[list, list[str]]:
    handles = [
        axes.fill_between([], [], color=_COLOURS["score"], alpha=0.45, lw=0),
        axes.scatter([], [], s=14, marker="v", color=_COLOURS["detected"]),
        axes.vlines([], 0, 1, colors=_COLOURS["annotated"], linewidth=1.2),
    ]
    labels = ["segmentation score", "detection, at the height of its confidence", "annotated"]
    count = len(handles) if with_annotations else 2
    return handles[:count], labels[:count]
