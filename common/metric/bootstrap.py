"""Confidence intervals of average-mAP by the bootstrap over games, as pure functions over arrays.

A resample draws as many games as there are, with replacement. Spots are matched inside a half, so
what a game adds to the counts of found and correct detections does not depend on the other games,
and a resample is a weighting of the games' counts: one matrix product instead of a new matching.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.metric.average_map import (
    KINDS,
    count,
    interpolated_ap,
    published_factor,
    trapezoid_mean,
)
from common.metric.matching import Spots

LEVEL = 0.95  # of the intervals
FEW_GAMES = 10  # below, equal runs get p < 0.05 more often than in 5 % of all cases
FEW_GAMES_WARNING = f"fewer than {FEW_GAMES} games: intervals are too narrow and p-values too small"
_BLOCK = 2048  # resamples at a time: what they need stays in the cache
_EXACT = 1 << 24  # up to here float32 holds every whole number
_ROUNDING = 1e-12  # differences below are rounding errors of equal numbers


@dataclass(frozen=True)
class Interval:
    """A number, and the bounds between which it lies in 95 % of all resamples."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Resampled:
    """A number of the games as they are, `value`, and of each of R resamples, `samples` [R]."""

    value: float
    samples: NDArray[np.float64]

    def interval(self) -> Interval:
        """Its 95 % percentile interval."""
        tail = 50 * (1 - LEVEL)
        low, high = np.percentile(self.samples, (tail, 100 - tail))
        return Interval(self.value, float(low), float(high))

    def minus(self, other: "Resampled") -> "Resampled":
        """The paired difference: both numbers come from the same resamples."""
        samples = self.samples - other.samples
        samples[np.abs(samples) < _ROUNDING] = 0
        return Resampled(self.value - other.value, samples)

    def p_value(self) -> float:
        """Two-sided p-value of "this difference is 0".

        p = 2 min((1 + #{d <= 0}) / (R + 1), (1 + #{d >= 0}) / (R + 1)), at most 1, over the
        differences d of R resamples: twice the share of resamples on the rarer side of 0. The
        smallest p is 2 / (R + 1).
        """
        rarer = min((self.samples <= 0).sum(), (self.samples >= 0).sum())
        return min(1.0, float(2 * (1 + rarer) / (1 + len(self.samples))))


@dataclass(frozen=True)
class ResampledMap:
    """Average precision of each class, a mean over tolerances, of the games and of resamples.

    `per_class` is [1 + R, C], its first row the games as they are; `spots` [C] counts theirs.
    """

    per_class: NDArray[np.float64]
    spots: NDArray[np.int64]
    factor: float  # published_factor

    def a_map(self) -> Resampled:
        """Average-mAP, by the published rule."""
        mean = self.per_class.mean(axis=1) * self.factor
        return Resampled(float(mean[0]), mean[1:])

    def of_class(self, event: int) -> Resampled:
        """Average precision of one class."""
        return Resampled(float(self.per_class[0, event]), self.per_class[1:, event])


def draw_weights(games: int, resamples: int, seed: int) -> NDArray[np.int64]:
    """How often each game is drawn in each resample: [R, G], each row with the sum G.

    The same numbers give the same draws; two runs are compared on the same ones.
    """
    even = np.full(games, 1 / games)
    return np.random.default_rng(seed).multinomial(games, even, size=resamples)


def resample(
    targets: Spots,
    detections: Spots,
    n_classes: int,
    tolerances: tuple[int, ...],
    weights: NDArray[np.int64],
    *,
    halves: int = 2,
    framerate: float = 2,
    kinds: tuple[str, ...] = KINDS,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> dict[str, ResampledMap]:
    """Average precision of weighted games, for each kind of spots.

    The numbers are those of `average_map` on the games of each resample, a game that is drawn
    twice as two games.

    Args:
        tolerances: in seconds, as in `average_map`.
        weights: of each game in each resample, [R, G]; game g has the halves g * halves, ….
        halves: of a game.
        progress: goes through the classes, such as a progress bar.
    """
    weights = np.concatenate([np.ones_like(weights[:1]), weights])
    per_class = {kind: np.zeros((len(weights), n_classes)) for kind in kinds}
    spots = {kind: np.zeros(n_classes, np.int64) for kind in kinds}
    group = np.arange(weights.shape[1] * halves) // halves
    for event in progress(range(n_classes)):
        annotated, detected = _one_class(targets, event), _one_class(detections, event)
        counts = count(annotated, detected, 1, tolerances, framerate, group=group)
        for kind in kinds:
            k = KINDS.index(kind)
            ap = _weighted_ap(
                counts.spots[:, k, 0], counts.found[:, k, 0], counts.correct[:, k, :, 0], weights
            )
            per_class[kind][:, event] = trapezoid_mean(ap)
            spots[kind][event] = counts.spots[:, k, 0].sum()
    return {
        kind: ResampledMap(per_class[kind], spots[kind], published_factor(kind, tolerances))
        for kind in kinds
    }


def _one_class(spots: Spots, event: int) -> Spots:
    """The spots of one class, as a data set that has no other."""
    chosen = spots.select(spots.event == event)
    return Spots(chosen.half, chosen.frame, np.zeros_like(chosen.event), chosen.value)


def _weighted_ap(
    spots: NDArray[np.int64],
    found: NDArray[np.int64],
    correct: NDArray[np.int64],
    weights: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Average precision of one class in each resample: [tol, R].

    Takes counts of G games, spots [G], found [G, 200] and correct [G, tol, 200], and weights
    [R, G].
    """
    most = (weights @ np.maximum(found[:, 0], spots)).max(initial=0)
    draws = weights.T.astype(np.float32 if most <= _EXACT else np.float64)  # [G, R]
    per_spot, per_found = spots.astype(draws.dtype), found.T.astype(draws.dtype)
    per_correct = correct.transpose(1, 2, 0).astype(draws.dtype)  # [tol, 200, G]
    # Where the next threshold loses no correct detection it has the better precision.
    kept = [np.flatnonzero(np.diff(part.sum(axis=1), append=0)) for part in per_correct]
    ap = np.zeros((len(kept), draws.shape[1]))
    for begin in range(0, draws.shape[1], _BLOCK):
        block = slice(begin, begin + _BLOCK)
        here = np.ascontiguousarray(draws[:, block])
        all_spots = np.maximum(per_spot @ here, 1).astype(np.float64)  # [R]
        all_found = np.maximum(per_found @ here, 1).astype(np.float64)  # [200, R]
        for number, points in enumerate(kept):
            all_correct = per_correct[number, points] @ here  # [K, R]
            precision = all_correct / all_found[points]
            ap[number, block] = interpolated_ap(precision, all_correct / all_spots)
    return ap
