"""How the figures of a report look: narrow enough to be read on a phone, in named inks.

A page replaces the inks by its own colours, which may be those for the dark.
"""

from matplotlib.figure import Figure

from common.results.plain_figures import PLAIN

INKS = {
    "ink": "#1f2933",
    "muted": "#66727f",
    "line": "#dfe4ea",
    "one": "#1f6f8b",
    "two": "#d2643c",
    "light": "#86b7c8",
    "correct": "#2f9e77",
    "early": "#e8b23f",
    "late": "#cf7a2b",
    "duplicate": "#7fb0d8",
    "wrong-class": "#8f6cc0",
    "background": "#b4bcc6",
    "missed": "#c8414f",
}
RUN_INKS = (INKS["one"], INKS["two"])
WIDTH = 4.9  # inches
LOOK = {
    **PLAIN,
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INKS["ink"],
    "axes.labelcolor": INKS["muted"],
    "axes.edgecolor": INKS["line"],
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": INKS["line"],
    "grid.linewidth": 0.6,
    "xtick.color": INKS["line"],
    "ytick.color": INKS["line"],
    "xtick.labelcolor": INKS["muted"],
    "ytick.labelcolor": INKS["muted"],
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
}


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """A figure of this size in inches."""
    return Figure(figsize=(width, height), layout="constrained")
