"""Draws the context-aware loss around an action, from the code that computes it.

python -m CALF.loss_figure --out CALF/context_loss.svg
"""

from pathlib import Path

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from CALF.loss import SegmentationLoss, context_aware_loss
from common.calf.k_parameters import SECONDS
from common.calf.legacy_context_loss import legacy_context_loss
from common.errors import run_cli
from common.files import written_whole
from common.training.argument_types import file_to_write
from common.training.flags import new_parser

_EVENT = "Goal"
_SCORES = (0.05, 0.3, 0.6, 0.9)
_TITLES = {
    "the context-aware loss; s: there is an action": context_aware_loss,
    "the older form; 1 - s: there is an action": legacy_context_loss,
}


def draw_loss(path: Path) -> None:
    """Writes the figure as SVG, with the same bytes each time."""
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    for axes, (title, loss) in zip(
        figure.subplots(1, 2, sharey=True), _TITLES.items(), strict=True
    ):
        _draw(axes, loss, mirrored=loss is legacy_context_loss)
        axes.set_title(title, fontsize=9, pad=14)
    figure.axes[0].set_ylabel("loss of a frame")
    figure.axes[0].legend(title="score of the action", frameon=False, fontsize=8, title_fontsize=8)
    with (
        matplotlib.rc_context({"svg.hashsalt": "loss", "svg.fonttype": "none"}),
        written_whole(path) as temporary,
    ):
        figure.savefig(temporary, format="svg", metadata={"Date": None})


def _draw(axes: Axes, loss: SegmentationLoss, mirrored: bool) -> None:
    """One curve per score over the seconds before and after the action."""
    K = SECONDS[_EVENT]
    seconds = np.linspace(1.5 * K[0], 1.3 * K[3], 1401)
    shifts = torch.from_numpy(seconds).view(-1, 1, 1)
    k = torch.tensor(K, dtype=torch.float64)[:, None]
    for number, score in enumerate(_SCORES):
        said = torch.tensor(1 - score if mirrored else score, dtype=torch.float64)
        values = [float(loss(said.view(1, 1, 1), shift.view(1, 1, 1), k)) for shift in shifts]
        axes.plot(seconds, values, color=matplotlib.colormaps["viridis"](number / 3.5),
                  label=f"{score:g}", linewidth=1.5)  # fmt: skip
    for name, place in zip(("K1", "K2", "K3", "K4"), K, strict=True):
        axes.axvline(place, color="0.75", linewidth=0.7, zorder=0)
        axes.text(place, 1.01, name, ha="center", va="bottom", fontsize=7, color="0.4",
                  transform=axes.get_xaxis_transform())  # fmt: skip
    axes.axvline(0, color="0.3", linewidth=0.9, linestyle=":", zorder=0)
    axes.set_xlabel(f"seconds after the action ({_EVENT})")
    axes.set_ylim(0, 3)
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Draws the figure into the file of --out."""
    parser = new_parser("python -m CALF.loss_figure", __doc__ or "")
    parser.add_argument(
        "--out", type=file_to_write, default=Path("context_loss.svg"), help="SVG to write"
    )
    draw_loss(parser.parse_args().out)


if __name__ == "__main__":
    run_cli(main)
