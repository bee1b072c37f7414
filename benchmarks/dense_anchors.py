"""Dense anchors against the same network and suppression written plainly: time and memory.

    python benchmarks/dense_anchors.py [--dims 512 2048] [--repeat 3]

"plain" is a U-Net of torch's convolutions over [B, channels, T], in which each chunk of a half goes
through all layers, and soft suppression class by class in a loop over maxima.
"""

import argparse
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import measure
from measure import CHUNKS, CLASSES, ROWS

import numpy as np  # isort: skip
import torch  # isort: skip
from rich.console import Console  # isort: skip
from rich.table import Table  # isort: skip
from torch import Tensor, nn  # isort: skip
from torch.nn import functional as F  # isort: skip

from common.data.chunks import overlapping_starts, owners_of_frames
from common.data.features import HalfFeatures, open_half
from common.data.frame_rows import MappedRows, window_rows
from common.results.suppression import suppress_softly
from common.training.optimisation import adam
from DenseAnchors.dataset import Chunks
from DenseAnchors.displacement import displace
from DenseAnchors.loss import Criterion
from DenseAnchors.mixing import unmixed
from DenseAnchors.model import DenseAnchorModel
from DenseAnchors.test import Scoring, score_half
from DenseAnchors.unet import level_channels

T, BORDER, REACH, STEPS = 224, 56, 12, 8


