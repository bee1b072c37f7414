"""The metric on arrays: recordings of the original, a literal second implementation, properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.metric.average_map import (
    KINDS,
    THRESHOLDS,
    TOLERANCES_SECONDS,
    Spots,
    average_map,
    closest_sign,
    count,
    interpolated_ap,
    last_of_each_cell,
    match,
    precision_recall,
    trapezoid_mean,
)
from common.metric.matching import match_pairs

EXACT = {"rtol": 0, "atol": 1e-12}
RECORDINGS = ["mixed", "allvisible", "allunshown", "coarse", "dense", "perfect", "odd", "nothing"]
# Prefix of a recorded result: metric and framerate, and the inputs that it was recorded for.
PREFIXES = {
    "loose": ("loose", 2, RECORDINGS),
    "tight": ("tight", 2, RECORDINGS),
    "at1": ("at1", 2, RECORDINGS),
    "at5": ("at5", 2, RECORDINGS),
    "calf": ("loose", 2, ["mixed", "coarse"]),  # CALF's own copy of the metric
    "loose_fps1": ("loose", 1, ["mixed", "coarse"]),
}
WITH_CURVES = ("allvisible", "coarse", "odd")


def spots(rows, values):
    """From rows (half, frame, class) and their values."""
    half, frame, event = np.asarray(rows, np.int64).reshape(-1, 3).T
    return Spots(half, frame, event, np.asarray(values, float))


def recorded(golden, name):
    arrays = golden(f"average_map_{name}.npz")
    targets = spots(arrays["targets_index"], arrays["targets_value"])
    detections = spots(arrays["detections_index"], arrays["detections_value"])
    return arrays, targets, detections


def random_spots(rng, n, halves=4, frames=60, classes=3, values=(-1, 1)):
    rows = rng.integers(0, (halves, frames, classes), (n, 3))
    return spots(rows, rng.choice(values, n))


def random_detections(rng, n, **shape):
    """On a coarse grid of confidences, so that many are equal; some do not count at all."""
    return random_spots(rng, n, values=np.append(np.arange(-1, 9) / 8, [np.nan, 1.5]), **shape)


def keys(chosen):
    return set(zip(chosen.half.tolist(), chosen.frame.tolist(), chosen.event.tolist(), strict=True))


def ap(targets, detections, metric="tight", classes=3, framerate=2):
    return average_map(targets, detections, classes, TOLERANCES_SECONDS[metric], framerate).ap


@pytest.mark.parametrize(
    ("prefix", "name"), [(prefix, name) for prefix in PREFIXES for name in PREFIXES[prefix][2]]
)
def test_recorded_average_map(golden, prefix, name):
    arrays, targets, detections = recorded(golden, name)
    metric, framerate, _ = PREFIXES[prefix]
    classes = int(arrays["shape"][2])
    result = average_map(targets, detections, classes, TOLERANCES_SECONDS[metric], framerate)
    for kind in KINDS:
        suffix = "" if kind == "all" else f"_{kind}"
        np.testing.assert_allclose(result.a_map(kind), arrays[f"{prefix}_{kind}"], **EXACT)
        expected = arrays[f"{prefix}_per_class{suffix}"]
        np.testing.assert_allclose(result.per_class(kind), expected, **EXACT)


@pytest.mark.parametrize("name", RECORDINGS)
def test_recorded_closest_sign_at_every_frame(golden, name):
    arrays, targets, _ = recorded(golden, name)
    everywhere = np.stack(np.unravel_index(np.arange(arrays["closest"].size), arrays["shape"]), -1)
    detections = last_of_each_cell(spots(everywhere, np.ones(len(everywhere))))
    expected = arrays["closest"][detections.half, detections.frame, detections.event]
    np.testing.assert_array_equal(closest_sign(last_of_each_cell(targets), detections), expected)


@pytest.mark.parametrize("name", WITH_CURVES)
def test_recorded_precision_recall_points(golden, name):
    arrays, targets, detections = recorded(golden, name)
    classes = int(arrays["shape"][2])
    # Recorded at a tolerance of 10 frames, that is 5 s at 2 fps.
    curves = precision_recall(targets, detections, classes, (5,), framerate=2)
    for k, suffix in enumerate(("", "_visible", "_unshown")):
        for c in range(classes):
            ours = np.stack([curves.recall[k, 0, c], curves.precision[k, 0, c]])
            columns = (arrays[f"curve_recall{suffix}"], arrays[f"curve_precision{suffix}"])
            theirs = np.stack([column[:, c] for column in columns])
            # The original sorts its points by recall, in no defined order where recalls are equal.
            np.testing.assert_allclose(in_order(ours), in_order(theirs), **EXACT)


def in_order(points):
    return points[:, np.lexsort(points[::-1])]


def match_literally(targets, detections, reach):
    """The rule of the metric, spot by spot and detection by detection."""
    taken = set()
    for half, frame, event in sorted(keys(targets)):
        best = None
        for place, confidence in sorted(
            zip(
                zip(detections.half, detections.frame, detections.event, strict=True),
                detections.value,
                strict=True,
            )
        ):
            in_reach = place[0] == half and place[2] == event and abs(place[1] - frame) <= reach
            if in_reach and place not in taken and (best is None or confidence > best[1]):
                best = place, confidence
        if best is not None:
            taken.add(best[0])
    return taken


@pytest.mark.parametrize("seed", range(40))
def test_match_equals_literal_rule_on_dense_random_cases(seed):
    rng = np.random.default_rng(seed)
    targets = last_of_each_cell(random_spots(rng, rng.integers(0, 60), halves=3, classes=2))
    detections = random_detections(rng, rng.integers(0, 120), halves=3, classes=2)
    detections = last_of_each_cell(detections)
    detections = detections.select(detections.value >= 0)
    reach = [0, 0.5, 1, 2.5, 4, 10, 60]
    lane, number = match(targets, detections, reach)
    for i, width in enumerate(reach):
        matched = keys(detections.select(number[lane == i]))
        assert matched == match_literally(targets, detections, width), f"reach {width}"


def test_match_takes_highest_then_earliest_inside_inclusive_bounds():
    detections = last_of_each_cell(spots([(0, 8, 0), (0, 10, 0), (0, 12, 0)], [0.5, 0.1, 0.5]))
    assert match(spots([(0, 10, 0)], [1]), detections, 2)[1].tolist() == [0]
    assert match(spots([(0, 10, 0)], [1]), detections, 1.5)[1].tolist() == [1]
    assert match(spots([(0, 5, 0)], [1]), detections, 2.5)[1].tolist() == []


def test_match_is_greedy_in_time_order():
    targets = spots([(0, 20, 0), (0, 24, 0)], [-1, 1])
    detections = spots([(0, 19, 0), (0, 22, 0)], [0.5, 0.9])
    assert match(targets, detections, 2)[1].tolist() == [1]


def test_pairs_name_the_spot_that_took_each_detection():
    targets = spots([(0, 20, 0), (0, 24, 0), (0, 90, 0), (1, 20, 0)], [1] * 4)
    detections = spots([(0, 19, 0), (0, 22, 0), (0, 25, 0), (1, 21, 0)], [0.5, 0.9, 0.1, 0.3])
    taken, taker = match_pairs(targets, detections, 1)
    assert (taken.tolist(), taker.tolist()) == ([0, 2, 3], [0, 1, 3])
    taken, taker = match_pairs(targets, detections, 2)
    assert (taken.tolist(), taker.tolist()) == ([1, 2, 3], [0, 1, 3])


@pytest.mark.parametrize("swapped", ["targets", "detections"])
@pytest.mark.parametrize("rows", [[(0, 9, 0), (0, 5, 0)], [(1, 5, 0), (0, 9, 0)],
                                  [(0, 5, 1), (0, 9, 0)]])  # fmt: skip
@pytest.mark.parametrize(
    "function", [closest_sign, lambda *both: match(*both, 2), lambda *both: match_pairs(*both, 2)]
)
def test_another_order_is_refused(function, rows, swapped):
    both = {name: last_of_each_cell(spots(rows, [1, 1])) for name in ("targets", "detections")}
    function(*both.values())
    both[swapped] = spots(rows, [1, 1])
    with pytest.raises(ValueError, match=f"{swapped} must be sorted by class, half and frame"):
        function(*both.values())


@pytest.mark.parametrize("confidence", [-0.5, np.nan])
def test_detections_without_a_confidence_cannot_be_matched(confidence):
    targets, detections = spots([(0, 5, 0)], [1]), spots([(0, 5, 0), (0, 6, 0)], [0.5, confidence])
    for function in (match, match_pairs):
        with pytest.raises(ValueError, match="confidences >= 0"):
            function(targets, detections, 2)


def test_match_stays_inside_half_and_class():
    targets = last_of_each_cell(spots([(0, 59, 0), (1, 0, 1)], [1, 1]))
    others = spots([(1, 0, 0), (0, 59, 1), (0, 0, 1), (1, 59, 0)], [0.5] * 4)
    assert match(targets, last_of_each_cell(others), 1000)[1].tolist() == []


def test_matches_of_all_games_are_the_matches_of_each_game():
    rng = np.random.default_rng(0)
    targets = last_of_each_cell(random_spots(rng, 200))
    detections = last_of_each_cell(random_spots(rng, 400, values=(0.1, 0.5, 0.9)))
    together = keys(detections.select(match(targets, detections, 3)[1]))
    apart = set()
    for game in (0, 1):
        ours = detections.select(detections.half // 2 == game)
        theirs = targets.select(targets.half // 2 == game)
        apart |= keys(ours.select(match(theirs, ours, 3)[1]))
    assert together == apart


@pytest.mark.parametrize("metric", ["loose", "tight"])
def test_tolerances_at_once_equal_one_at_a_time(metric):
    rng = np.random.default_rng(1)
    targets, detections = random_spots(rng, 150), random_detections(rng, 300)
    together = ap(targets, detections, metric)
    for i, tolerance in enumerate(TOLERANCES_SECONDS[metric]):
        alone = average_map(targets, detections, 3, (tolerance,)).ap
        np.testing.assert_array_equal(together[:, i], alone[:, 0])


def test_order_of_games_does_not_matter():
    rng = np.random.default_rng(2)
    targets, detections = random_spots(rng, 150), random_detections(rng, 300)
    moved = rng.permutation(4)
    renumbered = [
        Spots(moved[part.half], part.frame, part.event, part.value)
        for part in (targets, detections)
    ]
    np.testing.assert_array_equal(ap(targets, detections), ap(*renumbered))


def test_counts_of_groups_are_those_of_each_group_alone():
    rng = np.random.default_rng(6)
    targets, detections = random_spots(rng, 150), random_detections(rng, 300)
    group = np.array([2, 0, 0, 1])
    together = count(targets, detections, 3, (1, 5), group=group)
    assert len(together.spots) == 3
    for number in range(3):
        mine = [part.select(group[part.half] == number) for part in (targets, detections)]
        alone = count(*mine, 3, (1, 5))
        for field in ("spots", "found", "correct"):
            ours, theirs = getattr(together, field)[number], getattr(alone, field)[0]
            np.testing.assert_array_equal(ours, theirs)


def test_order_inside_a_file_matters_only_in_one_cell():
    rng = np.random.default_rng(3)
    targets, detections = random_spots(rng, 150), last_of_each_cell(random_detections(rng, 300))
    shuffled = detections.select(rng.permutation(len(detections)))
    np.testing.assert_array_equal(ap(targets, detections), ap(targets, shuffled))


def test_last_of_each_cell_keeps_the_last_value_and_sorts_by_class_half_frame():
    rows = [(1, 5, 0), (0, 7, 1), (0, 9, 0), (1, 5, 0), (0, 7, 1), (0, 7, 0)]
    kept = last_of_each_cell(spots(rows, [1, 2, 3, 4, 5, 6]))
    assert list(zip(kept.event, kept.half, kept.frame, kept.value, strict=True)) == [
        (0, 0, 7, 6), (0, 0, 9, 3), (0, 1, 5, 4), (1, 0, 7, 5),
    ]  # fmt: skip
    assert len(last_of_each_cell(spots([], []))) == 0


def test_detections_below_zero_or_nan_do_not_exist():
    rng = np.random.default_rng(4)
    targets = random_spots(rng, 150)
    # One entry per cell: a dropped one would otherwise still replace an earlier one.
    detections = last_of_each_cell(random_detections(rng, 300))
    counting = detections.select(detections.value >= 0)
    assert len(counting) < len(detections)
    np.testing.assert_array_equal(ap(targets, detections), ap(targets, counting))


def test_a_dropped_detection_still_replaces_an_earlier_one_in_its_cell():
    targets = spots([(0, 10, 0)], [1])
    twice = [(0, 10, 0), (0, 10, 0)]
    assert ap(targets, spots(twice, [0.5, 0.9]), classes=1)[0].tolist() == [[1.0]] * 5
    for last in (-0.5, np.nan):
        assert ap(targets, spots(twice, [0.9, last]), classes=1)[0].tolist() == [[0.0]] * 5


def test_confidence_zero_counts_and_above_one_reaches_every_threshold():
    targets = spots([(0, 10, 0), (0, 50, 0)], [1, 1])
    curves = precision_recall(
        targets, spots([(0, 10, 0), (0, 50, 0)], [0.0, 7.0]), 1, tolerances=(1,)
    )
    assert curves.recall[0, 0, 0].tolist() == [1.0] + [0.5] * 199
    assert curves.precision[0, 0, 0].tolist() == [1.0] * 200


def test_a_confidence_reaches_its_own_threshold():
    one = spots([(0, 10, 0)], [1])
    for k in (1, 57, 198, 199):
        at = precision_recall(one, spots([(0, 10, 0)], [THRESHOLDS[k]]), 1, (1,)).recall[0, 0, 0]
        assert at.sum() == k + 1
        below = np.nextafter(THRESHOLDS[k], 0)
        assert (
            precision_recall(one, spots([(0, 10, 0)], [below]), 1, (1,)).recall.sum(-1).max() == k
        )


def test_thresholds_are_the_published_ones_to_the_last_bit():
    # k / 199 is another double for some k: just below the threshold, or it reaches it.
    quotients, published = np.arange(200) / 199, np.linspace(0, 1, 200)
    below = np.flatnonzero(quotients < published)
    assert len(below) > 0
    one = spots([(0, 10, 0)], [1])
    for k in below:
        curves = precision_recall(one, spots([(0, 10, 0)], [quotients[k]]), 1, (1,))
        assert curves.recall[0, 0, 0].sum() == k


def test_without_spots_or_without_detections_everything_is_zero():
    rng = np.random.default_rng(5)
    some, none = random_spots(rng, 20), spots([], [])
    for targets, detections in ((none, none), (some, none), (none, random_detections(rng, 20))):
        result = average_map(targets, detections, 3)
        assert not result.ap.any()
        assert [result.a_map(kind) for kind in KINDS] == [0, 0, 0]
        assert result.a_map_of_annotated() == 0


def test_class_without_spots_counts_as_zero_in_the_mean():
    targets = spots([(0, 10, 0)], [1])
    result = average_map(targets, spots([(0, 10, 0), (0, 10, 1)], [0.5, 0.5]), 4)
    assert result.per_class().tolist() == [1, 0, 0, 0]
    assert result.a_map() == 0.25
    assert result.spots.tolist() == [[1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    # Where half and class have no spot, a detection counts as unshown.
    assert result.detections.tolist() == [[1, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]]


@pytest.mark.parametrize("metric", TOLERANCES_SECONDS)
def test_perfect_detections_score_one(metric):
    # Far enough apart for 60 s at 2 fps, and every class has spots of both signs.
    rows = [(half, frame, event) for half in (0, 1) for frame in (100, 400) for event in (0, 1, 2)]
    targets = spots(rows, [1 if frame == 100 else -1 for _, frame, _ in rows])
    result = average_map(targets, spots(rows, [0.7] * 12), 3, TOLERANCES_SECONDS[metric])
    assert result.per_class().tolist() == [1, 1, 1]
    assert result.a_map("all") == result.a_map("visible") == 1
    assert result.a_map("unshown") == pytest.approx(1 if metric.startswith("at") else 17 / 13)
    assert result.a_map_of_annotated("unshown") == 1


def test_frames_per_second_scale_the_tolerance():
    targets = spots([(0, 100, 0)], [1])
    for framerate in (1, 2, 5, 25):
        for seconds in (1, 2, 5):
            at_border = 100 + int(seconds * framerate / 2)
            inside = spots([(0, at_border, 0)], [0.5])
            outside = spots([(0, at_border + 1, 0)], [0.5])
            assert average_map(targets, inside, 1, (seconds,), framerate).a_map() == 1
            assert average_map(targets, outside, 1, (seconds,), framerate).a_map() == 0


def test_border_frame_belongs_to_the_later_spot():
    targets = spots([(0, 10, 0), (0, 21, 0)], [1, -1])
    detections = spots([(0, frame, 0) for frame in (0, 14, 15, 16, 99)], [0.5] * 5)
    assert closest_sign(targets, detections).tolist() == [1, 1, -1, -1, -1]


def test_mean_over_annotated_classes_leaves_out_the_others():
    targets = spots([(0, 10, 0), (0, 10, 1), (0, 50, 1)], [1, -1, 1])
    result = average_map(targets, spots([(0, 10, 1)], [0.5]), 17, (1, 2))
    assert result.a_map_of_annotated("unshown") == 1
    assert result.a_map("unshown") == pytest.approx(1 / 13)
    assert result.a_map_of_annotated("all") == result.per_class()[:2].mean()


def test_trapezoid_mean_weighs_end_points_half():
    assert trapezoid_mean(np.array([[1.0], [2.0], [5.0]])).tolist() == [2.5]
    assert trapezoid_mean(np.array([[3.0, 4.0]])).tolist() == [3, 4]


def test_interpolated_ap_of_written_out_points():
    # Worked example 1 of the metric, class A at a small tolerance: (2/4 at 2/3) and (1 at 1/3).
    recall = np.array([2 / 3, 1 / 3, 1 / 3, 1 / 3])
    precision = np.array([1 / 2, 1 / 3, 1 / 2, 1])
    assert interpolated_ap(precision, recall) == pytest.approx((4 * 1 + 3 * 0.5) / 11, abs=1e-15)
    assert interpolated_ap(np.zeros(200), np.zeros(200)) == 0


def test_interpolated_ap_is_the_mean_of_the_best_precisions_at_eleven_recalls():
    rng = np.random.default_rng(7)
    for spots_ in (1, 3, 7, 10, 20, 30, 70, 1000):  # so that recalls meet the levels
        found = np.sort(rng.integers(1, 3 * spots_ + 1, 200))[::-1]
        correct = np.minimum(np.sort(rng.integers(0, spots_ + 1, 200))[::-1], found)
        precision, recall = correct / found, correct / spots_
        levels = (np.arange(11) / 10)[:, None]
        expected = np.where(recall >= levels, precision, 0).max(axis=1).mean()
        assert interpolated_ap(precision, recall) == pytest.approx(expected, abs=1e-15)


CELLS = st.tuples(st.integers(0, 2), st.integers(0, 30), st.integers(0, 2))
TARGETS = st.lists(st.tuples(CELLS, st.sampled_from([-1, 1])), max_size=30)
DETECTIONS = st.lists(st.tuples(CELLS, st.integers(-1, 9).map(lambda k: k / 8)), max_size=40)


def unzipped(pairs):
    return spots([cell for cell, _ in pairs], [value for _, value in pairs])


@settings(deadline=None, max_examples=80)
@given(TARGETS, DETECTIONS)
def test_scores_lie_between_zero_and_one_and_count_everything(targets, detections):
    result = average_map(unzipped(targets), unzipped(detections), 3, (1, 3, 60))
    assert ((result.ap >= 0) & (result.ap <= 1)).all()
    assert result.spots[0].sum() == len(dict(targets))
    assert result.detections[0].sum() == sum(value >= 0 for value in dict(detections).values())
    for counts in (result.spots, result.detections):
        np.testing.assert_array_equal(counts[0], counts[1] + counts[2])


@settings(deadline=None, max_examples=80)
@given(TARGETS, DETECTIONS, st.integers(1, 1000))
def test_a_shift_in_time_changes_nothing(targets, detections, shift):
    both = unzipped(targets), unzipped(detections)
    moved = [Spots(s.half, s.frame + shift, s.event, s.value) for s in both]
    one, other = (precision_recall(*pair, 3, (1, 3)) for pair in (both, moved))
    np.testing.assert_array_equal(one.precision, other.precision)
    np.testing.assert_array_equal(one.recall, other.recall)


@settings(deadline=None, max_examples=80)
@given(TARGETS, DETECTIONS)
def test_recall_falls_with_the_threshold(targets, detections):
    curves = precision_recall(unzipped(targets), unzipped(detections), 3, (1, 3))
    assert (np.diff(curves.recall, axis=-1) <= 0).all()
    assert curves.precision.min(initial=0) >= 0 and curves.precision.max(initial=0) <= 1
