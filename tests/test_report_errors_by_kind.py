import numpy as np
import pytest

from common.metric.matching import Spots
from common.report.errors_by_kind import (
    BACKGROUND,
    CORRECT,
    DUPLICATE,
    EARLY,
    ERROR_KINDS,
    LATE,
    WRONG_CLASS,
    confusions,
    count_kinds,
    judge,
    nearest,
)

GOAL, FOUL = 0, 1


def spots(places, values=1.0):
    """Spots at (half, seconds, class); two frames a second."""
    half, seconds, event = np.array(places, float).reshape(-1, 3).T
    value = np.broadcast_to(np.asarray(values, float), len(half)).copy()
    return Spots(half.astype(int), (2 * seconds).astype(int), event.astype(int), value)


def verdicts(targets, found, confidence=0.5, threshold=0.0, **settings):
    """The kind of each detection, by its place (half, seconds, class)."""
    judged = judge(targets, spots(found, confidence), np.full(2, threshold), **settings)
    d = judged.detections
    columns = d.half.tolist(), (d.frame / 2).tolist(), d.event.tolist()
    return dict(zip(zip(*columns, strict=True), judged.kind.tolist(), strict=True))


def test_each_kind_at_its_place():
    targets = spots([(0, 100, GOAL), (0, 300, FOUL), (0, 2000, FOUL)])
    found = {
        (0, 99, GOAL): CORRECT,
        (0, 101, GOAL): DUPLICATE,
        (0, 90, GOAL): EARLY,
        (0, 110, GOAL): LATE,
        (0, 301, GOAL): WRONG_CLASS,
        (0, 1000, GOAL): BACKGROUND,
        (1, 100, GOAL): BACKGROUND,  # the other half
    }
    confidence = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3]
    assert verdicts(targets, list(found), confidence) == found


def test_bounds_belong_to_the_nearer_kind():
    targets = spots([(0, 100, GOAL), (0, 500, FOUL)])
    kinds = verdicts(
        targets,
        [(0, 102.5, GOAL), (0, 97, GOAL), (0, 40, GOAL), (0, 39.5, GOAL), (0, 502.5, GOAL),
         (0, 503, GOAL)],
    )  # fmt: skip
    assert kinds == {
        (0, 102.5, GOAL): CORRECT,  # half of 5 s
        (0, 97, GOAL): EARLY,
        (0, 40, GOAL): EARLY,  # a minute
        (0, 39.5, GOAL): BACKGROUND,
        (0, 502.5, GOAL): WRONG_CLASS,
        (0, 503, GOAL): BACKGROUND,
    }


def test_own_class_within_a_minute_comes_before_wrong_class():
    targets = spots([(0, 100, GOAL), (0, 130, FOUL)])
    assert verdicts(targets, [(0, 130, GOAL)]) == {(0, 130.0, GOAL): LATE}


def test_only_what_reaches_its_threshold_counts():
    targets = spots([(0, 100, GOAL), (0, 200, FOUL)])
    found = spots([(0, 100, GOAL), (0, 200, FOUL), (0, 300, FOUL)], [0.4, 0.4, np.nan])
    judged = judge(targets, found, np.array([0.5, 0.4]))
    assert judged.detections.event.tolist() == [FOUL]
    assert judged.missed.tolist() == [True, False]
    assert judged.detection.tolist() == [-1, 0]
    assert len(judge(targets, found, np.full(2, np.inf)).kind) == 0


def test_verdicts_name_the_spot_that_explains():
    targets = spots([(0, 100, GOAL), (0, 300, FOUL)])
    found = spots([(0, 100, GOAL), (0, 80, GOAL), (0, 300, GOAL), (0, 900, GOAL)], [9, 8, 7, 6])
    judged = judge(targets, found, np.zeros(2))
    assert [ERROR_KINDS[kind] for kind in judged.kind] == [
        "early", "correct", "wrong class", "background",
    ]  # fmt: skip
    assert judged.spot.tolist() == [0, 0, 1, -1]
    assert judged.offset_frames().tolist() == [-40, 0]
    assert count_kinds(judged, 2).tolist() == [[1, 1, 0, 0, 1, 1, 0], [0, 0, 0, 0, 0, 0, 1]]
    assert confusions(judged, 2).tolist() == [[0, 1], [0, 0]]


def literal_kind(target_places, detection, taken, reach, near):
    """The definition, one detection at a time; places are (half, frame, class)."""
    half, frame, event = detection
    if detection in taken:
        return CORRECT
    own = [t[1] for t in target_places if t[0] == half and t[2] == event]
    if any(abs(t - frame) <= reach for t in own):
        return DUPLICATE
    if own and (least := min(abs(t - frame) for t in own)) <= near:
        return EARLY if frame + least == min(t for t in own if abs(t - frame) == least) else LATE
    others = [t[1] for t in target_places if t[0] == half and t[2] != event]
    return WRONG_CLASS if any(abs(t - frame) <= reach for t in others) else BACKGROUND


@pytest.mark.parametrize("seed", range(20))
def test_equals_the_definition_on_random_cases(seed):
    rng = np.random.default_rng(seed)

    def random(n):
        half, frame, event = rng.integers(0, 3, n), rng.integers(0, 900, n), rng.integers(0, 3, n)
        return Spots(half, frame, event, rng.random(n))

    tolerance = float(rng.choice([1, 5, 20, 60]))
    judged = judge(random(rng.integers(0, 25)), random(60), np.full(3, 0.2), tolerance)
    places = [
        list(zip(*(part.tolist() for part in (s.half, s.frame, s.event)), strict=True))
        for s in (judged.targets, judged.detections)
    ]
    taken = {places[1][number] for number in judged.detection if number >= 0}
    assert (judged.detections.value >= 0.2).all()
    assert judged.kind.tolist() == [
        literal_kind(places[0], detection, taken, tolerance, 120) for detection in places[1]
    ]
    assert len(taken) == (judged.kind == CORRECT).sum() == (~judged.missed).sum()
    for number in np.flatnonzero(~judged.missed):
        assert judged.spot[judged.detection[number]] == number


def test_nearest_takes_the_earlier_of_two_and_stays_in_half_and_class():
    targets = spots([(0, 10, GOAL), (0, 20, GOAL), (1, 15, FOUL)])
    number, distance = nearest(targets, spots([(0, 15, GOAL), (1, 15, GOAL), (0, 15, FOUL)]))
    assert number.tolist() == [0, -1, -1]
    assert distance[0] == 10
    number, _ = nearest(targets, spots([(1, 15, GOAL), (0, 16, FOUL)]), any_class=True)
    assert number.tolist() == [2, 1]


def test_nothing_is_judged_without_spots_or_detections():
    nothing = spots([])
    assert judge(nothing, spots([(0, 5, GOAL)]), np.zeros(2)).kind.tolist() == [BACKGROUND]
    assert judge(spots([(0, 5, GOAL)]), nothing, np.zeros(2)).missed.tolist() == [True]
    assert count_kinds(judge(nothing, nothing, np.zeros(2)), 2).sum() == 0
