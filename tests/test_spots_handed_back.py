"""What Sportscode and Label Studio hand back: corrections of what they were given."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_spots import CORNER, FOUL, GOAL, HAND, accept, entry

from common.data.events import SOCCERNET_V2, V2_NAMES
from common.errors import UserError
from common.spots.corrections import Correction, origin_of
from common.spots.handed_back import (
    from_label_studio,
    from_sportscode,
    is_label_studio,
    moments_of,
)
from common.spots.label_studio import Film, label_studio
from common.spots.merging import count, merge
from common.spots.moments import Moment
from common.spots.sportscode import sportscode
from common.spots.timing import Timing, seconds

TIMING = Timing((5_000, 7_500), 10_000, 5_000)
GAME = [CORNER, GOAL]


def coded(moments, timing=TIMING):
    return sportscode(moments, timing, V2_NAMES).encode()


def test_edit_lists_that_nobody_changed_say_accepted():
    """Also spots so near to the beginning that their lead is cut."""
    spots = from_sportscode(coded(GAME), "x", TIMING, None, moments_of(coded(GAME), "x"))
    assert spots == [accept(each) for each in GAME]
    whole = Timing((5_000, 100_000), 10_000, 5_000, one_file=True)
    both = [*GAME, FOUL]
    assert from_sportscode(coded(both, whole), "x", whole, None, []) == [*map(accept, both)]


around = st.sampled_from([0, 1, 999, 1_000, 10_000])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 3) | st.integers(0, 20_000), st.integers(1, 2), around, around, around,
       st.booleans(), st.integers(0, 15_000))  # fmt: skip
def test_instances_come_back_from_the_borders_of_a_half(ms, half, kick_off, lead, lag, one, by):
    """Those that nobody touched exactly, and those that were moved by as much as they were."""
    timing = Timing((kick_off, kick_off + 30_000 * one), lead, lag, one_file=one)
    was = Moment(half, ms, "Goal", 0.9)
    text = coded([was], timing)
    assert from_sportscode(text, "x", timing, None, []) == [accept(was)]
    (start, end), now = timing.span_ms(was), replace(was, position_ms=ms + by)
    moved = text.decode().replace(f"<end>{seconds(end)}", f"<end>{seconds(end + by)}")
    moved = moved.replace(f"<start>{seconds(start)}", f"<start>{seconds(start + by)}")
    assert from_sportscode(moved.encode(), "x", timing, None, []) == [accept(now, was)]


def test_edit_lists_tell_what_was_changed():
    text = coded(GAME).decode()
    first, second = text.index("<instance>"), text.rindex("<instance>")
    # The goal begins a second later and is a penalty; the corner is deleted.
    goal = text[second:].replace("<start>56.500", "<start>57.500")
    changed = text[:first] + goal.replace("<code>Goal", "<code>Penalty", 1)
    was = moments_of(coded(GAME), "x")
    spots = from_sportscode(changed.encode(), "x", TIMING, 1, was)
    now = replace(GOAL, position_ms=62_500, label="Penalty")
    assert spots == [accept(now, GOAL), Correction(CORNER, "rejected", origin_of(CORNER))]


NEW = b"""<file><ALL_INSTANCES><instance><ID>7</ID><start>98.5</start><end>113.5</end>
<code>Foul</code></instance></ALL_INSTANCES></file>"""


def test_new_instances_find_their_half():
    assert from_sportscode(NEW, "x", TIMING, 2, []) == [
        Correction(Moment(2, 101_000, "Foul"), "added", None)
    ]
    whole = Timing((5_000, 100_000), 10_000, 5_000, one_file=True)
    assert from_sportscode(NEW, "x", whole, None, [])[0].moment == Moment(2, 8_500, "Foul")
    with pytest.raises(UserError, match="x: instance 1 tells no half"):
        from_sportscode(NEW, "x", Timing(), None, [])


def tasks(*moments, half=1):
    film = Film("m.mp4", half, moments)
    text = label_studio("a/game", [film], TIMING, frame_rate=25, model="Mine")
    return json.loads(text)


def submitted(task, *regions):
    """The task as Label Studio returns it: an annotation beside the predictions."""
    return {
        **task,
        "id": 3,
        "annotations": [{"id": 5, "was_cancelled": False, "result": [*regions]}],
    }


def region(frame, label, name="Xy12"):
    value = {"ranges": [{"start": frame, "end": frame}], "timelinelabels": [label]}
    return {"id": name, "type": "timelinelabels", "value": value, "origin": "manual"}


def test_label_studio_returns_what_was_exported():
    (task,) = tasks(CORNER, GOAL)
    regions = task["predictions"][0]["result"]
    back = json.dumps([submitted(task, *regions)]).encode()
    assert is_label_studio(json.loads(back))
    (read,) = from_label_studio(back, "x")
    assert read.game == "a/game" and read.spots == (accept(CORNER), accept(GOAL))


def test_label_studio_tells_what_was_changed():
    (task,) = tasks(CORNER, GOAL, HAND)
    goal = task["predictions"][0]["result"][1]["value"]["ranges"][0]["start"]
    changed = submitted(
        task, region(goal + 25, "Goal"), region(2376, "Penalty"), region(3000, "Foul")
    )
    (read,) = from_label_studio(json.dumps([changed]).encode(), "x")
    moved, other, new, gone = read.spots
    assert moved == accept(replace(GOAL, position_ms=62_500), GOAL)
    assert other == accept(replace(HAND, label="Penalty"), HAND)
    assert (new.state, new.moment) == ("added", Moment(1, 114_980, "Foul"))
    assert gone == Correction(CORNER, "rejected", origin_of(CORNER))


@pytest.mark.parametrize("was", [GOAL, replace(GOAL, confidence=None)])
@pytest.mark.parametrize("first", [True, False])
def test_a_new_region_on_the_frame_of_another_spot_is_new(was, first):
    """Of another class, drawn by somebody; the annotation of that frame stays what it is."""
    (task,) = tasks(was)
    (old,) = task.get("predictions", task.get("annotations"))[0]["result"]
    both = [old, region(old["value"]["ranges"][0]["start"], "Penalty")]
    back = json.dumps([submitted(task, *(both[::-1] if first else both))]).encode()
    (read,) = from_label_studio(back, "x")
    assert str(count(read.spots)) == "1 accepted, 0 moved, 0 relabelled, 0 rejected, 1 added"
    kept, new = merge([entry(GOAL, by="Ann")], read.spots, SOCCERNET_V2, "x")
    assert kept == entry(GOAL, by="Ann")
    assert (new["label"], new["position"]) == ("Penalty", "61500")


def test_regions_of_new_names_are_what_is_left_on_their_frames():
    """Where somebody drew all anew: each that of its class, and the other one the other."""
    other = replace(GOAL, label="Corner", position_ms=GOAL.position_ms + 5)
    (task,) = tasks(GOAL, other)
    frame = task["data"]["exported"][0]["frame"]
    assert frame == task["data"]["exported"][1]["frame"]
    drawn = [region(frame, "Penalty"), region(frame, "Goal"), region(frame, "Foul")]
    (read,) = from_label_studio(json.dumps([submitted(task, *drawn)]).encode(), "x")
    assert read.spots[:2] == (accept(replace(other, label="Penalty"), other), accept(GOAL))
    assert read.spots[2].state == "added"


@pytest.mark.parametrize("exported", [True, False])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("was", [GOAL, replace(GOAL, confidence=None)])
def test_a_copy_of_an_instance_is_new(exported, first, was):
    """Its labels tell the spot that it was copied from, which stays what it is."""
    text = coded([was]).decode()
    begin, end = text.index("        <instance>"), text.index("    </ALL_INSTANCES>")
    copy = text[begin:end].replace("<code>Goal", "<code>Penalty", 1)
    two = text[:begin] + copy + text[begin:] if first else text[:end] + copy + text[end:]
    before = moments_of(text.encode(), "x") if exported else []
    spots = from_sportscode(two.encode(), "x", TIMING, 1, before)
    assert str(count(spots)) == "1 accepted, 0 moved, 0 relabelled, 0 rejected, 1 added"
    made = merge([entry(GOAL, by="Ann")], spots, SOCCERNET_V2, "x")
    assert sorted(made, key=lambda each: each["label"]) == [
        entry(GOAL, by="Ann"), entry(replace(GOAL, label="Penalty"))
    ]  # fmt: skip


def test_tasks_that_nobody_annotated_say_nothing():
    (task,) = tasks(CORNER)
    cancelled = submitted(task)
    cancelled["annotations"][0]["was_cancelled"] = True
    read = from_label_studio(json.dumps([task, cancelled, submitted(task)]).encode(), "x")
    assert [each.spots for each in read] == [
        None, None, (Correction(CORNER, "rejected", origin_of(CORNER)),)
    ]  # fmt: skip


@pytest.mark.parametrize("value", [{"ranges": []}, {"timelinelabels": []}, {"ranges": [{}]}])
def test_regions_without_a_place_or_a_class_are_told(value):
    (task,) = tasks(CORNER)
    wrong = region(5, "Corner")
    wrong["value"] |= value
    with pytest.raises(UserError, match="x: task 1 is not as"):
        from_label_studio(json.dumps([submitted(task, wrong)]).encode(), "x")


@pytest.mark.parametrize("half", [0, 10, 1.0, True, "1"])
def test_a_half_that_is_no_number_of_one_is_told(half):
    (task,) = tasks(CORNER)
    task["data"]["half"] = half
    with pytest.raises(UserError, match="x: task 1 is not as"):
        from_label_studio(json.dumps([submitted(task, region(5, "Corner"))]).encode(), "x")


@pytest.mark.parametrize("wrong", [{}, {"data": {}}, {"data": {"video": "m.mp4"}}])
def test_other_tasks_are_told(wrong):
    with pytest.raises(UserError, match=r"x: task 1 is not as common.export writes it.*JSON-MIN"):
        from_label_studio(json.dumps([wrong]).encode(), "x")
