"""Moments in order and above thresholds, and the clocks of halves and videos."""

from hypothesis import given
from hypothesis import strategies as st

from common.spots.moments import Moment, above, in_order
from common.spots.timing import Timing, game_time, seconds, share_a_file

GOAL = Moment(1, 61_500, "Goal", 0.8)
CORNER = Moment(2, 5_025_007, "Corner", 0.3)
BY_HAND = Moment(1, 61_500, "Corner", None, "not shown", "home")


def test_order_is_half_time_and_label():
    assert in_order([CORNER, GOAL, BY_HAND]) == [BY_HAND, GOAL, CORNER]


def test_thresholds_hold_for_detections_of_their_class():
    assert above([GOAL, CORNER, BY_HAND], {"Goal": 0.8, "Corner": 0.31}) == [GOAL, BY_HAND]
    assert above([GOAL, CORNER], {"Corner": 0.3}) == [CORNER]


def test_clocks():
    assert game_time(2, 5_025_007) == "2 - 83:45"
    assert game_time(1, 6_000_000) == "1 - 100:00"
    assert seconds(5_025_007) == "5025.007" and seconds(40) == "0.040"


def test_kick_offs_shift_moments_in_their_video():
    timing = Timing((12_500, 3_000_000), 10_000, 5_000)
    assert timing.file_ms(GOAL) == 74_000 and timing.file_ms(CORNER) == 8_025_007
    assert timing.span_ms(GOAL) == (64_000, 79_000)
    assert timing.file_ms(Moment(3, 7, "Goal")) == 7  # a half whose kick-off was not given


@given(st.integers(0, 10**7), st.integers(0, 10**5), st.integers(0, 10**5))
def test_spans_lie_in_the_video_and_last(position, lead, lag):
    start, end = Timing((), lead, lag).span_ms(Moment(1, position, "Goal"))
    assert 0 <= start <= position <= end and start < end


def test_kick_offs_tell_whether_halves_share_a_video():
    assert share_a_file((10_000, 4_000_000), [GOAL, CORNER])
    assert not share_a_file((10_000, 71_500), [GOAL, CORNER])  # the goal would be there, too
    assert not share_a_file((10_000,), [GOAL]) and not share_a_file((), [GOAL])
    assert not share_a_file((20_000, 10_000), [])
