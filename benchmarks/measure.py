"""How the benchmarks measure: each thing in a fresh process, so that its peak memory is its own."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from common.data.events import SOCCERNET_V2
from common.data.features import HalfFeatures, open_half
from common.data.frame_rows import MappedRows
from common.results.suppression import suppress
from common.training.batches import Source, read_batches, shuffled
from common.training.device import choose_device
from common.training.optimisation import adam
from common.training.run import Run

import torch  # isort: skip - the project comes first, it sets how OpenMP waits
from torch import Tensor, nn  # isort: skip

ROWS = 5400  # of a half of 45 minutes at 2 fps
BATCH = 256
CHUNKS = 32  # per batch
CLASSES = len(SOCCERNET_V2)

Losses = dict[str, Tensor]


def make_game(folder: Path, dim: int) -> list[HalfFeatures]:
    """The two halves of an invented game, on disk."""
    rng = np.random.default_rng(0)
    for half in (1, 2):
        path = folder / f"{half}_{dim}.npy"
        if not path.exists():
            np.save(path, rng.standard_normal((ROWS, dim), np.float32))
    return [open_half(folder, half, [f"{dim}.npy"]) for half in (1, 2)]


def run_on_cpu(precision: str = "fp32", published: bool = False) -> Run:
    """A run that writes nothing."""
    return Run(folder=Path(), device=choose_device("cpu"), precision=precision, published=published)


def score_ours(
    run: Run,
    score_half: Callable[[Run, nn.Module, HalfFeatures], np.ndarray],
    model: nn.Module,
    halves: list[HalfFeatures],
    nms_frames: int,
) -> Callable[[], None]:
    """Scores and suppresses a game, from its files; `score_half` is the baseline's."""
    model.eval()

    def once() -> None:
        for half in halves:
            suppress(score_half(run, model, half), nms_frames, 0.0)

    return once


def score_plain(
    model: nn.Module, halves: list[HalfFeatures], window: int, nms_frames: int
) -> Callable[[], None]:
    """The same window by window: all windows of a half are built, then classified in batches."""
    model.eval()

    @torch.inference_mode()
    def once() -> None:
        for half in halves:
            rows = torch.from_numpy(half.rows(0, half.frames))
            index = torch.arange(len(rows))[:, None] + torch.arange(window) - window // 2
            windows = rows[index.clamp(0, len(rows) - 1)]  # [T, L, D]
            scores = torch.cat([model(batch) for batch in windows.split(BATCH)])
            suppress(scores[:, 1:].numpy(), nms_frames, 0.0)

    return once


def clips_of(halves: list[HalfFeatures], window: int) -> tuple[MappedRows, list[np.ndarray], int]:
    """What a baseline's `Clips` of ten halves are made of, with random targets."""
    rng = np.random.default_rng(0)
    count = ROWS // window
    targets = [(rng.random((count, CLASSES + 1)) > 0.9).astype(np.float32) for _ in halves]
    return MappedRows(halves * 5), targets * 5, window


def train_ours(
    run: Run,
    model: nn.Module,
    clips: Source,
    clip_loss: Callable[[Tensor, Tensor], Losses],
    *,
    workers: int = 4,
    items: int | None = None,
) -> Callable[[], None]:
    """An epoch of training on clips that are read from their files, or on the first `items`."""
    optimizer = adam(model, 1e-3)
    model.train()

    def once() -> None:
        order = shuffled(len(clips), 0, 0)[:items]
        for batch in read_batches(
            clips, order, batch_size=BATCH, device=run.device, workers=workers
        ):
            features, targets = batch.tensors
            with run.autocast():
                logits = model(features)
            loss = clip_loss(logits, targets)["bce"]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return once


def train_on_chunks(
    run: Run,
    model: nn.Module,
    draw: Callable[[], Source],
    criterion: Callable[[tuple[Tensor, Tensor], tuple[Tensor, Tensor]], Losses],
) -> Callable[[], None]:
    """An epoch of training of the CALF family on chunks that are drawn and read."""
    optimizer = adam(model, 1e-3, 1e-7, fused=True)
    model.train()

    def once() -> None:
        for *inputs, shifts, targets in read_chunks(run, draw()):
            with run.autocast():
                outputs = model(*inputs)
            loss = sum(criterion(outputs, (shifts, targets)).values())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return once


def read_chunks(run: Run, drawn: Source, workers: int = 4) -> Iterator[tuple[Tensor, ...]]:
    """All chunks in batches, as training reads them."""
    order = np.arange(len(drawn))
    for batch in read_batches(drawn, order, batch_size=CHUNKS, device=run.device, workers=workers):
        yield batch.tensors


def train_plain(model: nn.Module, clips: Source) -> Callable[[], None]:
    """An epoch on clips that wait in memory, with the loss taken from probabilities."""
    features, targets = clips.batch(np.arange(len(clips)))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    model.train()

    def once() -> None:
        for index in torch.randperm(len(features)).split(BATCH):
            y, z = model(features[index]), targets[index].double()
            loss = -(z * torch.log(y) + (1 - z) * torch.log(1 - y)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return once


def best_of(once: Callable[[], None], repeat: int, warm: bool = True) -> float:
    """Seconds of the fastest run; one before it warms up, unless it takes too long for that."""
    times = []
    for _ in range(repeat + warm):
        start = time.perf_counter()
        once()
        times.append(time.perf_counter() - start)
    return min(times[warm:])


def anonymous_mebibytes() -> float:
    """Private memory of this process: what is not a mapped file."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024


def in_fresh_process(script: str, *arguments: object) -> tuple[float, float]:
    """Runs `script --one arguments`; returns what it reports."""
    command = [sys.executable, script, "--one", *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    value, peak = json.loads(done.stdout.splitlines()[-1])
    return value, peak


def report(value: float) -> None:
    """Prints a measurement and the peak memory of this process, for `in_fresh_process`."""
    print(json.dumps([value, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


class Plain(nn.Module):
    """A pooling of clips [B, L, D] -> [B, F], dropout, a linear layer, a sigmoid."""

    def __init__(self, pool: nn.Module, size: int) -> None:
        super().__init__()
        self.pool, self.drop, self.fc = pool, nn.Dropout(0.4), nn.Linear(size, CLASSES + 1)

    def forward(self, clips: Tensor) -> Tensor:
        """[B, L, D] -> probabilities [B, 1 + C]"""
        return torch.sigmoid(self.fc(self.drop(self.pool(clips))))
