"""Epochs of training and games scored, by the clock; and what the device can do at best.

Whole epochs are measured, the device waited for at both ends, after passes that warm up and record.
Where an epoch does not fit into the time of the part, fewer steps are measured and scaled, and the
row says of how many steps it is.
"""

import gc
import math
import resource
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import calf_calibration
import calf_calibration_gcn
import card_work
import numpy as np
import torch
from card_counts import Ceilings
from card_notes import Notes, Setting, read_notes
from card_work import Work
from measure import ROWS

import Pooling
import Pooling.dataset
import Pooling.loss
import Pooling.main
import Pooling.test
import TemporallyAwarePooling
import TemporallyAwarePooling.dataset
import TemporallyAwarePooling.loss
import TemporallyAwarePooling.main
import TemporallyAwarePooling.test
from common.training.device import choose_device, describe
from common.training.run import Run
from common.training.training import Training, TrainingSettings

_PROBE = 12  # steps that warm up, and as many that tell how long one takes
_MOST_EPOCHS = 3
# Seconds of an epoch: what is aimed at, and what would be very good, on one H100 or H200.
AIMS = {
    "NetVLAD++ 2048": (0.5, 0.1),
    "NetVLAD++ 512": (0.3, 0.06),
    "Pooling NetVLAD 512": (0.5, ""),
    "CALF": (1.7, 0.3),
    "CALF_Calibration top views": (10, 3),
    "CALF_Calibration_GCN resGCN-14": (15, 6),
}


def work_of(name: str, run: Run, setting: Setting) -> Work:
    """The work of this name; on a CPU of few games, which changes no step."""
    work = _full_work(name, run, setting)
    return replace(work, batch=2) if setting.tiny else work


def _full_work(name: str, run: Run, setting: Setting) -> Work:
    full = run.device.type == "cuda" and not setting.tiny
    games = card_work.GAMES if full else 2 if setting.tiny else 10
    chunks = 8 if setting.tiny else card_work.CHUNKS
    rows = 480 if setting.tiny else ROWS  # of a half
    if name.startswith("NetVLAD++"):
        dimension = int(name.split()[1])
        return card_work.pooling(run, TemporallyAwarePooling, [], dimension, games=games, rows=rows)
    if name == "Pooling NetVLAD 512":
        return card_work.pooling(
            run, Pooling, ["--preset", "netvlad-v2"], 512, games=games, rows=rows
        )
    if name == "CALF":
        return card_work.calf(run, chunks, games, rows)
    distinct = 1 if setting.tiny else 3
    if setting.tiny:
        calf_calibration.ROWS = rows
    root = setting.folder / "games on disk"
    if not root.exists():  # whole, or not at all: a part may be ended while it writes
        begun = Path(tempfile.mkdtemp(dir=setting.folder))
        calf_calibration.make_games(begun, calf_calibration_gcn.KEPT, distinct)
        begun.rename(root)
    return card_work.with_players(run, root, chunks, graphs="GCN" in name, games=distinct)


def epochs(setting: Setting, notes: Notes, name: str) -> None:
    """Epochs of one work, recorded or not, in both precisions; then a game scored."""
    on_card = setting.device == "cuda"
    variants = [("fp32", "auto"), ("fp32", "off"), ("bf16", "auto")] if on_card else [
        ("fp32", "auto"), ("bf16", "auto")]  # fmt: skip
    if setting.tiny:
        variants = variants[:1]
    share = 0.7 * setting.seconds / len(variants)
    for precision, capture in variants:
        with _run(setting, precision, capture) as run:
            work = work_of(name, run, setting)
            _epochs_of(name, work, run, setting, notes, min(share, 20))
            _games_of(name, work, run, notes, repeat=1 if setting.tiny else 5)
            del work
        gc.collect()  # the rows of the next one need the room


def on_the_cpu(setting: Setting, notes: Notes) -> None:
    """The same on this machine's CPU, as far as the time goes."""
    if setting.device == "cpu":
        notes.skip("the CPU beside the card", "the device is the CPU")
        return
    here = Setting("cpu", setting.tiny, setting.folder, setting.seconds)
    for name in ("NetVLAD++ 2048", "CALF", "NetVLAD++ 512", "Pooling NetVLAD 512",
                 "CALF_Calibration top views", "CALF_Calibration_GCN resGCN-14"):  # fmt: skip
        with _run(here, "fp32", "auto") as run:
            work = work_of(name, run, here)
            _epochs_of(name, work, run, here, notes, 4)
            _games_of(name, work, run, notes, repeat=2)


@contextmanager
def _run(setting: Setting, precision: str, capture: str):
    """A run whose folder is gone afterwards."""
    with tempfile.TemporaryDirectory(dir=setting.folder) as folder:
        device = choose_device(setting.device)
        yield Run(folder=Path(folder), device=device, precision=precision, capture=capture)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_of(once: Callable[[], object], device: torch.device) -> float:
    """Of one call, the device waited for before and after."""
    _wait(device)
    begun = time.perf_counter()
    once()
    _wait(device)
    return time.perf_counter() - begun


