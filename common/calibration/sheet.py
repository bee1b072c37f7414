"""A sheet of pictures: a row for each of the most confident detections of a half.

Everything has its place in inches: a layout that looks for places, and axes for each small picture,
take most of the time that a figure takes.
"""

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from common.results.plain_figures import words
from common.results.suppression import Peaks

_GAP = 0.1  # inches between pictures


class Sheet(NamedTuple):
    """A figure, and what its rows are.

    Attributes:
        width, height: of the figure, in inches; `row`: the height of a row.
        chosen: numbers of the detections that have a row, in the order of time.
    """

    figure: Figure
    width: float
    height: float
    row: float
    chosen: NDArray[np.int64]

    def canvas(self) -> Axes:
        """Axes over the whole sheet, in inches from its upper left corner."""
        axes = self.figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, self.width), ylim=(self.height, 0), autoscale_on=False)
        axes.set_axis_off()
        return axes

    def top(self, number: int) -> float:
        """Where a row begins, in inches from the top; the last one ends at the bottom."""
        return self.height - self.row * (max(1, len(self.chosen)) - number)

    def grid(self, columns: int, title: float) -> NDArray[np.object_]:
        """Axes [rows, columns], switched off, of equal size.

        Args:
            title: inches above each for its title.
        """
        width = (self.width - _GAP) / columns
        size = ((width - _GAP) / self.width, (self.row - title - _GAP / 2) / self.height)
        cells = np.empty((len(self.chosen), columns), object)
        for (row, column), _ in np.ndenumerate(cells):
            left, bottom = _GAP + column * width, self.height - self.top(row + 1) + _GAP / 2
            place = (left / self.width, bottom / self.height)
            # Marks that are not drawn take time, too.
            cells[row, column] = self.figure.add_axes((*place, *size), xticks=[], yticks=[])
            cells[row, column].set_axis_off()
        return cells


def new_sheet(
    peaks: Peaks, most: int, *, size: tuple[float, float], head: float, title: str
) -> Sheet:
    """An empty sheet; one without detections says so.

    Args:
        most: how many detections get a row, those that are most confident.
        size: width of the sheet and height of a row, in inches.
        head: height of what is above the rows, in inches.
    """
    chosen = np.sort(np.argsort(-peaks.confidence, kind="stable")[:most])
    width, row = size
    height = head + row * max(1, len(chosen))
    figure = Figure(figsize=(width, height))
    figure.suptitle(words(title), fontsize=11, y=1 - 0.08 / height, va="top")
    if not len(chosen):
        figure.text(0.1, 0.4, "nothing was detected")
    return Sheet(figure, width, height, row, chosen)
