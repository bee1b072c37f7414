"""NetVLAD++ against the same network written plainly, window by window: time and memory.

    python benchmarks/temporally_aware_pooling.py [--dims 512 2048] [--repeat 3]

"plain" follows the formulas of the paper in a few lines of torch, as the original does: windows of
30 rows are built for every frame of a half, each is projected and normalised anew, and training
clips wait in memory.
"""

import argparse
import tempfile
from pathlib import Path

import measure
from measure import BATCH, CLASSES, ROWS

import numpy as np  # isort: skip
import torch  # isort: skip
from rich.console import Console  # isort: skip
from rich.table import Table  # isort: skip
from torch import Tensor, nn  # isort: skip
from torch.nn import functional as F  # isort: skip

from common.data.features import open_half
from common.data.frame_rows import MappedRows
from TemporallyAwarePooling.dataset import Clips
from TemporallyAwarePooling.loss import clip_loss
from TemporallyAwarePooling.model import TemporallyAwareModel
from TemporallyAwarePooling.test import score_half

WINDOW, NMS = 30, 60


class PlainVLAD(nn.Module):
    """VLAD_K of whole clips."""

    def __init__(self, features: int, clusters: int) -> None:
        super().__init__()
        self.clusters = nn.Parameter(torch.randn(features, clusters) * features**-0.5)
        self.centres = nn.Parameter(torch.randn(1, features, clusters) * features**-0.5)

    def forward(self, frames: Tensor) -> Tensor:
        """[B, T, E] -> [B, E·K]"""
        unit = F.normalize(frames, dim=2)
        assignment = torch.softmax(unit @ self.clusters, dim=2)  # [B, T, K]
        moved = assignment.sum(dim=1, keepdim=True) * self.centres
        residual = (assignment.transpose(1, 2) @ unit).transpose(1, 2) - moved  # [B, E, K]
        return F.normalize(F.normalize(residual, dim=1).flatten(1), dim=1)


class PlainPlusPlus(nn.Module):
    """Reduction to 512, then past and future of 32 clusters each."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.reduce = nn.Identity() if features == 512 else nn.Linear(features, 512)
        self.past, self.future = PlainVLAD(512, 32), PlainVLAD(512, 32)

    def forward(self, clips: Tensor) -> Tensor:
        """[B, L, D] -> [B, 32768]"""
        frames = self.reduce(clips)
        half = frames.shape[1] // 2
        return torch.cat([self.past(frames[:, :half]), self.future(frames[:, half:])], dim=1)


def one(kind: str, what: str, dim: int, folder: Path, repeat: int) -> float:
    """Measures one thing in this process."""
    torch.manual_seed(0)
    halves = measure.make_game(folder, dim)
    ours = TemporallyAwareModel(dim, CLASSES, WINDOW)
    plain = measure.Plain(PlainPlusPlus(dim), 512 * 64)
    if kind == "scoring":
        if what == "plain":
            return measure.best_of(measure.score_plain(plain, halves, WINDOW, NMS), repeat)
        run = measure.run_on_cpu(what)
        return measure.best_of(measure.score_ours(run, score_half, ours, halves, NMS), repeat)
    if kind == "memory":
        return private_memory(ours, int(what), dim, folder)
    clips = Clips(*measure.clips_of(halves, WINDOW))
    if kind == "reading":
        run = measure.run_on_cpu()
        epoch = measure.train_ours(run, ours, clips, clip_loss, workers=int(what))
    elif what == "plain":
        epoch = measure.train_plain(plain, clips)
    else:
        epoch = measure.train_ours(measure.run_on_cpu(what), ours, clips, clip_loss)
    return measure.best_of(epoch, repeat) * 1000 / len(clips)


def private_memory(model: TemporallyAwareModel, games: int, dim: int, folder: Path) -> float:
    """MiB that 60 training steps on clips drawn from many games come to.

    The games share one file of zeros: what counts is how many halves are mapped.
    """
    path = folder / f"1_zeros{dim}.npy"
    if not path.exists():
        np.lib.format.open_memmap(path, "w+", np.float32, (ROWS, dim)).flush()
    halves = [open_half(folder, 1, [f"zeros{dim}.npy"]) for _ in range(2 * games)]
    targets = [np.zeros((ROWS // WINDOW, CLASSES + 1), np.float32)] * len(halves)
    clips = Clips(MappedRows(halves), targets, WINDOW)
    run = measure.run_on_cpu()
    measure.train_ours(run, model, clips, clip_loss, items=60 * BATCH)()
    return measure.anonymous_mebibytes()


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dims", type=int, nargs="+", default=[512, 2048])
    parser.add_argument("--repeat", type=int, default=3, help="runs of which the fastest counts")
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        kind, what, dim, folder, repeat = args.one
        measure.report(one(kind, what, int(dim), Path(folder), int(repeat)))
        return
    table = Table("NetVLAD++", "D", "side", "result", "peak MiB", "times plain")
    with tempfile.TemporaryDirectory() as folder:
        for dim in args.dims:
            measure.make_game(Path(folder), dim)

            def row(kind: str, side: str, unit: str, reference: float, dim: int = dim) -> float:
                value, peak = measure.in_fresh_process(
                    __file__, kind, side, dim, folder, args.repeat
                )
                shown = f"{value:.3f} {unit}" if unit.startswith("s ") else f"{value:.0f} {unit}"
                times = f"{reference / value:.1f}" if reference else ""
                table.add_row(kind, str(dim), side, shown, f"{peak:.0f}", times)
                return value

            for kind, unit in (("scoring", "s per game"), ("training", "s per 1000 clips")):
                plain = row(kind, "plain", unit, 0)
                for precision in ("fp32", "bf16"):
                    row(kind, precision, unit, plain)
            for threads in ("0", "4"):
                row("reading", threads, "s per 1000 clips", 0)
            for games in ("4", "400"):
                row("memory", games, "MiB private", 0)
    Console(width=100).print(table)
    print("reading: training in fp32 with so many loader threads; memory: so many games mapped")


if __name__ == "__main__":
    main()
