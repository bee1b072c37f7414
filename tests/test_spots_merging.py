"""Corrections of spots into labels: what stays, goes, changes and comes."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_spots import CORNER, FOUL, GOAL, HAND, accept, entry

from common.data.events import SOCCERNET_V1, SOCCERNET_V2, V2_NAMES
from common.errors import UserError
from common.spots.comparing import Returned, compared
from common.spots.corrections import Correction, Origin, origin_of
from common.spots.merging import count, merge
from common.spots.moments import Moment
from common.spots.uniting import united


def test_accepted_and_added_spots_become_annotations_and_others_do_not():
    spots = [
        accept(GOAL),
        Correction(FOUL, "added", None),
        Correction(CORNER, "open", origin_of(CORNER)),
        Correction(HAND, "rejected", origin_of(HAND)),
    ]
    assert merge([], spots, SOCCERNET_V2, "x") == [entry(GOAL), entry(FOUL)]
    assert str(count(spots)) == (
        "1 accepted, 0 moved, 0 relabelled, 1 rejected, 1 added, 1 not looked at"
    )


def test_an_annotation_keeps_what_was_not_corrected():
    before = [entry(HAND, note="by Ann"), entry(replace(HAND, position_ms=5, label="Streaker"))]
    moved = accept(replace(HAND, position_ms=91_000, team=None, visibility=None), HAND)
    after = merge(before, [moved], SOCCERNET_V2, "x")
    assert after[0] == before[1]  # of a class that the data set does not have
    assert after[1] == {**before[0], "gameTime": "1 - 01:31", "position": "91000"}
    shown = accept(replace(HAND, visibility="visible", label="Corner"), HAND)
    (_, other) = merge(before, [shown], SOCCERNET_V2, "x")
    assert other == {**before[0], "visibility": "visible", "label": "Corner"}
    assert count([shown]).relabelled == 1 and count([moved]).moved == 1


def test_what_an_annotation_did_not_say_is_said_now():
    """Team and visibility, where its entry has no such key; that nobody knows them needs none."""
    bare = {key: entry(HAND)[key] for key in ("gameTime", "label", "position")}
    now = accept(HAND)
    assert merge([bare], [now], SOCCERNET_V2, "x") == [
        {**bare, "team": "home", "visibility": "not shown"}
    ]
    unknown = accept(replace(HAND, team="not applicable", visibility="visible"))
    assert merge([bare], [unknown], SOCCERNET_V2, "x") == [bare]


def test_rejected_annotations_go_and_rejected_detections_change_nothing():
    before = [entry(CORNER), entry(HAND)]
    assert (
        merge(before, [Correction(HAND, "rejected", origin_of(HAND))], SOCCERNET_V2, "x")
        == before[:1]
    )
    assert (
        merge(before, [Correction(GOAL, "rejected", origin_of(GOAL))], SOCCERNET_V2, "x") == before
    )


def test_what_is_accepted_near_an_annotation_is_that_annotation():
    near, far = (replace(GOAL, position_ms=90_000 + ms) for ms in (900, 1_100))
    before = [entry(HAND)]
    assert merge(before, [accept(near)], SOCCERNET_V2, "x") == before
    assert len(merge(before, [accept(far)], SOCCERNET_V2, "x")) == 2
    assert len(merge(before, [accept(near)], SOCCERNET_V2, "x", same_ms=100)) == 2
    both = [accept(near), accept(replace(GOAL, position_ms=89_500))]
    assert len(merge(before, both, SOCCERNET_V2, "x")) == 2  # it stands for one of them
    other = accept(replace(near, label="Corner"))
    assert len(merge(before, [other], SOCCERNET_V2, "x")) == 2


@pytest.mark.parametrize("label", ["Goal", "Corner"])
@pytest.mark.parametrize("away", [0, 900])
def test_an_annotation_that_was_looked_at_stands_for_what_lies_on_it(label, away):
    """Accepted as it was, moved or relabelled: it is one label with the detection beside it."""
    now = replace(HAND, position_ms=91_000, label=label)
    seen = accept(replace(now, confidence=0.8, position_ms=91_000 + away))
    for spots in ([accept(now, HAND), seen], [seen, accept(now, HAND)]):
        (left,) = once = merge([entry(HAND)], spots, SOCCERNET_V2, "x")
        assert (left["label"], left["position"], left["team"]) == (label, "91000", "home")
        assert merge(once, spots, SOCCERNET_V2, "x") == once
    assert len(merge([entry(HAND)], [accept(HAND), seen], SOCCERNET_V2, "x", same_ms=100)) == 2
    # Where it was it stands for nothing any more.
    before = accept(replace(HAND, confidence=0.8, position_ms=89_500))
    assert len(merge([entry(HAND)], [accept(now, HAND), before], SOCCERNET_V2, "x")) == 2


def test_two_at_one_time_are_one_before_an_annotation_stands_for_it():
    twice = [accept(GOAL), accept(GOAL, replace(GOAL, label="Corner"))]
    assert merge([entry(GOAL)], twice, SOCCERNET_V2, "x") == [entry(GOAL)]


def test_annotations_of_a_whole_list_stay_apart():
    before, near = [entry(GOAL)], replace(GOAL, position_ms=61_900, confidence=None)
    spots = [accept(replace(GOAL, confidence=None)), Correction(near, "added", None, apart=True)]
    assert merge(before, spots, SOCCERNET_V2, "x") == [*before, entry(near)]


def test_a_new_annotation_does_not_hide_behind_a_rejected_one():
    spots = [Correction(replace(HAND, position_ms=90_500), "added", None),
             Correction(HAND, "rejected", origin_of(HAND))]  # fmt: skip
    (left,) = merge([entry(HAND)], spots, SOCCERNET_V2, "x")
    assert left["position"] == "90500"


def test_annotations_without_a_position_are_known_by_their_clock():
    before = [{"gameTime": "1 - 01:30", "label": "soccer-ball", "team": "home"}]
    was = Origin(1, 90_000, "soccer")
    gone = Correction(Moment(1, 90_000, "soccer"), "rejected", was)
    assert merge(before, [gone], SOCCERNET_V1, "x") == []
    moved = Correction(Moment(1, 93_000, "soccer"), "accepted", was)
    (after,) = merge(before, [moved], SOCCERNET_V1, "x")
    assert after == {**before[0], "gameTime": "1 - 01:33", "position": "93000"}


def test_two_at_the_same_time_and_of_one_class_are_one():
    spots = [accept(GOAL), Correction(replace(GOAL, confidence=None), "added", None)]
    assert len(merge([], spots, SOCCERNET_V2, "x")) == 1


@pytest.mark.parametrize("minutes", [1_000, 10**300])
def test_times_that_no_clock_tells_are_refused(minutes):
    late = Correction(replace(GOAL, position_ms=60_000 * minutes), "added", None)
    with pytest.raises(UserError, match=r"minutes into half 1, and no half has 1000; correct it"):
        merge([], [late], SOCCERNET_V2, "x")


def test_files_are_united_spot_by_spot():
    """Equal spots of one file stay two; what one leaves open the other says; others are kept."""
    twice, both = [accept(GOAL), accept(GOAL)], [accept(GOAL), accept(CORNER)]
    left_open = [Correction(CORNER, "open", origin_of(CORNER))]
    assert united("g", [("a", twice), ("b", both)]) == [*twice, accept(CORNER)]
    for parts in (left_open, both), (both, left_open):
        assert {*united("g", zip("ab", parts, strict=True))} == {*both}
    known = replace(CORNER, confidence=None)  # the annotation beside the detection
    assert len(united("g", [("a", [accept(CORNER)]), ("b", [accept(known)])])) == 2


def test_files_that_differ_in_a_spot_are_told():
    moved = accept(replace(GOAL, position_ms=62_000), GOAL)
    with pytest.raises(UserError, match=r"a and b say different .*accepted as 'Goal' at 1 - 01:02"):
        united("g", [("a", [accept(GOAL)]), ("b", [moved])])


@pytest.mark.parametrize("wrong", [replace(GOAL, label="Duel"), replace(GOAL, half=3)])
def test_what_the_data_set_does_not_have_is_told(wrong):
    with pytest.raises(UserError, match=r"x: the accepted spot at . - 01:01.*expected"):
        merge([], [accept(wrong)], SOCCERNET_V2, "x")


spaced = st.lists(
    st.builds(
        Moment, st.integers(1, 2), st.integers(0, 300).map(lambda n: 20_000 * n),
        st.sampled_from(V2_NAMES[:3]), st.none() | st.floats(0, 1),
    ),
    max_size=8, unique_by=lambda m: (m.half, m.position_ms),
)  # fmt: skip
edit = st.tuples(st.sampled_from(["accepted", "rejected", "open"]), st.integers(-3_000, 3_000),
                 st.sampled_from(V2_NAMES[:3]))  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(spaced, st.data())
def test_the_same_corrections_twice_are_as_good_as_once(moments, data):
    before = [entry(each) for each in moments if each.confidence is None]
    spots = []
    for each in moments:
        state, shift, label = data.draw(edit)
        now = replace(each, position_ms=max(0, each.position_ms + shift), label=label)
        spots.append(Correction(now if state == "accepted" else each, state, origin_of(each)))
    once = merge(before, spots, SOCCERNET_V2, "x")
    assert merge(once, spots, SOCCERNET_V2, "x") == once
    kept = [s.moment for s in spots if s.state == "accepted" or
            (s.state == "open" and s.moment.confidence is None)]  # fmt: skip
    wanted = sorted((m.half, m.position_ms, m.label) for m in kept)
    assert sorted((int(e["gameTime"][0]), int(e["position"]), e["label"]) for e in once) == wanted


@settings(max_examples=30, deadline=None)
@given(spaced, spaced)
def test_compared_lists_lead_from_one_to_the_other(before, after):
    """Whatever they are: the corrections turn the labels of one into those of the other."""
    bare = [[replace(m, confidence=None) for m in each] for each in (before, after)]
    spots = compared(bare[0], [Returned(each) for each in bare[1]])
    made = merge([entry(each) for each in bare[0]], spots, SOCCERNET_V2, "x", same_ms=0)
    assert made == sorted((entry(each) for each in bare[1]),
                          key=lambda e: (e["gameTime"][0], int(e["position"])))  # fmt: skip
