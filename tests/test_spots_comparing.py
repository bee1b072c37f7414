"""What was done to spots, told from two lists of them."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from common.spots.comparing import MOVED_MS, Returned, compared
from common.spots.corrections import Correction, origin_of
from common.spots.moments import Moment

GOAL = Moment(1, 61_500, "Goal", 0.9)
CORNER = Moment(1, 4_000, "Corner", 0.7)
FOUL = Moment(2, 30_000, "Foul", 0.6)


def accept(now, was):
    return Correction(now, "accepted", origin_of(was))


def test_comparing_tells_what_was_done():
    moved = replace(GOAL, position_ms=GOAL.position_ms + MOVED_MS)
    other = replace(CORNER, label="Penalty")
    new = replace(FOUL, position_ms=FOUL.position_ms + MOVED_MS + 1)
    spots = compared([GOAL, CORNER, FOUL], [Returned(each) for each in (moved, other, new)])
    assert spots == [
        accept(moved, GOAL), accept(other, CORNER),
        Correction(replace(new, confidence=None), "added", None),
        Correction(FOUL, "rejected", origin_of(FOUL)),
    ]  # fmt: skip


places = st.lists(st.tuples(st.integers(1, 2), st.integers(0, 12), st.sampled_from("ab")))


@settings(max_examples=200, deadline=None)
@given(places, places)
def test_the_nearest_left_was_moved(before, after):
    """Of several equally near the first one given; told apart here by their confidences."""
    given = [Moment(half, 1000 * at, label, n / 100) for n, (half, at, label) in enumerate(before)]
    moved = [Moment(half, 1000 * at + 500, label) for half, at, label in after]
    left = [given[n] for n in sorted(range(len(given)), key=lambda n: _first_alike(given, n))]
    wanted = []
    for now in moved:
        near = [each for each in left if (each.half, each.label) == (now.half, now.label)
                and abs(each.position_ms - now.position_ms) <= MOVED_MS]  # fmt: skip
        if near:
            was = min(near, key=lambda each: abs(each.position_ms - now.position_ms))
            left.remove(was)
            wanted.append(accept(replace(now, confidence=was.confidence), was))
        else:
            wanted.append(Correction(now, "added", None))
    wanted += [Correction(each, "rejected", origin_of(each)) for each in left]
    assert compared(given, [Returned(each) for each in moved]) == wanted


def _first_alike(given, n):
    """Those of one half and time stand together, where the first of them is; so do equal ones."""
    times = [(each.half, each.position_ms) for each in given]
    spots = [origin_of(each) for each in given]
    return times.index(times[n]), spots.index(spots[n]), n