class PlainBlock(nn.Module):
    """A bottleneck of convolutions, activations first."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        narrow = outside // 4
        self.layers = nn.Sequential(
            nn.ReLU(), nn.Conv1d(inside, narrow, 1),
            nn.ReLU(), nn.Conv1d(narrow, narrow, 3, padding=1),
            nn.ReLU(), nn.Conv1d(narrow, outside, 1),
        )  # fmt: skip
        self.shortcut = nn.Conv1d(inside, outside, 1) if inside != outside else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """[B, c, T] -> [B, c', T]"""
        return self.shortcut(x) + self.layers(x)


class PlainNetwork(nn.Module):
    """The network of the paper with at most 256 channels."""

    def __init__(self, features: int) -> None:
        super().__init__()
        sizes = [features, 512, 256, 64] if features > 512 else [features, 256, 64]
        pairs = pairwise(sizes)
        self.frame = nn.Sequential(*(m for a, b in pairs for m in (nn.Conv1d(a, b, 1), nn.ReLU())))
        c = level_channels(256)

        def two(a: int, b: int) -> nn.Sequential:
            return nn.Sequential(PlainBlock(a, b), PlainBlock(b, b))

        self.down = nn.ModuleList(two(a, b) for a, b in zip([64, *c], c, strict=False))
        self.widen = nn.ModuleList(nn.ConvTranspose1d(b, a, 2, stride=2) for a, b in pairwise(c))
        self.up = nn.ModuleList(two(a, a) for a in c[:-1])
        self.heads = nn.ModuleList(nn.Conv1d(64, CLASSES, 3, padding=1) for _ in range(2))

    def forward(self, chunks: Tensor) -> tuple[Tensor, Tensor]:
        """[B, T, D] -> [B, T, C] twice"""
        x, skipped = self.frame(chunks.transpose(1, 2)), []
        for level, blocks in enumerate(self.down):
            x = blocks(F.max_pool1d(x, 2) if level else x)
            skipped.append(x)
        for level in range(len(self.up) - 1, -1, -1):
            x = self.up[level](self.widen[level](x) + skipped[level])
        logits, way = (head(F.relu(x)).transpose(1, 2) for head in self.heads)
        return logits, torch.tanh(way)


def plain_softly(scores: np.ndarray, window: int, lowest: float) -> None:
    """Soft suppression of a half, one maximum at a time."""
    row = np.arange(len(scores))
    for event in range(scores.shape[1]):
        left = scores[:, event].astype(np.float64)
        while left.max() >= lowest:
            left *= np.minimum(1, abs(row - left.argmax()) / (window / 2))


@torch.inference_mode()
def plain_half(model: nn.Module, half: HalfFeatures) -> np.ndarray:
    """Confidences of a half: all of its chunks through all layers."""
    rows = torch.from_numpy(half.rows(0, half.frames))
    starts = overlapping_starts(half.frames, T, BORDER)
    chunks = rows[torch.from_numpy(window_rows(starts, T, half.frames))]
    logits, way = (torch.cat(p) for p in zip(*map(model, chunks.split(CHUNKS)), strict=True))
    owners = owners_of_frames(half.frames, starts, BORDER)
    place = owners.chunk, owners.position
    return displace(torch.sigmoid(logits)[place].numpy(), REACH * way[place].numpy())


def chunks_of(halves: list[HalfFeatures]) -> Chunks:
    """Chunks of these halves, with an event about twice a minute of each class."""
    rng = np.random.default_rng(0)
    offset = rng.integers(-2 * REACH, 2 * REACH, (ROWS, CLASSES))
    offset = np.where(abs(offset) > REACH, REACH + 1, offset).astype(np.int8)
    return Chunks(MappedRows(halves), [offset] * len(halves), T, REACH)


def train(model: nn.Module, chunks: Chunks, precision: str) -> Callable[[], None]:
    """So many steps on chunks that are drawn and read."""
    run = measure.run_on_cpu(precision)
    criterion = Criterion(6, REACH, 1.0, 1.0, 1.0)
    optimizer = adam(model, 1e-3, fused=True, decay=2e-4)
    model.train()

    def once() -> None:
        for features, offsets in measure.read_chunks(run, chunks.draw(STEPS * CHUNKS, 0)):
            with run.autocast():
                outputs = model(features)
            loss = sum(criterion(outputs, unmixed(offsets)).values())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return once


def one(kind: str, side: str, dim: int, folder: Path, repeat: int) -> float:
    """Measures one thing in this process."""
    torch.manual_seed(0)
    halves = measure.make_game(folder, dim)
    model = PlainNetwork(dim) if side == "plain" else DenseAnchorModel(dim, CLASSES, T)
    if kind == "suppression":
        scores = np.random.default_rng(0).random((ROWS, CLASSES), np.float32) ** 8
        softly = plain_softly if side == "plain" else suppress_softly
        return measure.best_of(lambda: [softly(scores, 16, 0.005) for _ in halves], repeat)
    if kind == "scoring":
        run, scoring = measure.run_on_cpu(side.replace("plain", "fp32")), Scoring(BORDER, REACH)
        score = plain_half if side == "plain" else None
        model.eval()
        return measure.best_of(
            lambda: [score(model, h) if score else score_half(run, model, h, scoring)
                     for h in halves], repeat,
        )  # fmt: skip
    if kind == "memory":
        path = folder / f"1_zeros{dim}.npy"
        if not path.exists():
            np.lib.format.open_memmap(path, "w+", np.float32, (ROWS, dim)).flush()
        mapped = [open_half(folder, 1, [f"zeros{dim}.npy"]) for _ in range(2 * int(side))]
        offsets = chunks_of(halves).offsets[0]
        chunks = Chunks(MappedRows(mapped), [offsets.copy() for _ in mapped], T, REACH)
        step = train(model, chunks, "fp32")
        for _ in range(5):
            step()
        return measure.anonymous_mebibytes()
    return measure.best_of(
        train(model, chunks_of(halves * 5), side.replace("plain", "fp32")), repeat
    ) / STEPS  # fmt: skip


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dims", type=int, nargs="+", default=[512, 2048])
    parser.add_argument("--repeat", type=int, default=3, help="runs of which the fastest counts")
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        kind, side, dim, folder, repeat = args.one
        measure.report(one(kind, side, int(dim), Path(folder), int(repeat)))
        return
    table = Table("dense anchors", "D", "side", "result", "peak MiB", "times plain")
    with tempfile.TemporaryDirectory() as folder:
        for dim in args.dims:
            for kind, unit, sides in (
                ("training", "s per step", ("plain", "fp32", "bf16")),
                ("scoring", "s per game", ("plain", "fp32", "bf16")),
                ("suppression", "s per game", ("plain", "fp32")),
                ("memory", "MiB private", ("4", "400")),
            ):
                if kind == "suppression" and dim != args.dims[0]:
                    continue
                reference = 0.0
                for side in sides:
                    value, peak = measure.in_fresh_process(
                        __file__, kind, side, dim, folder, args.repeat
                    )
                    reference = value if side == "plain" else reference
                    times = f"{reference / value:.1f}" if reference else ""
                    table.add_row(kind, str(dim), side, f"{value:.3f} {unit}", f"{peak:.0f}", times)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