def _one_pass(work: Work, run: Run, training: Training, epoch: int, steps: int) -> int:
    """The baselines' own steps over (part of) an epoch; returns how many were asked for."""
    source = work.source(epoch)
    items = min(len(source), steps * work.batch)
    order = np.random.default_rng([0, epoch]).permutation(len(source))[:items]
    work.model.train()
    this = next(training.epochs())
    training.progress.length = 0  # a pass may be any part of an epoch
    for tensors in this.training(source, order):
        with run.autocast():
            outputs = work.model(*tensors[: -2 if work.summed else -1])
        loss = this.record(work.losses(outputs, tensors), work.summed)
        training.optimizer.zero_grad()
        loss.backward()
        training.optimizer.step()
    return math.ceil(items / work.batch)


def _epochs_of(
    name: str, work: Work, run: Run, setting: Setting, notes: Notes, seconds: float
) -> None:
    """Measures epochs, or as many steps as fit into the seconds."""
    device, begun = run.device, time.monotonic()
    settings = TrainingSettings(
        learning_rate=1e-3, batch_size=work.batch, max_epochs=9, patience=9,
        evaluation_frequency=9, seed=0, workers=4,
    )  # fmt: skip
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    probe = 1 if setting.tiny else _PROBE if device.type == "cuda" else 3
    whole = math.ceil(len(work.source(0)) / work.batch)
    with Training(run, work.model, work.optimizer(), settings, varying=work.varying) as training:
        one = partial(_one_pass, work, run, training)
        one(0, probe)
        step = seconds_of(lambda: one(0, probe), device) / min(probe, whole)
        left = seconds - (time.monotonic() - begun)
        steps = whole if whole * step <= left else max(probe, int(left / step))
        steps = min(steps, whole, probe + 1 if setting.tiny else whole)  # not as many as before
        times = []
        while len(times) < _MOST_EPOCHS:
            times.append(seconds_of(lambda: one(len(times), steps), device))
            if setting.tiny or time.monotonic() - begun + times[-1] > seconds:
                break
    _row(name, work, run, setting, notes, best=min(times), steps=steps)


def _row(
    name: str, work: Work, run: Run, setting: Setting, notes: Notes, *, best: float, steps: int,
) -> None:  # fmt: skip
    step = best / steps
    recorded = run.device.type == "cuda" and run.capture != "off" and not work.varying
    ceilings = _ceilings(setting) if run.device.type == setting.device else None
    share = binds = ""
    if ceilings is not None and not setting.tiny:  # of a batch of the published size
        least, binds = ceilings.shortest(work.counts, run.precision)
        share = f"{least / step:.2f}"
    notes.row(
        work=name, device=run.device.type, precision=run.precision,
        recorded="yes" if recorded else "no",
        epoch_s=round(step * work.items / work.batch, 3), step_ms=round(1000 * step, 3),
        measured=f"{steps} of {math.ceil(work.items / work.batch)} steps",
        aim_s=AIMS[name][0], stretch_s=AIMS[name][1],
        roof=binds, share=share, peak_MiB=_peak(run.device),
    )  # fmt: skip


def _peak(device: torch.device) -> int:
    """MiB that were allocated at most: on the card since the work began, else by this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) >> 20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def _games_of(name: str, work: Work, run: Run, notes: Notes, repeat: int) -> None:
    """Seconds to score and suppress a game; its features are in memory, or in the page cache."""
    work.model.eval()
    with torch.inference_mode():
        work.score()
        best = min(seconds_of(work.score, run.device) for _ in range(repeat))
    notes.row(work=f"scoring a game, {name}", device=run.device.type, precision=run.precision,
              ms=round(1000 * best, 2))  # fmt: skip


def ceilings(setting: Setting, notes: Notes) -> None:
    """What the device can do at best: a large copy, and products of 8192 (CPU: 2048) rows."""
    device = choose_device(setting.device)
    size = 8192 if device.type == "cuda" else 512 if setting.tiny else 2048
    floats = (1 << 30) if device.type == "cuda" else (1 << 22) if setting.tiny else (1 << 26)
    here = torch.ones(floats, device=device)
    there = torch.empty_like(here)
    bandwidth = 8 * floats / _best(lambda: there.copy_(here), device)
    rates = {}
    for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
        rates[precision] = 2 * size**3 / _best(partial(torch.mm, left, right), device)
    notes.row(
        device=setting.device, name=describe(device), copy_GBs=round(bandwidth / 1e9, 1),
        fp32_TFLOPs=round(rates["fp32"] / 1e12, 3), bf16_TFLOPs=round(rates["bf16"] / 1e12, 3),
    )  # fmt: skip


def _best(once: Callable[[], object], device: torch.device, repeat: int = 10) -> float:
    once()
    return min(seconds_of(once, device) for _ in range(repeat))


def _ceilings(setting: Setting) -> Ceilings | None:
    """What the part of that name has found."""
    rows = read_notes(setting.folder / "ceilings.json", "", "", 0)["rows"]
    if not rows:
        return None
    row = rows[0]
    if row["device"] != setting.device:
        return None
    return Ceilings(1e9 * row["copy_GBs"], 1e12 * row["fp32_TFLOPs"], 1e12 * row["bf16_TFLOPs"])
