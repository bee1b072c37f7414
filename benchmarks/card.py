"""Checks and measures everything on a CUDA card, part after part, within eight minutes.

    bash benchmarks/card.sh [--device cuda] [--tiny] [--limit 460] [--parts golden programs …]

Each part is a process with a time limit of its own, and a part that fails or takes too long costs
only itself. What it found until then is kept. Ends with card.md and card.json in --out; the exit
code is 1 if anything failed.
"""

import argparse
import importlib
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from card_notes import Notes, Setting, read_notes
from card_report import machine, write_report

ROOT = Path(__file__).resolve().parents[1]
# Each part is forked off a process that has imported torch and the baselines, and has never
# touched the card.
FORKS = multiprocessing.get_context("forkserver")
_LEAST_SECONDS = 3.0  # with less a part is not begun
_WRONG = 3  # exit code of a part


@dataclass(frozen=True)
class Part:
    """A function of `Setting` and `Notes` in a module, by name, and its seconds at most."""

    name: str
    module: str
    function: str
    seconds: float
    argument: str = ""


def _speed(name: str, seconds: float) -> Part:
    return Part(f"speed of {name}", "card_speed", "epochs", seconds, name)


# In the order of their value: the time may run out.
PARTS = (
    Part("golden", "card_golden", "golden", 90),
    Part("programs", "card_programs", "programs", 150),
    Part("ceilings", "card_speed", "ceilings", 30),
    _speed("NetVLAD++ 2048", 60),
    _speed("CALF", 40),
    _speed("NetVLAD++ 512", 30),
    _speed("Pooling NetVLAD 512", 30),
    Part("bf16", "card_bf16", "bf16", 40),
    Part("failures", "card_failures", "failures", 60),
    _speed("CALF_Calibration top views", 60),
    _speed("CALF_Calibration_GCN resGCN-14", 70),
    Part("row", "card_row", "row", 60),
    Part("speed on the CPU", "card_speed", "on_the_cpu", 60),
)


def parse_arguments() -> argparse.Namespace:
    """The flags of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--tiny", action="store_true", help="small sizes, to prove the script")
    parser.add_argument("--limit", type=float, help="seconds for all parts (460; CPUs: 1800)")
    parser.add_argument("--stretch", type=float, help="factor on limits of parts (1; on CPUs 4)")
    parser.add_argument("--parts", nargs="+", choices=[part.name for part in PARTS])
    parser.add_argument("--out", type=Path, default=os.environ.get("OUT") or "card_report")
    args = parser.parse_args()
    args.limit = args.limit or (1800 if args.device == "cpu" else 460)
    args.stretch = args.stretch or (4 if args.device == "cpu" else 1)
    return args


def in_child(part: Part, setting: Setting, file: Path) -> None:
    """A part, in a process and a group of processes of its own."""
    os.setsid()
    function = getattr(importlib.import_module(part.module), part.function)
    notes = Notes(part.name, file)
    function(setting, notes, *([part.argument] if part.argument else []))
    sys.exit(0 if notes.all_right else _WRONG)


def start(part: Part, setting: Setting) -> tuple[str, float]:
    """Begins a part and ends it, with all that it has started, when its time is over.

    Returns what became of it ("" if all is well), and its seconds.
    """
    begun = time.monotonic()
    file = setting.folder / f"{part.name}.json"
    process = FORKS.Process(target=in_child, args=(part, setting, file))
    process.start()
    late = True
    try:
        process.join(setting.seconds)
        late = process.is_alive()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.join()
    if late:
        return f"took longer than {setting.seconds:.0f} s", time.monotonic() - begun
    told = {0: "", _WRONG: "something is wrong", 1: "ended with a traceback"}
    return told.get(process.exitcode, f"ended with code {process.exitcode}"), (
        time.monotonic() - begun
    )


def prepare_environment() -> None:
    """That of the parts: this code, and the recordings that were brought along."""
    paths = [str(ROOT), str(ROOT / "benchmarks"), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"  # to look for a card does not touch it
    brought = ROOT / ".card" / "shared"
    if brought.is_dir():
        os.environ.setdefault("SHARED_DATA", str(brought))


def run_all(args: argparse.Namespace, folder: Path) -> bool:
    """All parts that are wanted, as long as time is left, and the report."""
    end = time.monotonic() + args.limit
    about = machine(args.device) | {"sizes": "tiny" if args.tiny else "full"}
    found: list[dict[str, Any]] = []
    for part in PARTS:
        if args.parts and part.name not in args.parts:
            continue
        left = end - time.monotonic()
        seconds = min(part.seconds * args.stretch, left)
        print(f"== {part.name} (at most {seconds:.0f} s)")
        trouble, took = "not begun: the time was over", 0.0
        if seconds >= _LEAST_SECONDS:
            trouble, took = start(part, Setting(args.device, args.tiny, folder, seconds))
        found.append(read_notes(folder / f"{part.name}.json", part.name, trouble, took))
        print(f"== {part.name}: {trouble or 'all right'}, {took:.1f} s")
        write_report(args.out, found, about)
    return not any(each["trouble"] for each in found)


def main() -> int:
    """Runs all parts."""
    args = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # ends its part, too
    prepare_environment()
    FORKS.set_forkserver_preload(["card_work"])
    args.out = Path(args.out)
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="card") as folder:
        fine = run_all(args, Path(folder))
    print(f"report: {args.out / 'card.md'}, {args.out / 'card.json'}")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
