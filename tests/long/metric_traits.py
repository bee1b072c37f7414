"""What a case of the metric holds, and what its matching meets: counted, so that all is tried."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from metric_cases import HALF_SECONDS, Case

from common.metric.average_map import AveragePrecision
from common.metric.matching import Spots

_NAMED = {tuple(range(1, 6)): "tight", tuple(range(5, 61, 5)): "loose"}
_ROUNDING = 1e-12


def columns(spots: Spots) -> tuple[np.ndarray, ...]:
    """The arrays of spots."""
    return spots.half, spots.frame, spots.event, spots.value


def traits(
    case: Case, targets: Spots, detections: Spots, scores: AveragePrecision
) -> Iterator[str]:
    """What a case holds, in words; some more than once."""
    yield from _settings(case)
    yield from _values(case, targets, detections)
    yield from _outcomes(scores)
    cells = [_cells(spots) for spots in (targets, detections)]
    for what, cell, number in zip(
        ("spots", "detections"), cells, (len(targets), len(detections)), strict=True
    ):
        if sum(map(len, cell.values())) < number:
            yield f"several {what} in one frame"
        if {event for _, event in cell} != set(range(len(case.names))):
            yield f"a class without {what}"
    reaches = [seconds * case.framerate / 2 for seconds in case.tolerances]
    for place in cells[0].keys() | cells[1].keys():
        spots, found = (cell.get(place, {}) for cell in cells)
        found = {frame: confidence for frame, confidence in found.items() if confidence >= 0}
        yield from _borders(spots, found)
        for reach in reaches:
            yield from _meetings(spots, found, reach)


def _settings(case: Case) -> Iterator[str]:
    number, tolerances = len(case.names), tuple(case.tolerances)
    yield f"framerate {case.framerate}"
    yield f"version {case.version}"
    yield "1 class" if number == 1 else "2 or 3 classes" if number < 4 else "4 to 17 classes"
    yield _NAMED.get(tolerances, "one tolerance" if len(tolerances) == 1 else "2 or 3 tolerances")


def _values(case: Case, targets: Spots, detections: Spots) -> Iterator[str]:
    last = HALF_SECONDS * case.framerate - 1
    for what, spots in (("spots", targets), ("detections", detections)):
        if (spots.frame == last).any():
            yield f"{what} in the last frame or behind it"
    if not (detections.value >= 0).all():
        yield "confidences below 0 or NaN"
    if (detections.value > 1).any():
        yield "confidences above 1"


def _outcomes(scores: AveragePrecision) -> Iterator[str]:
    mean = scores.a_map()
    yield "score 0" if mean == 0 else "score 1" if mean > 1 - _ROUNDING else "score between"
    if scores.a_map("unshown") > 1:
        yield "unshown score above 1"


def _cells(spots: Spots) -> dict[tuple[int, int], dict[int, float]]:
    """For each half and class the value in each frame, of several the last one."""
    cells: dict[tuple[int, int], dict[int, float]] = {}
    for half, frame, event, value in zip(*(c.tolist() for c in columns(spots)), strict=True):
        cells.setdefault((half, event), {})[frame] = value
    return cells


def _borders(spots: dict[int, float], found: dict[int, float]) -> Iterator[str]:
    """Of one class in one half: what is equal, and what lies between two spots."""
    if not (spots and found):
        yield "a half with spots only, or with detections only"
    if len(set(found.values())) < len(found):
        yield "equal confidences"
    ordered = sorted(spots)
    for one, other in pairwise(ordered):
        if (one + other) // 2 in found and spots[one] != spots[other]:
            yield f"half-way of an {'odd' if (other - one) % 2 else 'even'} gap, seen and unseen"


def _meetings(spots: dict[int, float], found: dict[int, float], reach: float) -> Iterator[str]:
    """What the matching of one class in one half meets at one tolerance."""
    reached: Counter[int] = Counter()
    for spot in spots:
        near = [frame for frame in found if abs(frame - spot) <= reach]
        reached.update(near)
        confident = sorted((found[frame] for frame in near), reverse=True)
        if len(near) > 1:
            yield "two detections in reach of a spot"
            if confident[0] == confident[1]:
                yield "the two most confident in reach are equal"
            if found[min(near, key=lambda frame: abs(frame - spot))] < confident[0]:
                yield "the nearest in reach is not the most confident"
        gaps = {abs(frame - spot) for frame in found}
        if reach in gaps:
            yield "on the border of a tolerance"
        if any(reach < gap <= reach + 1 for gap in gaps):
            yield "a frame behind the border of a tolerance"
    if max(reached.values(), default=0) > 1:
        yield "a detection in reach of two spots"
