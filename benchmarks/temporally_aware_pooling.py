"""NetVLAD++ against the same network written plainly, window by window: time and memory.

    python benchmarks/temporally_aware_pooling.py [--dims 512 2048] [--quick]

Every line is measured in a fresh process, so that its peak memory is its own. "plain" follows the
formulas of the paper in a few lines of torch, as the original does: windows of 30 rows are built
for every frame of a half, each is projected and normalised anew, and clips wait in memory.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from common.batches import read_batches, shuffled
from common.device import autocast, choose_device

# The project comes first: it sets how OpenMP waits, which torch reads when it is imported.
import numpy as np  # isort: skip
import torch  # isort: skip
from rich.console import Console  # isort: skip
from rich.table import Table  # isort: skip
from torch import Tensor, nn  # isort: skip
from torch.nn import functional as F  # isort: skip

from common.events import SOCCERNET_V2
from common.features import open_half
from common.nms import suppress
from TemporallyAwarePooling.dataset import ClipDataset
from TemporallyAwarePooling.loss import clip_loss
from TemporallyAwarePooling.model import TemporallyAwareModel
from TemporallyAwarePooling.test import Spotting, score_half

ROWS, WINDOW, BATCH = 5400, 30, 256
CLASSES = len(SOCCERNET_V2)


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


class PlainModel(nn.Module):
    """NetVLAD++ with 64 clusters."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.reduce = nn.Identity() if features == 512 else nn.Linear(features, 512)
        self.past, self.future = PlainVLAD(512, 32), PlainVLAD(512, 32)
        self.drop, self.fc = nn.Dropout(0.4), nn.Linear(512 * 64, CLASSES + 1)

    def forward(self, clips: Tensor) -> Tensor:
        """[B, L, D] -> probabilities [B, 1 + C]"""
        frames = self.reduce(clips)
        half = frames.shape[1] // 2
        pooled = torch.cat([self.past(frames[:, :half]), self.future(frames[:, half:])], dim=1)
        return torch.sigmoid(self.fc(self.drop(pooled)))


@torch.inference_mode()
def score_plain(model: PlainModel, rows: Tensor) -> np.ndarray:
    """[T, D] -> [T, C], all windows built."""
    index = torch.arange(len(rows))[:, None] + torch.arange(WINDOW) - WINDOW // 2
    windows = rows[index.clamp(0, len(rows) - 1)]  # [T, L, D]
    return torch.cat([model(batch) for batch in windows.split(BATCH)])[:, 1:].numpy()


def measure_scoring(what: str, dim: int, folder: Path, repeat: int) -> float:
    """Seconds to score and suppress one game."""
    halves = [open_half(folder, half, [f"{dim}.npy"]) for half in (1, 2)]
    if what == "plain":
        plain = PlainModel(dim).eval()

        def once() -> None:
            for half in halves:
                rows = torch.from_numpy(half.rows(0, half.frames))
                suppress(score_plain(plain, rows), 60, 0.0)
    else:
        spotting = Spotting(choose_device("cpu"), 2, 60, 0.0, what)
        model = TemporallyAwareModel(dim, CLASSES, WINDOW).eval()

        def once() -> None:
            for half in halves:
                suppress(score_half(model, half, spotting), 60, 0.0)

    return best_of(once, repeat)


