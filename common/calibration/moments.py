"""Pictures of moments: the top view around a detection, and its boxes in the broadcast."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from common.calibration.players import Players
from common.calibration.sheet import new_sheet
from common.calibration.top_view import TopView
from common.results.plain_figures import plain_figures, save_png, words
from common.results.spots_table import clock
from common.results.suppression import Peaks

_MOMENTS = 12  # of a half, the most confident detections
_OFFSETS_SECONDS = (-6, -3, -1, 0, 1, 3)


@plain_figures()
def draw_moments(
    path: Path,
    players: Players,
    view: TopView,
    peaks: Peaks,
    *,
    names: Sequence[str],
    framerate: float,
    frames: int,
    title: str,
) -> Path:
    """Draws a strip for each of the most confident detections of a half, as PNG.

    Six top views from six seconds before to three seconds after it, and the boxes of its frame as
    the broadcast shows them.
    """
    figure, grid, chosen = new_sheet(
        peaks, _MOMENTS, len(_OFFSETS_SECONDS) + 1, size=(15, 1.15), head=0.9, title=title
    )
    for strip, peak in zip(grid, chosen, strict=False):
        frame, event = int(peaks.frame[peak]), words(names[peaks.event[peak]], 24)
        time = clock(round(1000 * frame / framerate))
        offsets = np.rint(framerate * np.array(_OFFSETS_SECONDS)).astype(np.int64)
        shown = np.clip(frame + offsets, 0, frames - 1)
        pictures = view.draw(players, shown)
        for axes, picture, offset in zip(strip, pictures, _OFFSETS_SECONDS, strict=False):
            # Colours are stored blue first.
            axes.imshow(picture[:, :, ::-1], interpolation="nearest")
            axes.set_title(f"{offset:+d} s" if offset else time, fontsize=7)
            if not picture.any():
                axes.text(0.5, 0.5, "camera not known", color="0.7", fontsize=7, ha="center",
                          va="center", transform=axes.transAxes)  # fmt: skip
        strip[0].text(-0.06, 0.5, f"{event}\n{peaks.confidence[peak]:.2f}", fontsize=7, ha="right",
                      va="center", transform=strip[0].transAxes)  # fmt: skip
        _draw_broadcast(strip[-1], players, frame)
    return save_png(figure, path, dpi=100)


def _draw_broadcast(axes: Axes, players: Players, frame: int) -> None:
    """Boxes in the picture, in the colours of their players."""
    height, width = players.box_picture
    number, _ = players.boxes_of(np.array([frame]))
    axes.add_patch(Rectangle((0, 0), width, height, facecolor="#3f6f4f", edgecolor="none"))
    for box, colour in zip(players.boxes[number], players.colours[number], strict=True):
        x1, y1, x2, y2 = map(float, box)
        tint = tuple(np.clip(np.asarray(colour, float)[::-1] / 255, 0, 1))
        axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, facecolor=tint, edgecolor="white",
                                 linewidth=0.4))  # fmt: skip
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_aspect("equal")
    axes.set_title("broadcast", fontsize=7)
