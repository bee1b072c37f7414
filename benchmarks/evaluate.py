"""Seconds and peak memory of our evaluator beside the SoccerNet package's, on 100 games.

python benchmarks/evaluate.py [--runs 3] [--package_runs 1]

Two inputs, loose metric, reading included: the detections that the authors of NetVLAD released (or,
where `../shared` is absent, invented ones of that number), and 612,000 invented detections. Each
run is a process of its own, timed after its imports. Takes a minute or two.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
RELEASED = SHARED / "released" / "NETVLAD_v2_results_spotting_test.zip"

HALF_FRAMES = 5400  # 45 minutes at 2 fps
SPOTS_PER_HALF = 113  # about as many as SoccerNet-v2 has
RELEASED_SIZE = 8  # detections per class and half: 27,200 in all
LARGE_SIZE = 180  # 612,000 in all


def main() -> None:
    args = parse_arguments()
    if args.child:
        children = {"make": make_input, "ours": run_ours, "package": run_package}
        children[args.child](*args.paths)
        return
    print(
        f"{'input':<24}{'evaluator':<12}{'seconds':>9}{'peak MiB':>10}{'faster':>9}{'differs':>11}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, labels, predictions in inputs(Path(folder)):
            ours = [child("ours", labels, predictions) for _ in range(args.runs)]
            theirs = [child("package", labels, predictions) for _ in range(args.package_runs)]
            print_rows(name, ours, theirs)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=3, help="processes of our evaluator [3]")
    parser.add_argument("--package_runs", type=int, default=1, help="of the package's [1]")
    parser.add_argument("--child", choices=("make", "ours", "package"), help=argparse.SUPPRESS)
    parser.add_argument("paths", nargs="*", help=argparse.SUPPRESS)
    return parser.parse_args()


def inputs(folder: Path) -> list[tuple[str, Path, Path]]:
    """Name, label folder and result zip of each input."""
    child("make", folder / "large", LARGE_SIZE)
    large = ("612,000 detections", folder / "large", folder / "large.zip")
    if RELEASED.exists():
        with tarfile.open(SHARED / "labels_v2.tar.xz") as archive:
            archive.extractall(folder / "real")
        return [("released NetVLAD", folder / "real", RELEASED), large]
    child("make", folder / "small", RELEASED_SIZE)
    return [("27,200 detections", folder / "small", folder / "small.zip"), large]


def child(*arguments: object) -> dict[str, Any]:
    """Runs this file as a fresh process; what it tells. The parent stays small: on Linux a
    process is born with its parent's peak memory.
    """
    command = [sys.executable, __file__, "--child", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def make_input(folder: str, size: str) -> None:
    """Labels of the 100 test games, and a zip with `size` random detections per class and half."""
    import numpy as np

    from common.data.events import V2_NAMES
    from common.data.games import official_splits
    from common.results.predictions import format_game, write_game, write_zip

    rng, games = np.random.default_rng(0), official_splits()["test"]
    root, results = Path(folder), Path(f"{folder}.results")
    events = np.repeat(np.arange(len(V2_NAMES)), int(size))
    for game in games:
        frames = [draw_frames(rng, len(V2_NAMES), int(size)) for _ in range(2)]
        scores = rng.random((2, len(events)), np.float32)
        halves = [(h, frames[h - 1], events, scores[h - 1]) for h in (1, 2)]
        write_game(results, game, format_game(game, halves, V2_NAMES, 2))
        labels = json.dumps({"annotations": draw_annotations(rng, V2_NAMES)}, indent=4)
        write_game(root, game, labels.encode(), "Labels-v2.json")
    write_zip(Path(f"{folder}.zip"), results, games)
    print("{}")


def draw_frames(rng: Any, classes: int, size: int) -> Any:
    """No frame twice in a class, in no order, as suppression leaves them: [classes * size]."""
    return rng.random((classes, HALF_FRAMES)).argsort(axis=1)[:, :size].reshape(-1)


def draw_annotations(rng: Any, names: tuple[str, ...]) -> list[dict[str, str]]:
    return [
        {
            "gameTime": f"{half} - {time // 60_000:02}:{time // 1000 % 60:02}",
            "label": names[rng.integers(len(names))],
            "position": str(time),
            "team": "home",
            "visibility": "visible" if rng.random() < 0.8 else "not shown",
        }
        for half in (1, 2)
        for time in sorted(rng.integers(HALF_FRAMES * 500, size=SPOTS_PER_HALF).tolist())
    ]


def run_ours(labels: str, predictions: str) -> None:
    from common.evaluate import evaluate

    tell(evaluate, labels, predictions)


def run_package(labels: str, predictions: str) -> None:
    from SoccerNet.Evaluation.ActionSpotting import evaluate

    tell(evaluate, labels, predictions)


def tell(evaluate: Any, labels: str, predictions: str) -> None:
    """Prints seconds, peak memory and results of one evaluation."""
    begin = time.perf_counter()
    results = evaluate(labels, predictions, split="test", version=2, metric="loose")
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KiB on Linux
    numbers = [
        float(number)
        for value in results.values()
        for number in (value if isinstance(value, list) else [value])
    ]
    print(json.dumps({"seconds": seconds, "mib": peak, "numbers": numbers}))


def print_rows(name: str, ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> None:
    both = {"ours": ours, "package": theirs}
    # The fastest run: whatever else the machine does can only add.
    seconds = {who: min(run["seconds"] for run in runs) for who, runs in both.items()}
    differs = max(abs(a - b) for a, b in zip(ours[0]["numbers"], theirs[0]["numbers"], strict=True))
    for who, runs in both.items():
        peak = max(run["mib"] for run in runs)
        line = f"{name:<24}{who:<12}{seconds[who]:>9.3f}{peak:>10.0f}"
        if who == "ours":
            line += f"{seconds['package'] / seconds['ours']:>8.1f}x{differs:>11.1e}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
