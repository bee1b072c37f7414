"""The pitch in a figure: its lines or a top view, and people on it with lines between them."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

from common.calibration.pitch import LENGTH, WIDTH
from common.calibration.pitch_drawing import exact_field

_AROUND = 4.0  # metres shown around the picture of the pitch


def show_pitch(axes: Axes) -> None:
    """The lines of the pitch; from here on the axes are metres from the centre spot."""
    show_top_view(axes, exact_field(420, 272), cmap="Greys", alpha=0.5)


def show_top_view(axes: Axes, picture: NDArray[np.uint8], **look: Any) -> None:
    """A picture of which the pitch takes the middle 95 %, on axes as `show_pitch` has them."""
    half_length, half_width = LENGTH / 2 / 0.95, WIDTH / 2 / 0.95
    extent = (-half_length, half_length, half_width, -half_width)
    axes.imshow(picture, extent=extent, aspect="equal", **look)
    axes.set_xlim(-half_length - _AROUND, half_length + _AROUND)
    axes.set_ylim(half_width + _AROUND, -half_width - _AROUND)


def show_people(axes: Axes, places: NDArray, colours: NDArray, pairs: NDArray[np.integer]) -> None:
    """People as dots in their colours, and lines between some of them.

    Args:
        places: x and y, [k, 2].
        colours: 0…255, blue first, [k, 3].
        pairs: numbers of those with a line between them, [e, 2].
    """
    axes.add_collection(
        LineCollection(list(places[pairs]), colors="#2a6f97", linewidths=0.4, alpha=0.5)
    )
    shirts = np.clip(colours[:, ::-1] / 255, 0, 1)
    x, y = places.T
    axes.scatter(x, y, c=shirts, s=28, edgecolors="0.2", linewidths=0.5, zorder=3)
