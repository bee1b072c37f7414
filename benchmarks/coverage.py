"""How far the intervals and p-values of `common.compare` can be trusted, on real predictions.

python benchmarks/coverage.py [--sets 150] [--resamples 500]

Takes the detections that the authors of NetVLAD released and the real labels from `../shared`, and
scores random sets of the 100 test games (loose, all spots). Prints how often the 95 % interval of a
set holds the score of all 100 games, and how often two runs that do not differ but by chance (the
same detections, each time with other noise) get p < 0.05. Takes ten minutes of one core.
"""

import argparse
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from bootstrap import CLASSES, GAMES, LOOSE, by_game, gathered
from evaluate import RELEASED, SHARED
from tqdm import tqdm

from common.metric.average_map import average_map
from common.metric.bootstrap import Resampled, draw_weights, resample
from common.metric.matching import Spots
from common.results.scored_run import read_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", type=int, default=150, help="of games, of each size [150]")
    parser.add_argument("--resamples", type=int, default=500, help="of each set [500]")
    args = parser.parse_args()
    if not RELEASED.exists():
        sys.exit(f"needs {RELEASED}: released predictions, which are not in the repository")
    with tempfile.TemporaryDirectory() as labels:
        with tarfile.open(SHARED / "labels_v2.tar.xz") as archive:
            archive.extractall(labels, filter="data")
        run = read_run(RELEASED, SoccerNet_path=Path(labels))
    whole = score(run.targets, run.detections, draw_weights(GAMES, 10_000, 0))
    print(f"{GAMES} games: {whole.interval()}, mean of the draws {whole.samples.mean():.4f}")
    targets, detections = by_game(run.targets), by_game(run.detections)
    for size in (20, 50):
        coverage(targets, detections, size, args.sets, args.resamples)
    for size in (5, 10, 20, 100):
        false_alarms(targets, detections, size, args.sets, args.resamples)


def score(targets: Spots, detections: Spots, weights: np.ndarray) -> Resampled:
    maps = resample(targets, detections, CLASSES, LOOSE, weights, kinds=("all",))
    return maps["all"].a_map()


def coverage(
    targets: list[Spots], detections: list[Spots], size: int, sets: int, resamples: int
) -> None:
    everything = np.arange(GAMES)
    truth = average_map(
        gathered(targets, everything), gathered(detections, everything), CLASSES, LOOSE
    ).a_map()
    rng, found = np.random.default_rng(0), []
    for number in tqdm(range(sets), desc=f"{size} games", leave=False, disable=None):
        drawn = rng.choice(GAMES, size, replace=False)
        both = gathered(targets, drawn), gathered(detections, drawn)
        found.append(score(*both, draw_weights(size, resamples, number)).interval())
    low, high = (np.array([getattr(each, end) for each in found]) for end in ("low", "high"))
    print(
        f"{sets} sets of {size} games: mean score {np.mean([each.value for each in found]):.4f}, "
        f"intervals hold {truth:.4f}: {np.mean((low <= truth) & (truth <= high)):.0%}, "
        f"lie above: {np.mean(low > truth):.0%}, below: {np.mean(high < truth):.0%}",
        flush=True,
    )


def false_alarms(
    targets: list[Spots], detections: list[Spots], size: int, sets: int, resamples: int
) -> None:
    rng, p_values = np.random.default_rng(1), []
    for number in tqdm(range(sets), desc=f"{size} games, noise", leave=False, disable=None):
        drawn, weights = (
            rng.choice(GAMES, size, replace=False),
            draw_weights(size, resamples, number),
        )
        spots, found = gathered(targets, drawn), gathered(detections, drawn)
        one, other = (score(spots, noisy(found, rng), weights) for _ in range(2))
        p_values.append(one.minus(other).p_value())
    shares = [f"p < {p}: {np.mean(np.array(p_values) < p):.0%}" for p in (0.05, 0.1, 0.5)]
    print(f"{sets} pairs of equal runs on {size} games: {', '.join(shares)}", flush=True)


def noisy(spots: Spots, rng: np.random.Generator) -> Spots:
    """Nine of ten detections, up to 3 s away, with other confidences."""
    frame = np.maximum(0, spots.frame + rng.integers(-6, 7, len(spots)))
    value = np.clip(spots.value + rng.normal(0, 0.1, len(spots)), 0, 1)
    return Spots(spots.half, frame, spots.event, value).select(rng.random(len(spots)) < 0.9)


if __name__ == "__main__":
    main()
