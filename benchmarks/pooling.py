"""MaxPool and NetVLAD against the same networks written plainly, window by window.

    python benchmarks/pooling.py [--repeat 3]

"plain" builds all windows of 40 rows of a half, as the original does, and loops over the 64
clusters of NetVLAD, as the original does.
"""

import argparse
import tempfile
from pathlib import Path

import measure
from measure import CLASSES

import torch  # isort: skip
from rich.console import Console  # isort: skip
from rich.table import Table  # isort: skip
from torch import Tensor, nn  # isort: skip
from torch.nn import functional as F  # isort: skip

from Pooling.dataset import Clips
from Pooling.loss import clip_loss
from Pooling.model import PoolingModel
from Pooling.test import score_half

WINDOW, NMS, DIM, CLUSTERS = 40, 40, 512, 64


class PlainMax(nn.Module):
    """Largest value of each feature."""

    def forward(self, clips: Tensor) -> Tensor:
        """[B, L, D] -> [B, D]"""
        return F.max_pool1d(clips.transpose(1, 2), clips.shape[1])[:, :, 0]


class PlainNetVLAD(nn.Module):
    """NetVLAD, one cluster after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(DIM, CLUSTERS, 1, bias=False)
        self.centroids = nn.Parameter(torch.rand(CLUSTERS, DIM))

    def forward(self, clips: Tensor) -> Tensor:
        """[B, L, D] -> [B, K·D]"""
        unit = F.normalize(clips, dim=2).transpose(1, 2)  # [B, D, L]
        assignment = F.softmax(self.conv(unit[..., None])[..., 0], dim=1)  # [B, K, L]
        vectors = []
        for k in range(CLUSTERS):
            residual = unit - self.centroids[k][None, :, None]  # [B, D, L]
            vectors.append((residual * assignment[:, k : k + 1]).sum(dim=2))
        pooled = F.normalize(torch.stack(vectors, dim=1), dim=2)  # [B, K, D]
        return F.normalize(pooled.flatten(1), dim=1)


def one(kind: str, pool: str, side: str, folder: Path, repeat: int) -> float:
    """Measures one thing in this process."""
    torch.manual_seed(0)
    halves = measure.make_game(folder, DIM)
    ours = PoolingModel(DIM, CLASSES, WINDOW, pool=pool)
    plain = measure.Plain(
        PlainMax() if pool == "MAX" else PlainNetVLAD(), DIM * (1 if pool == "MAX" else CLUSTERS)
    )
    if kind == "scoring":
        if side == "plain":
            return measure.best_of(measure.score_plain(plain, halves, WINDOW, NMS), repeat)
        run = measure.run_on_cpu(side)
        return measure.best_of(measure.score_ours(run, score_half, ours, halves, NMS), repeat)
    clips = Clips(*measure.clips_of(halves, WINDOW))
    if side == "plain":
        epoch = measure.train_plain(plain, clips)
    else:
        epoch = measure.train_ours(measure.run_on_cpu(side), ours, clips, clip_loss)
    return measure.best_of(epoch, repeat) * 1000 / len(clips)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="runs of which the fastest counts")
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        kind, pool, side, folder, repeat = args.one
        measure.report(one(kind, pool, side, Path(folder), int(repeat)))
        return
    table = Table("", "pooling", "side", "result", "peak MiB", "times plain")
    with tempfile.TemporaryDirectory() as folder:
        measure.make_game(Path(folder), DIM)
        for kind, unit in (("scoring", "s per game"), ("training", "s per 1000 clips")):
            for pool in ("MAX", "NetVLAD"):
                plain = 0.0
                for side in ("plain", "fp32", "bf16"):
                    # The plain NetVLAD takes so long that once is enough.
                    repeat = 1 if (side, pool) == ("plain", "NetVLAD") else args.repeat
                    value, peak = measure.in_fresh_process(
                        __file__, kind, pool, side, folder, repeat
                    )
                    plain = plain or value
                    shown = f"{value:.3f} {unit}"
                    times = f"{plain / value:.1f}"
                    table.add_row(kind, pool, side, shown, f"{peak:.0f}", times)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
