"""Programs of the baselines, run from the shell on an invented data set."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from card_notes import Setting

WAIT = 200  # seconds for one command; its part may end it before
_CHUNKS = ["--chunk_size", "30", "--receptive_field", "10", "--batch_size", "8"]
_PLAYERS = ["--backbone_feature", "2DConv", "--calibration"]


def flags_of(setting: Setting) -> dict[str, list[str]]:
    """The programs, and flags that make them small enough and leave many batches of one shape."""
    chunks = [*_CHUNKS, "--chunks_per_epoch", "24" if setting.tiny else "96"]
    graph = "resGCN-14" if setting.device == "cuda" else "resGCN-2"
    return {
        "TemporallyAwarePooling": ["--batch_size", "8"],
        "Pooling": ["--preset", "netvlad-v2", "--batch_size", "8", "--NMS_threshold", "0"],
        "CALF": chunks,
        "CALF_Calibration": [*chunks, *_PLAYERS, "--backbone_player", "3DConv",
                             "--calibration_field", "--calibration_cone"],
        "CALF_Calibration_GCN": [*chunks, *_PLAYERS, "--backbone_player", graph],
        "DenseAnchors": ["--batch_size", "8", "--chunks_per_epoch", "24" if setting.tiny else "96"],
    }  # fmt: skip


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its exit code, what it said, its seconds."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def right(self) -> bool:
        """Whether it did what it should."""
        return self.code == 0 and "Traceback" not in self.err

    @property
    def last_words(self) -> str:
        """The end of what it complained about."""
        return " / ".join(self.err.strip().splitlines()[-2:])[-300:]


def environment() -> dict[str, str]:
    """One thread for each: they run side by side, and sums keep their order."""
    return os.environ | {"OMP_NUM_THREADS": "1"}


def python(folder: Path, *words: object, first_epoch: Path | None = None, **how: object) -> Ended:
    """Runs Python with these words in a folder, to its end.

    Args:
        first_epoch: a checkpoint; when it is there SIGTERM is sent.
    """
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *map(str, words)], cwd=folder, env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how,
    )  # fmt: skip
    if first_epoch is not None:
        threading.Thread(target=_stop, args=(process, first_epoch), daemon=True).start()
    try:
        out, err = process.communicate(timeout=WAIT)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        err += f"\nended after {WAIT} s"
    return Ended(process.returncode, out, err, time.monotonic() - begun)


def _stop(process: subprocess.Popen, checkpoint: Path) -> None:
    while process.poll() is None and not checkpoint.exists():
        time.sleep(0.002)
    if process.poll() is None:
        process.terminate()


def write_games(folder: Path, tiny: bool) -> Path:
    """An invented data set with players, once for all parts."""
    data = folder / "data"
    if not (data / "splits.json").exists():
        games = [1, 1, 1, 1] if tiny else [3, 1, 2, 1]
        done = python(
            folder, "-m", "common.synthetic", "--out", data, "--games", *games,
            "--minutes", 2 if tiny else 10, "--dim", 64, "--players", "--overwrite",
        )  # fmt: skip
        if not done.right:
            raise RuntimeError(f"no data set: {done.last_words}")
    return data


def call_of(program: str, data: Path, *words: object) -> list[object]:
    """The command that runs a program on the data set."""
    return [
        "-m",
        f"{program}.main",
        "--SoccerNet_path",
        data,
        "--features",
        "Synthetic.npy",
        *words,
    ]


def side_by_side(tasks: Sequence[Callable[[], Ended]]) -> Iterator[Ended]:
    """What these functions return, in their order; half as many at a time as there are cores."""
    jobs = max(2, min(8, len(os.sched_getaffinity(0)) // 2))
    with ThreadPoolExecutor(jobs) as pool:
        for future in [pool.submit(task) for task in tasks]:
            yield future.result()