def measure_training(what: str, dim: int, folder: Path, repeat: int, workers: int = 4) -> float:
    """Seconds per 1000 clips in batches of 256, clips from RAM (plain) or from the files."""
    clips = clip_data(dim, folder)
    if what == "plain":
        model: nn.Module = PlainModel(dim)
        everything = [clips.batch(np.arange(len(clips)))]
    else:
        device = choose_device("cpu")
        model = TemporallyAwareModel(dim, CLASSES, WINDOW)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)

    def plain_epoch() -> None:
        features, targets = everything[0]
        for index in torch.randperm(len(features)).split(BATCH):
            y, z = model(features[index]), targets[index].double()
            loss = -(z * torch.log(y) + (1 - z) * torch.log(1 - y)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def our_epoch() -> None:
        for batch in read_batches(clips, shuffled(len(clips), 0, 0), BATCH, device, workers):
            with autocast(device, what):
                logits = model(batch.tensors[0])
            optimizer.zero_grad()
            clip_loss(logits, batch.tensors[1])["bce"].backward()
            optimizer.step()

    return best_of(plain_epoch if what == "plain" else our_epoch, repeat) * 1000 / len(clips)


def measure_reading(workers: int, dim: int, folder: Path, repeat: int) -> float:
    """Seconds per 1000 clips of training in fp32 with this number of loader threads."""
    return measure_training("fp32", dim, folder, repeat, workers)


def measure_memory(games: int, dim: int, folder: Path) -> float:
    """MiB of anonymous memory that 60 training steps on clips of many games come to."""
    half = open_half(folder, 1, [f"{dim}.npy"])
    path = folder / f"1_sparse{dim}.npy"
    if not path.exists():
        np.lib.format.open_memmap(path, "w+", np.float32, (ROWS, dim)).flush()
    many = [open_half(folder, 1, [f"sparse{dim}.npy"]) for _ in range(2 * games - 1)]
    halves = [half, *many]
    targets = [np.zeros((ROWS // WINDOW, CLASSES + 1), np.float32)] * len(halves)
    clips = ClipDataset(halves, targets, WINDOW)
    device = choose_device("cpu")
    model = TemporallyAwareModel(dim, CLASSES, WINDOW)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    order = shuffled(len(clips), 0, 0)[: 60 * BATCH]
    peak = 0.0
    for batch in read_batches(clips, order, BATCH, device, 4):
        loss = clip_loss(model(batch.tensors[0]), batch.tensors[1])["bce"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        status = Path("/proc/self/status").read_text()
        peak = max(peak, int(status.split("RssAnon:")[1].split()[0]) / 1024)
    return peak


def clip_data(dim: int, folder: Path) -> ClipDataset:
    """The clips of one game as a training set."""
    halves = [open_half(folder, half, [f"{dim}.npy"]) for half in (1, 2)]
    rng = np.random.default_rng(0)
    count = ROWS // WINDOW
    targets = [(rng.random((count, CLASSES + 1)) > 0.9).astype(np.float32) for _ in halves]
    # Five games' worth, so that batches are full.
    return ClipDataset(halves * 5, targets * 5, WINDOW)


def best_of(once: Callable[[], None], repeat: int) -> float:
    """Seconds of the fastest run; the first one warms up."""
    times = []
    for _ in range(repeat + 1):
        start = time.perf_counter()
        once()
        times.append(time.perf_counter() - start)
    return min(times[1:])


def in_fresh_process(*arguments: object) -> tuple[float, float]:
    """Result and peak MiB of one measurement."""
    command = [sys.executable, __file__, "--one", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    value, peak = json.loads(done.stdout.splitlines()[-1])
    return value, peak


def one(kind: str, what: str, dim: str, folder: str, repeat: str) -> None:
    """Measures one thing in this process and prints it."""
    torch.manual_seed(0)
    if kind == "scoring":
        value = measure_scoring(what, int(dim), Path(folder), int(repeat))
    elif kind == "training":
        value = measure_training(what, int(dim), Path(folder), int(repeat))
    elif kind == "reading":
        value = measure_reading(int(what), int(dim), Path(folder), int(repeat))
    else:
        value = measure_memory(int(what), int(dim), Path(folder))
    print(json.dumps([value, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dims", type=int, nargs="+", default=[512, 2048])
    parser.add_argument("--quick", action="store_true", help="one repetition of each")
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        one(*args.one)
        return
    repeat = 1 if args.quick else 3
    table = Table("what", "D", "side", "result", "peak MiB", "times plain")
    with tempfile.TemporaryDirectory() as folder:
        for dim in args.dims:
            rng = np.random.default_rng(0)
            for half in (1, 2):
                rows = rng.standard_normal((ROWS, dim), np.float32)
                np.save(Path(folder) / f"{half}_{dim}.npy", rows)
            for kind, unit in (("scoring", "s per game"), ("training", "s per 1000 clips")):
                sides = {
                    side: in_fresh_process(kind, side, dim, folder, repeat)
                    for side in ("plain", "fp32", "bf16")
                }
                for side, (seconds, peak) in sides.items():
                    ratio = f"{sides['plain'][0] / seconds:.1f}"
                    shown = f"{seconds:.3f} {unit}"
                    table.add_row(kind, str(dim), side, shown, f"{peak:.0f}", ratio)
            for workers in (0, 4):
                seconds, peak = in_fresh_process("reading", workers, dim, folder, repeat)
                shown = f"{seconds:.3f} s per 1000 clips"
                table.add_row(
                    f"training, {workers} threads", str(dim), "fp32", shown, f"{peak:.0f}", ""
                )
            for games in (4, 400):
                anonymous, peak = in_fresh_process("memory", games, dim, folder, 1)
                shown = f"{anonymous:.0f} MiB private"
                table.add_row(
                    f"training on {games} games", str(dim), "fp32", shown, f"{peak:.0f}", ""
                )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
