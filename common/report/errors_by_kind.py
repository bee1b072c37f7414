"""What kind of mistake each detection is: pure functions over arrays of spots."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.metric.matching import Spots, last_of_each_cell, match_pairs

ERROR_KINDS = ("correct", "early", "late", "duplicate", "wrong class", "background")
CORRECT, EARLY, LATE, DUPLICATE, WRONG_CLASS, BACKGROUND = range(len(ERROR_KINDS))

NEAR_SECONDS = 60  # a spot farther away than this explains no detection

_NONE_NEAR = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Judged:
    """Spots and counted detections, both sorted by class, half and frame, and the verdicts.

    Attributes:
        kind: what each detection is, a number in `ERROR_KINDS`.
        spot: the target that explains each detection: the one it took, else the nearest of its
            class (duplicate, early, late), else the nearest of another class; -1 for background.
        detection: the detection that took each target, -1 where it is missed.
    """

    targets: Spots
    detections: Spots
    kind: NDArray[np.int64]
    spot: NDArray[np.int64]
    detection: NDArray[np.int64]

    @property
    def missed(self) -> NDArray[np.bool_]:
        """Which targets no detection took."""
        return self.detection < 0

    def offset_frames(self) -> NDArray[np.int64]:
        """Detection minus the spot of its class that explains it, in frames, where there is one."""
        explained = np.isin(self.kind, (CORRECT, EARLY, LATE, DUPLICATE))
        return self.detections.frame[explained] - self.targets.frame[self.spot[explained]]


def judge(
    targets: Spots,
    detections: Spots,
    thresholds: NDArray[np.float64],
    tolerance: float = 5,
    framerate: float = 2,
) -> Judged:
    """Names the mistake that each counted detection is, and the spots that are missed.

    A detection is counted if it reaches its class's threshold. Matching is the metric's: spots in
    the order of time take the most confident free detection at most half the tolerance away. What
    is left over is, in this order: *duplicate*, a spot of its class in reach, which another
    detection took; *early* or *late*, the nearest spot of its class at most a minute away; *wrong
    class*, a spot of another class in reach; *background*.

    Example: a goal at 100 s, tolerance 5 s. Detections of goals at 99 s (0.9) and 101 s (0.8) are
    correct and duplicate, one at 90 s is early, one at 200 s background.

    Args:
        thresholds: lowest confidence that counts, for each class, [C].
        tolerance: seconds, at most twice `NEAR_SECONDS`.
    """
    targets, detections = last_of_each_cell(targets), last_of_each_cell(detections)
    lowest = np.maximum(thresholds, 0)
    counted = detections.value >= lowest[detections.event]  # NaN never counts
    detections = detections.select(counted)
    reach = tolerance * framerate / 2  # frames
    taken, taker = match_pairs(targets, detections, reach)

    kind = np.full(len(detections), BACKGROUND)
    spot = np.full(len(detections), -1)
    other, distance = nearest(targets, detections, any_class=True)
    # Farther than a minute from its own class, so any spot in reach is of another.
    kind[distance <= reach], spot[distance <= reach] = WRONG_CLASS, other[distance <= reach]
    own, distance = nearest(targets, detections)
    near = distance <= NEAR_SECONDS * framerate
    late = detections.frame[near] > targets.frame[own[near]]
    kind[near] = np.where(distance[near] <= reach, DUPLICATE, np.where(late, LATE, EARLY))
    spot[near] = own[near]
    kind[taken], spot[taken] = CORRECT, taker

    detection = np.full(len(targets), -1)
    detection[taker] = taken
    return Judged(targets, detections, kind, spot, detection)


def nearest(
    targets: Spots, detections: Spots, any_class: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The nearest target of each detection in its half: its number, its distance in frames.

    Of two equally near the earlier. Where there is none the number is -1 and the distance larger
    than any other.

    Args:
        any_class: look at targets of all classes, not only the detection's.
    """
    if not len(targets):
        return np.full(len(detections), -1), np.full(len(detections), _NONE_NEAR)
    key, detection_key, length = _keys(targets, detections, any_class)
    order = np.argsort(key, kind="stable")
    after = np.searchsorted(key[order], detection_key)
    sides = np.stack([after - 1, after])  # [2, detections]
    inside = (sides >= 0) & (sides < len(order))
    number = order[np.clip(sides, 0, len(order) - 1)]
    inside &= key[number] // length == detection_key // length
    distance = np.where(inside, np.abs(key[number] - detection_key), _NONE_NEAR)
    side = distance.argmin(axis=0)
    best = np.take_along_axis(distance, side[None], axis=0)[0]
    number = np.take_along_axis(number, side[None], axis=0)[0]
    return np.where(best < _NONE_NEAR, number, -1), best


def _keys(
    targets: Spots, detections: Spots, any_class: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Both on one time line of halves (and classes) that are `length` frames each."""
    length = 1 + int(max(spots.frame.max(initial=0) for spots in (targets, detections)))
    halves = 1 + int(max(spots.half.max(initial=0) for spots in (targets, detections)))
    one, two = (
        (spots.half if any_class else spots.event * halves + spots.half) * length + spots.frame
        for spots in (targets, detections)
    )
    return one, two, length


def count_kinds(judged: Judged, n_classes: int) -> NDArray[np.int64]:
    """How many detections of each class are of each kind, and spots missed: [C, kinds + 1]."""
    kinds = len(ERROR_KINDS)
    cell = judged.detections.event * kinds + judged.kind
    counts = np.bincount(cell, minlength=n_classes * kinds).reshape(n_classes, kinds)
    missed = np.bincount(judged.targets.event[judged.missed], minlength=n_classes)
    return np.column_stack([counts, missed])


def confusions(judged: Judged, n_classes: int) -> NDArray[np.int64]:
    """How often a detection of one class lay on a spot of another: [C detected, C annotated]."""
    wrong = judged.kind == WRONG_CLASS
    annotated = judged.targets.event[judged.spot[wrong]]
    cell = judged.detections.event[wrong] * n_classes + annotated
    return np.bincount(cell, minlength=n_classes**2).reshape(n_classes, n_classes)
