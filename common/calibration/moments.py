"""Pictures of moments: the top view around a detection, and its boxes in the broadcast."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.patches import Rectangle

from common.calibration.players import Players
from common.calibration.sheet import new_sheet
from common.calibration.top_view import TopView
from common.results.plain_figures import plain_figures, save_png, words
from common.results.spots_table import clock
from common.results.suppression import Peaks

_MOMENTS = 12  # of a half, the most confident detections
_OFFSETS_SECONDS = (-6, -3, -1, 0, 1, 3)
_COLUMNS = len(_OFFSETS_SECONDS) + 1
_LABEL, _CELL = 1.42, 1.94  # inches, of the words before a strip, and of a picture with its gap

Place = tuple[float, float, float, float]  # left, right, bottom, top, in inches of the sheet


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
    sheet = new_sheet(
        peaks, _MOMENTS, size=(_LABEL + _CELL * _COLUMNS, 1.15), head=0.4, title=title
    )
    axes = sheet.canvas()
    for row, peak in enumerate(sheet.chosen.tolist()):
        frame, event = int(peaks.frame[peak]), words(names[peaks.event[peak]], 24)
        time, top = clock(round(1000 * frame / framerate)), sheet.top(row)
        offsets = np.rint(framerate * np.array(_OFFSETS_SECONDS)).astype(np.int64)
        pictures = view.draw(players, np.clip(frame + offsets, 0, frames - 1))
        for column, (picture, offset) in enumerate(zip(pictures, _OFFSETS_SECONDS, strict=True)):
            place = _place(axes, column, top, picture.shape[1] / picture.shape[0],
                           f"{offset:+d} s" if offset else time)  # fmt: skip
            # Colours are stored blue first.
            axes.imshow(picture[:, :, ::-1], extent=place, aspect="auto", interpolation="nearest")
            if not picture.any():
                axes.text((place[0] + place[1]) / 2, (place[2] + place[3]) / 2, "camera not known",
                          color="0.7", fontsize=7, ha="center", va="center")  # fmt: skip
        label = f"{event}\n{peaks.confidence[peak]:.2f}"
        axes.text(_LABEL - 0.1, top + 0.6, label, fontsize=7, ha="right", va="center")
        high, wide = players.box_picture
        _draw_broadcast(
            axes, _place(axes, _COLUMNS - 1, top, wide / high, "broadcast"), players, frame
        )
    return save_png(sheet.figure, path, dpi=100)


def _place(axes: Axes, column: int, top: float, ratio: float, title: str) -> Place:
    """Where a picture of this width by height goes, below its title."""
    wide, high = _CELL - 0.15, 0.95
    width, height = min(wide, high * ratio), min(high, wide / ratio)
    middle, bottom = _LABEL + _CELL * column + wide / 2, top + 0.18 + high
    axes.text(middle, bottom - height - 0.04, title, fontsize=7, ha="center", va="bottom")
    return middle - width / 2, middle + width / 2, bottom, bottom - height


def _draw_broadcast(axes: Axes, place: Place, players: Players, frame: int) -> None:
    """Boxes in the picture, in the colours of their players."""
    left, right, bottom, top = place
    number, _ = players.boxes_of(np.array([frame]))
    scale = (right - left) / players.box_picture[1]
    x1, y1, x2, y2 = players.boxes[number].astype(float).clip(0).T * scale
    corners = left + np.stack([x1, x2, x2, x1], 1), top + np.stack([y1, y1, y2, y2], 1)
    axes.add_patch(Rectangle((left, top), right - left, bottom - top, facecolor="#3f6f4f"))
    axes.add_collection(
        PolyCollection(
            [*np.stack(corners, 2).clip((left, top), (right, bottom))],
            facecolors=np.clip(players.colours[number][:, ::-1] / 255, 0, 1),
            edgecolors="white",
            linewidths=0.4,
        )
    )
