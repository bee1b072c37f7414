"""CPU seconds for 10,000 resamples of games: ours beside a loop that scores each resample anew.

python benchmarks/bootstrap.py [--resamples 10000] [--plain 10]

The plain side builds the spots of the drawn games and calls our `average_map` on them. Of three
runs of ours and of `--plain` resamples of the plain side the fastest counts. Loose average-mAP of
all spots, 100 games, 17 classes; the detections that the authors of NetVLAD released (where
`../shared` is absent, invented ones of that number), and 612,000 invented detections. Each line is
a process of its own, with one thread, so that its CPU time depends little on what else runs.
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

import numpy as np
from evaluate import HALF_FRAMES, LARGE_SIZE, RELEASED, RELEASED_SIZE, SHARED, SPOTS_PER_HALF

from common.data.events import SOCCERNET_V2
from common.metric.average_map import TOLERANCES_SECONDS, average_map
from common.metric.bootstrap import draw_weights, resample
from common.metric.matching import Spots
from common.results.scored_run import read_run

GAMES, CLASSES, LOOSE = 100, len(SOCCERNET_V2), TOLERANCES_SECONDS["loose"]


def main() -> None:
    args = parse_arguments()
    if args.child:
        measure(args.child, args.labels, args.resamples)
        return
    print(f"{'detections':<12}{'side':<8}{'s per 10,000 resamples':>22}{'peak MiB':>10}"
          f"{'faster':>9}{'differs':>10}")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        labels = Path(folder)
        if RELEASED.exists():
            with tarfile.open(SHARED / "labels_v2.tar.xz") as archive:
                archive.extractall(labels, filter="data")
        for size in ("released", "large"):
            sides = {"ours": args.resamples, "plain": args.plain}
            done = {side: child(f"{side}:{size}", labels, n) for side, n in sides.items()}
            print_rows(done)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--resamples", type=int, default=10_000, help="of ours [10000]")
    parser.add_argument("--plain", type=int, default=10, help="of the plain loop [10]")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--labels", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def child(what: str, labels: Path, resamples: int) -> dict:
    """Runs this file as a fresh process; what it tells."""
    command = [sys.executable, __file__, "--child", what, "--labels", labels]
    command += ["--resamples", resamples]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def measure(what: str, labels: Path, resamples: int) -> None:
    """Prints seconds, peak memory and the average-mAP of the first resamples of one side."""
    side, size = what.split(":")
    if size == "released" and RELEASED.exists():
        run = read_run(RELEASED, SoccerNet_path=labels)
        targets, detections = run.targets, run.detections
    else:
        targets, detections = invented(RELEASED_SIZE if size == "released" else LARGE_SIZE)
    weights = draw_weights(GAMES, resamples, 0)
    seconds, scores = (time_ours if side == "ours" else time_plain)(targets, detections, weights)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KiB on Linux
    told = {"detections": len(detections), "seconds": seconds, "mib": peak}
    print(json.dumps({**told, "scores": scores[:10]}))


def invented(size: int) -> tuple[Spots, Spots]:
    """Random spots, and `size` random detections per class and half."""
    rng = np.random.default_rng(0)
    cells = (2 * GAMES, HALF_FRAMES, CLASSES)
    place = rng.integers(0, cells, (2 * GAMES * SPOTS_PER_HALF, 3)).T
    targets = Spots(*place, np.where(rng.random(place.shape[1]) < 0.8, 1.0, -1.0))
    half, event = np.divmod(np.arange(2 * GAMES * CLASSES), CLASSES)
    frame = rng.random((len(half), HALF_FRAMES)).argsort(axis=1)[:, :size].reshape(-1)
    half, event = np.repeat(half, size), np.repeat(event, size)
    return targets, Spots(half, frame, event, rng.random(len(frame)))


def time_ours(targets: Spots, detections: Spots, weights: np.ndarray) -> tuple[float, list[float]]:
    """Seconds per 10,000 resamples and the scores of all of them."""
    times = []
    for _ in range(3):
        begin = time.process_time()
        maps = resample(targets, detections, CLASSES, LOOSE, weights, kinds=("all",))
        times.append(time.process_time() - begin)
    return 10_000 * min(times) / len(weights), maps["all"].a_map().samples.tolist()


def time_plain(targets: Spots, detections: Spots, weights: np.ndarray) -> tuple[float, list[float]]:
    """The same by scoring the drawn games."""
    games = [by_game(spots) for spots in (targets, detections)]
    times, scores = [], []
    for row in weights:
        begin = time.process_time()
        both = (gathered(parts, np.repeat(np.arange(GAMES), row)) for parts in games)
        scores.append(average_map(*both, CLASSES, LOOSE).a_map())
        times.append(time.process_time() - begin)
    return 10_000 * min(times), scores


def by_game(spots: Spots) -> list[Spots]:
    return [spots.select(np.flatnonzero(spots.half // 2 == game)) for game in range(GAMES)]


def gathered(games: list[Spots], drawn: np.ndarray) -> Spots:
    """The drawn games in one, each of them with two halves of its own."""
    parts = [games[game] for game in drawn]
    half = np.concatenate([part.half % 2 + 2 * place for place, part in enumerate(parts)])
    rest = (np.concatenate([getattr(p, f) for p in parts]) for f in ("frame", "event", "value"))
    return Spots(half, *rest)


def print_rows(done: dict[str, dict]) -> None:
    ours, plain = done["ours"], done["plain"]
    for side, told in done.items():
        line = f"{told['detections']:<12,}{side:<8}{told['seconds']:>22.1f}{told['mib']:>10.0f}"
        if side == "ours":
            pairs = zip(ours["scores"], plain["scores"], strict=False)
            differs = max(abs(a - b) for a, b in pairs)
            line += f"{plain['seconds'] / ours['seconds']:>8.0f}x{differs:>10.0e}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
