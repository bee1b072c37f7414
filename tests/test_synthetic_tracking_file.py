"""Tracking data as providers write it: the same positions come out of all formats."""

from types import SimpleNamespace

import numpy as np
import pytest
from small_tracking import PEOPLE, hawk_eye, metrica, skillcorner, sportec, tracab, walk

from common.errors import UserError
from common.synthetic.tracking import AWAY, HOME, OTHERS
from common.synthetic.tracking_file import read_tracking, tracked_match

FORMATS = {skillcorner: 10, sportec: 25, tracab: 25, metrica: 25, hawk_eye: 25}  # frames per second
named = pytest.mark.parametrize("write", FORMATS, ids=lambda write: write.__name__)


@named
def test_every_format_gives_the_positions_that_were_written(write, tmp_path):
    rate = FORMATS[write]
    halves = walk(4, rate)
    match = read_tracking(write(tmp_path, halves)[::-1])  # in either order
    for written, tracked in zip(halves, match.halves, strict=True):
        np.testing.assert_allclose(tracked.times, np.arange(len(written)) / rate, atol=1e-5)
        assert sorted(tracked.kits.tolist()) == [HOME] * 3 + [AWAY] * 2
        wanted = written * (1, -1)  # y grows to the near side
        for person in range(PEOPLE):  # in whatever order: the one who is nearest
            off = np.abs(tracked.people - wanted[:, person, None])
            k = int(np.nanmean(off, axis=(0, 2)).argmin())
            np.testing.assert_allclose(tracked.people[:, k], wanted[:, person], atol=0.011)
            assert tracked.kits[k] == (HOME if person < 3 else AWAY)
        known = np.isfinite(written[:, PEOPLE, 0])
        np.testing.assert_allclose(tracked.ball[known], wanted[known, PEOPLE], atol=0.011)


@named
def test_another_pitch_is_laid_on_ours_and_told(write, tmp_path):
    halves = [np.clip(places, -30, 30) for places in walk(4, FORMATS[write])]
    match = read_tracking(write(tmp_path, halves, 100, 64))
    told = [note for note in match.notes if "100 x 64" in note]
    assert len(told) == (0 if write is metrica else 1)  # whose CSV files hold no size


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    match, positions = skillcorner(one, walk(4, 10))
    other, text = tracab(two, walk(4, 25))
    for paths in ([match, match], [positions, text], [match, other]):
        with pytest.raises(UserError, match="expected the description of a match and its pos"):
            read_tracking(paths)
    alone = r"found match\.json, the description of SkillCorner without its frames$"
    with pytest.raises(UserError, match=alone):
        read_tracking([match])
    with pytest.raises(UserError, match="cannot be read as SkillCorner tracking data"):
        read_tracking([match, text])
    with pytest.raises(UserError, match=r"expected a file of tracking data at .*nowhere"):
        read_tracking([match, tmp_path / "nowhere"])
    positions.write_text(positions.read_text()[:-100])
    with pytest.raises(UserError, match="cannot be read as SkillCorner tracking data"):
        read_tracking([match, positions])


def frame(period, seconds, people, ball=(0, 0)):
    """A frame as kloppy gives it; `people` are (who, x, y)."""

    def point(x, y):
        return SimpleNamespace(x=x, y=y)

    return SimpleNamespace(
        period=SimpleNamespace(id=period),
        timestamp=np.timedelta64(round(1000 * seconds), "ms").astype(object),
        players_data={who: SimpleNamespace(coordinates=point(x, y)) for who, x, y in people},
        ball_coordinates=None if ball is None else point(*ball),
    )


class Person:
    def __init__(self, ground):
        self.team = ground and SimpleNamespace(ground=SimpleNamespace(name=ground))


US, THEM, ALONE = Person("HOME"), Person("AWAY"), Person(None)


def data(frames, orientation="HOME_AWAY", size=(105, 68)):
    """A dataset as kloppy gives it."""
    spans = [SimpleNamespace(min=s and -s / 2, max=s and s / 2) for s in size]
    dimensions = SimpleNamespace(x_dim=spans[0], y_dim=spans[1])
    return SimpleNamespace(
        records=frames,
        metadata=SimpleNamespace(
            orientation=SimpleNamespace(name=orientation), pitch_dimensions=dimensions
        ),
    )


def half(period, x=10.0, people=(US, THEM), y=5.0, seconds=5):
    return [frame(period, 0.5 * k, [(who, x, y) for who in people]) for k in range(2 * seconds + 1)]


def test_teams_that_never_change_sides_are_made_to():
    for orientation, side in (("HOME_AWAY", 1), ("AWAY_HOME", 1), ("STATIC_HOME_AWAY", -1)):
        match = tracked_match(data(half(1) + half(2), orientation))
        assert (match.halves[0].people == (10, -5)).all()
        assert (match.halves[1].people == (side * 10, side * -5)).all()


@pytest.mark.parametrize(("period", "word"), [(1, "second"), (2, "first")])
def test_a_half_that_is_missing_is_the_other_with_sides_changed(period, word):
    match = tracked_match(data(half(period)))
    assert f"there is no {word} half" in match.notes[0]
    first, second = (match.halves[0].people, match.halves[1].people)
    assert np.array_equal(first, -second)


def test_what_is_not_in_the_files_is_told():
    frames = half(1, people=(US, ALONE), seconds=20)
    for k in (10, 11, 12, 13):
        frames[k].players_data.clear()
    frames[30].ball_coordinates = None
    frames += half(2) + half(3)
    match = tracked_match(data(frames, size=(None, None)))
    assert match.halves[0].kits.tolist() == [HOME, OTHERS]
    text = "; ".join(match.notes)
    assert "half 1: nobody is tracked in 10% of 0.3 minutes" in text
    assert "half 1: without a ball in 3% of the time in which somebody is tracked" in text
    assert "half 1: 1 person without a team" in text
    assert "extra time is left out" in text
    assert "half 2" not in text


def test_who_is_far_away_or_nowhere_takes_no_part():
    frames = half(1, people=(US,))
    for k, place in enumerate([(70.0, 0.0), (0.0, float("inf")), (0.0, -90.0), (None, 1.0)]):
        frames[k].players_data[THEM] = SimpleNamespace(
            coordinates=SimpleNamespace(x=place[0], y=place[1])
        )
    people = tracked_match(data(frames)).halves[0].people
    assert np.isfinite(people[:, 0]).all() and np.isnan(people[:, 1]).all()


def test_frames_come_in_the_order_of_time_and_each_time_once():
    frames = half(1)
    mixed = [*frames[5:], *frames[:5], frame(1, 2.5, [(US, -1.0, 0.0)])]
    times = tracked_match(data(mixed)).halves[0].times
    assert np.array_equal(times, np.arange(11) / 2)


def test_a_file_without_players_is_refused():
    with pytest.raises(UserError, match="positions of players in period 1 or 2, found none"):
        tracked_match(data([frame(1, k, []) for k in range(9)] + half(5)))
