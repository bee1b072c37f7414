"""Which frames become rows: the published count in one line, the spec's formula, and timestamps."""

import numpy as np
import pytest

from common.video.sampling import (
    RowCounter,
    Sampling,
    counted_frames,
    counting_rate,
    published_rate,
)


def rows_of(sampling, rate, begins, last=0.04):
    """Numbers of the frames that become rows, each as often as it does."""
    counter = RowCounter(sampling, rate)
    ends = [*begins[1:], begins[-1] + last]
    return [
        number
        for number, (begin, end) in enumerate(zip(begins, ends, strict=True), 1)
        for _ in range(counter.rows(number, begin, end))
    ]


def even(count, rate):
    return np.arange(count) / rate


def test_the_published_frames():
    assert rows_of(Sampling(), 25.0, even(60, 25)) == [13, 25, 38, 50]


@pytest.mark.parametrize("count", [1, 12, 13, 24, 25, 26, 37, 38, 49, 50, 1000, 1013])
def test_rows_of_a_length(count):
    assert len(rows_of(Sampling(), 25.0, even(count, 25))) == 2 * (count // 25) + (count % 25 >= 13)


@pytest.mark.parametrize("rate", [23.976, 25, 30000 / 1001, 30, 50, 59.94, 9.3, 25 / 3])
@pytest.mark.parametrize("framerate", [2.0, 1, 25 / 3])
@pytest.mark.parametrize(("start", "duration"), [(None, None), (3.3, None), (10, 12.34), (None, 7)])
def test_counting_is_the_published_line(rate, framerate, start, duration):
    frames = range(1, 1500)
    begin = start or 0
    expected = [
        i
        for i in frames
        if i % (rate / framerate) < 1
        and not i < rate * begin
        and not (duration is not None and i > rate * (begin + duration))
    ]
    sampling = Sampling(framerate=framerate, start=start, duration=duration)
    assert rows_of(sampling, rate, even(len(frames), rate)) == expected


@pytest.mark.parametrize("rate", [24, 25, 29.97, 50, 60])
def test_timestamps_of_an_even_video_give_the_counted_frames(rate):
    begins = even(2000, rate)
    counted = rows_of(Sampling(), rate, begins, 1 / rate)
    assert rows_of(Sampling(), None, begins, 1 / rate) == counted


def test_a_row_shows_the_picture_at_the_end_of_its_time():
    rng = np.random.default_rng(0)
    begins = np.cumsum(rng.choice([0.01, 0.04, 0.3, 1.7], 300))
    begins -= begins[0]
    shown = rows_of(Sampling(), None, begins)
    moments = (np.arange(len(shown)) + 1) / 2
    # Just before a moment the last picture that has begun is on screen.
    assert shown == np.searchsorted(begins, moments - 1e-6, side="left").tolist()
    assert len(shown) == int((begins[-1] + 0.04) * 2)


def test_part_of_a_video_without_even_frames():
    begins = np.array([0, 0.1, 2.0, 2.1, 4.0])
    whole = rows_of(Sampling(), None, begins)
    assert whole == [2, 2, 2, 2, 4, 4, 4, 4]
    assert rows_of(Sampling(start=1.0), None, begins) == whole[1:]  # seconds 1, 1.5, …
    assert rows_of(Sampling(start=1.2, duration=1.3), None, begins) == whole[2:5]


def test_fewer_frames_than_rows_are_repeated():
    assert counting_rate(1.0, 10.0, even(10, 1), 2.0) is None
    assert rows_of(Sampling(), None, even(3, 1), 1.0) == [1, 1, 2, 2, 3, 3]


def test_frames_that_the_length_promises_are_taken_to_be_spread():
    assert published_rate(25.0, 40.0, 1000) == published_rate(25.0, 40.0, 998) == 25.0
    assert published_rate(25.0, 40.0, 997) == 998 / 40
    assert published_rate(25.0, None, 10) == 25.0


def test_the_published_count_holds_where_it_tells_the_time():
    assert counting_rate(25.0, 40.0, even(1000, 25), 2) == 25.0
    assert counting_rate(25.0, 40.9, even(1000, 25), 2) == 1001 / 40.9  # sound goes on a little
    assert counting_rate(25.0, 100.0, even(1000, 25), 2) is None  # a tail is lost
    slower = np.concatenate([even(500, 30), 500 / 30 + even(500, 15)])
    assert counting_rate(30.0, float(slower[-1]), slower, 2) is None


def test_frames_lost_on_the_way_put_the_clock_in_charge():
    begins = np.concatenate([even(250, 25), 15 + even(250, 25)])  # five seconds are lost
    shown = rows_of(Sampling(), 25.0, begins)
    assert shown[:20] == rows_of(Sampling(), 25.0, even(250, 25))
    assert len(shown) == 50
    assert abs(begins[shown[-1] - 1] - 25) < 0.05


def test_after_the_end_nothing_is_wanted():
    for rate in (25.0, None):
        counter = RowCounter(Sampling(start=1, duration=2), rate)
        assert not counter.is_over(75, 74 / 25)
        assert counter.is_over(77, 76 / 25)
        assert not RowCounter(Sampling(), rate).is_over(10**9, 1e9)


@pytest.mark.parametrize("rate", [10, 15, 24000 / 1001, 24, 25, 30000 / 1001, 30, 50, 60])
@pytest.mark.parametrize("framerate", [1, 2, 5])
def test_all_frames_at_once_are_those_that_are_counted_one_by_one(rate, framerate):
    counter = RowCounter(Sampling(framerate=framerate), rate)
    one_by_one = [n for n in range(3000) if counter.rows(n + 1, n / rate, (n + 1) / rate)]
    assert counted_frames(3000, rate / framerate).tolist() == one_by_one
