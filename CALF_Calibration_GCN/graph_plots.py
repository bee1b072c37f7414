"""Pictures of moments: the graph of a frame on the pitch, in the colours of the teams."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from CALF_Calibration_GCN.player_graph import GraphOptions, PlayerGraphs
from common.calibration.pitch_axes import show_people, show_pitch
from common.calibration.players import Players
from common.results.plain_figures import plain_figures, save_png, words
from common.results.suppression import Peaks

_MOMENTS, _COLUMNS = 12, 3  # of a half, the most confident detections


@plain_figures()
def draw_graphs(
    path: Path,
    players: Players,
    graphs: PlayerGraphs,
    options: GraphOptions,
    peaks: Peaks,
    *,
    names: Sequence[str],
    framerate: float,
    title: str,
) -> Path:
    """Draws the graph at each of the most confident detections of a half, as PNG."""
    chosen = np.sort(np.argsort(-peaks.confidence, kind="stable")[:_MOMENTS])
    rows = max(1, -(-len(chosen) // _COLUMNS))
    height = 0.5 + 3.4 * rows
    figure = Figure(figsize=(15, height))
    figure.suptitle(words(title), fontsize=11, y=1 - 0.08 / height, va="top")
    # Fixed places: a layout that looks for them takes most of the time, as do undrawn marks.
    grid = figure.subplots(
        rows, _COLUMNS, squeeze=False, subplot_kw={"xticks": [], "yticks": []},
        gridspec_kw={"left": 0.005, "right": 0.995, "bottom": 0.05 / height,
                     "top": 1 - 0.6 / height, "wspace": 0.02, "hspace": 0.08},
    ).flat  # fmt: skip
    for axes in grid:
        axes.set_axis_off()
    for axes, peak in zip(figure.axes, chosen, strict=False):
        frame = int(peaks.frame[peak])
        seconds = int(frame // framerate)
        clock = f"{seconds // 60:02d}:{seconds % 60:02d}"
        axes.set_title(
            f"{words(names[peaks.event[peak]], 24)} at {clock}, {peaks.confidence[peak]:.2f}",
            fontsize=9,
        )
        _draw_frame(axes, players, graphs.cut(frame, 1), options)
    if not len(chosen):
        figure.axes[0].text(0, 0.5, "nothing was detected")
    return save_png(figure, path, dpi=90)


def _draw_frame(axes: Axes, players: Players, graph: PlayerGraphs, options: GraphOptions) -> None:
    """Nodes and edges; a frame without players says so."""
    if not graph.nodes.any():
        axes.text(0.5, 0.5, "no players known", ha="center", transform=axes.transAxes)
        return
    place = 50 * graph.nodes[:, 4:6]
    if options.calibration:
        show_pitch(axes)
    else:
        height, width = players.box_picture
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        axes.set_aspect("equal")
    once = graph.edges.T[::2]  # each edge, [e, 2]
    show_people(axes, place, (graph.nodes[:, :3] + 1) * 127, once)
