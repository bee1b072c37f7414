"""Pictures of moments: top view, graph and footprint of the camera beside each other."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from common.calibration.pitch import footprint, near_pitch, to_pitch
from common.calibration.pitch_axes import show_people, show_pitch, show_top_view
from common.calibration.players import Players
from common.calibration.sheet import new_sheet
from common.calibration.top_view import TopView
from common.results.plain_figures import plain_figures, save_png, words
from common.results.spots_table import clock
from common.results.suppression import Peaks

NEAR = 25.0  # metres: who is nearer is a neighbour in the paper's graphs
_MOMENTS = 6  # of a half, the most confident detections
_PANELS = ("top view", "graph", "what the camera sees")
_COLOUR = "#e07a5f"


@plain_figures()
def draw_side_by_side(
    path: Path,
    players: Players,
    view: TopView,
    peaks: Peaks,
    *,
    names: Sequence[str],
    framerate: float,
    title: str,
    distance: float = NEAR,
    margin: float | None = None,
    moments: int = _MOMENTS,
) -> Path:
    """Draws three pitches for each of the most confident detections of a half, as PNG.

    The top view as a network sees it, the people and who of them are neighbours, and the footprint
    of the picture with those whom it shows.

    Args:
        view: with calibration.
        distance: who is nearer than so many metres is a neighbour.
        margin: who is farther than so many metres from the pitch is no node; None keeps all.
        moments: how many detections, at most.
    """
    sheet = new_sheet(peaks, moments, size=(12, 2.7), head=0.4, title=title)
    for row, peak in zip(sheet.grid(len(_PANELS), title=0.28), sheet.chosen, strict=True):
        frame = int(peaks.frame[peak])
        event, time = words(names[peaks.event[peak]], 24), clock(round(1000 * frame / framerate))
        for axes, panel in zip(row, _PANELS, strict=True):
            axes.set_title(panel, fontsize=9)
        row[0].set_title(
            f"{event} at {time}, {peaks.confidence[peak]:.2f}: {_PANELS[0]}", fontsize=9
        )
        if players.calibrated(np.array([frame]), view.confident).all():
            _draw_moment(row, players, view, frame, distance, margin)
        else:
            for axes in row:
                axes.text(0.5, 0.5, "camera not known", ha="center", transform=axes.transAxes)
    return save_png(sheet.figure, path, dpi=90)


def standing(
    players: Players, frame: int, margin: float | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Numbers of the boxes [k] in a frame whose camera is known, and metres of their feet [k, 2].

    Args:
        margin: leave out who stands farther than so many metres from the pitch; None keeps all.
    """
    number, place = players.boxes_of(np.array([frame]))
    box = players.boxes[number].astype(np.float64)
    inverses = players.inverses[frame + place]  # [k, 3, 3]
    x, y, _ = to_pitch(inverses, np.trunc((box[:, 0] + box[:, 2]) / 2), box[:, 3])
    kept = np.isfinite(x) & np.isfinite(y)
    if margin is not None:
        kept &= near_pitch(x, y, margin)
    return number[kept], np.stack([x, y], axis=1)[kept]


def neighbours(places: NDArray[np.float64], distance: float) -> NDArray[np.int64]:
    """Pairs [e, 2] of places [k, 2] that are nearer than so many metres, each once."""
    one, other = np.triu_indices(len(places), 1)
    near = np.hypot(*(places[one] - places[other]).T) < distance
    return np.stack([one[near], other[near]], axis=1)


def _draw_moment(
    row: Sequence[Axes],
    players: Players,
    view: TopView,
    frame: int,
    distance: float,
    margin: float | None,
) -> None:
    """The three panels of a frame whose camera is known."""
    seen, graph, camera = row
    picture = view.draw(players, np.array([frame]))[0]
    # Colours are stored blue first.
    show_top_view(seen, picture[:, :, ::-1], interpolation="nearest")
    for axes, limit in ((graph, margin), (camera, None)):
        number, places = standing(players, frame, limit)
        show_pitch(axes)
        pairs = neighbours(places, distance) if axes is graph else np.empty((0, 2), np.int64)
        show_people(axes, places, players.colours[number], pairs)
    x, y = footprint(players.inverses[[frame]], *players.camera_picture)
    camera.fill(x[0], y[0], facecolor=_COLOUR, edgecolor=_COLOUR, alpha=0.25, linewidth=2)
