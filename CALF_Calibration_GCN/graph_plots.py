"""Pictures of moments: the graph of a frame on the pitch, in the colours of the teams."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from CALF_Calibration_GCN.player_graph import GraphOptions, PlayerGraphs
from common.calibration.pitch import LENGTH, WIDTH
from common.calibration.pitch_drawing import exact_field
from common.calibration.players import Players
from common.results.plain_figures import plain_figures, save_png, words
from common.results.suppression import Peaks

_MOMENTS, _COLUMNS = 12, 3  # of a half, the most confident detections
_AROUND = 4.0  # metres shown around the pitch


@plain_figures()
def draw_graphs(
    path: Path,
    players: Players,
    graphs: PlayerGraphs,
    options: GraphOptions,
    peaks: Peaks,
    *,
    names: Sequence[str],
    framerate: int,
    title: str,
) -> Path:
    """Draws the graph at each of the most confident detections of a half, as PNG."""
    chosen = np.sort(np.argsort(-peaks.confidence, kind="stable")[:_MOMENTS])
    rows = max(1, -(-len(chosen) // _COLUMNS))
    figure = Figure(figsize=(15, 0.5 + 3.4 * rows), layout="constrained")
    figure.suptitle(words(title), fontsize=11)
    grid = figure.subplots(rows, _COLUMNS, squeeze=False).flat
    for axes in grid:
        axes.set_axis_off()
    for axes, peak in zip(figure.axes, chosen, strict=False):
        frame = int(peaks.frame[peak])
        seconds = frame // framerate
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
    colour = np.clip((graph.nodes[:, 2::-1] + 1) * 127 / 255, 0, 1)  # stored blue first
    if options.calibration:
        half_length, half_width = LENGTH / 2 / 0.95, WIDTH / 2 / 0.95
        extent = (-half_length, half_length, half_width, -half_width)
        axes.imshow(exact_field(420, 272), cmap="Greys", extent=extent, alpha=0.5, aspect="equal")
        axes.set_xlim(-half_length - _AROUND, half_length + _AROUND)
        axes.set_ylim(half_width + _AROUND, -half_width - _AROUND)
    else:
        height, width = players.box_picture
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        axes.set_aspect("equal")
    lines = place[graph.edges.T[::2]]  # [e, 2, 2], each edge once
    axes.add_collection(LineCollection(list(lines), colors="#2a6f97", linewidths=0.4, alpha=0.5))
    x, y = place.T
    axes.scatter(x, y, c=colour, s=28, edgecolors="0.2", linewidths=0.5, zorder=3)
