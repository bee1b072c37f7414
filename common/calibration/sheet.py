"""A sheet of pictures: a row for each of the most confident detections of a half."""

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from common.results.plain_figures import words
from common.results.suppression import Peaks


class Sheet(NamedTuple):
    """A figure, its axes [rows, columns], and the numbers of the detections that have a row."""

    figure: Figure
    grid: NDArray[np.object_]
    chosen: NDArray[np.int64]


def new_sheet(
    peaks: Peaks, most: int, columns: int, *, size: tuple[float, float], head: float, title: str
) -> Sheet:
    """An empty sheet, its axes switched off; one without detections says so.

    Args:
        most: how many detections get a row, those that are most confident.
        size: width of the sheet and height of a row, in inches.
        head: height of what is above the rows, in inches.
    """
    chosen = np.sort(np.argsort(-peaks.confidence, kind="stable")[:most])
    rows, (width, height) = max(1, len(chosen)), size
    figure = Figure(figsize=(width, head + height * rows), layout="constrained")
    figure.suptitle(words(title), fontsize=11)
    unmarked: dict[str, list[float]] = {"xticks": [], "yticks": []}  # undrawn ones take time, too
    grid = figure.subplots(rows, columns, squeeze=False, subplot_kw=unmarked)
    for axes in grid.flat:
        axes.set_axis_off()
    if not len(chosen):
        grid[0, 0].text(0, 0.5, "nothing was detected")
    return Sheet(figure, grid, chosen)
