"""Positions of a real match: at any time, on our pitch, and through the virtual camera."""

import numpy as np
import orjson
import pytest
from small_tracking import skillcorner, walk
from test_synthetic import digests

from common.calibration.pitch import CIRCLE, LENGTH, PENALTY_AREA, WIDTH, to_pitch
from common.calibration.players import CONFIDENT, player_files, read_players
from common.calibration.top_view import TopView
from common.doctor.__main__ import main as doctor
from common.errors import UserError
from common.synthetic.__main__ import main
from common.synthetic.data_set import FEATURE_FILE, write_data_set
from common.synthetic.game import GameEvents
from common.synthetic.players import draw_tracked_players
from common.synthetic.tracking import (
    AWAY,
    HOME,
    OTHERS,
    TrackedHalf,
    TrackedMatch,
    on_pitch,
    watched,
)
from common.synthetic.tracking_file import read_tracking

VIEW = TopView(calibration=True)
PIXEL = np.array([LENGTH / 0.95 / VIEW.width, WIDTH / 0.95 / VIEW.height])  # metres
NOTHING = GameEvents(*np.zeros((3, 0), int), *np.zeros((2, 0), bool))
MINUTES = 0.5


def moving(times, people=5, seed=0):
    """People who walk from random places on the pitch, each at a speed of their own."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(-1, 1, (people, 2)) * (45, 28)
    speed = rng.uniform(-0.1, 0.1, (people, 2))
    places = start + np.asarray(times)[:, None, None] * speed
    kits = np.array([HOME, AWAY, HOME, AWAY, OTHERS])[:people]
    return TrackedHalf(np.asarray(times, float), places.astype(np.float32), places[:, 0], kits)


def test_between_two_frames_everybody_goes_straight():
    half = moving(np.arange(0, 20, 0.04))
    other = moving(np.arange(0, 20, 0.5))  # the same walk at another rate
    times = np.arange(0, 19, 0.37)
    people, ball, present = half.at(times)
    assert people.shape == (len(times), 5, 2) and present.all()
    np.testing.assert_allclose(people, other.at(times)[0], atol=1e-4)
    np.testing.assert_allclose(ball, people[:, 0], atol=1e-4)
    exact, *_ = half.at(half.times)
    assert np.array_equal(exact.astype(np.float32), half.people)


def test_who_is_missing_on_one_side_is_missing_between():
    half = moving([0.0, 0.5, 1.0])
    half.people[1, 2] = np.nan
    people, _, present = half.at(np.array([0.0, 0.25, 0.5, 0.75, 1.0]))
    assert np.isnan(people[:, 2, 0]).tolist() == [False, True, True, True, False]
    assert not np.isnan(np.delete(people, 2, axis=1)).any()
    assert present.all()


def test_nobody_is_tracked_in_a_gap_nor_outside():
    half = moving([0.0, 1.0, 3.0, 3.5])
    _, ball, present = half.at(np.array([-0.1, 0.0, 0.5, 1.0, 2.0, 3.0, 3.5, 3.6]))
    assert present.tolist() == [False, True, True, True, False, True, True, False]
    assert np.array_equal(np.isfinite(ball[:, 0]), present)


def test_lines_of_another_pitch_come_to_lie_on_ours():
    depth, breadth = PENALTY_AREA
    length, width = 100.0, 64.0
    places = np.array(
        [(50, 32), (-50, -32), (0, 0), (50 - depth, breadth / 2), (CIRCLE, 0), (52, -35)],
        np.float32,
    )
    wanted = [
        (52.5, 34),
        (-52.5, -34),
        (0, 0),
        (52.5 - depth, breadth / 2),
        (CIRCLE, 0),
        (54.5, -37),
    ]
    placed, told = on_pitch(places, length, width)
    np.testing.assert_allclose(placed, wanted, atol=1e-5)
    assert "100 x 64" in told
    line = np.stack([np.linspace(-60, 60, 400)] * 2, axis=1).astype(np.float32)
    assert (np.diff(on_pitch(line, length, width)[0], axis=0) > 0).all()
    same, nothing = on_pitch(places, LENGTH, WIDTH)
    assert same is places and nothing == ""
    assert np.isnan(on_pitch(np.full((1, 2), np.nan, np.float32), length, width)[0]).all()


@pytest.mark.parametrize("size", [(1, 1), (10500, 6800), (float("nan"), 68)])
def test_a_pitch_in_other_units_is_refused(size):
    with pytest.raises(UserError, match="of a pitch in metres, found one of"):
        on_pitch(np.zeros((1, 2), np.float32), *size)


def test_the_camera_looks_at_the_ball_or_else_at_the_players():
    people = np.array([[[0, 0], [4, 8]], [[2, 2], [np.nan] * 2], [[np.nan] * 2] * 2], float)
    ball = np.array([[1, 2], [np.nan] * 2, [np.nan] * 2], float)
    assert watched(people, ball).tolist() == [[1, 2], [2, 2], [2, 2]]
    assert watched(people[2:], ball[2:]).tolist() == [[0, 0]]


def filmed(folder, tracked, framerate=2, events=NOTHING):
    """The whole of a half as a program reads it from its files."""
    rows = int(tracked.seconds * framerate) + 1
    contents = draw_tracked_players(
        np.random.default_rng(0), tracked, events, half=1, rows=rows, framerate=framerate
    )
    for name, content in zip(player_files(), contents, strict=True):
        (folder / f"1_{name}").write_bytes(orjson.dumps(content))
    return read_players(folder, 1), rows


def whole_boxes(players, frame):
    """Boxes of a frame that no border cuts, and the places of their feet in metres."""
    height, width = players.box_picture
    number, _ = players.boxes_of(np.array([frame]))
    box = players.boxes[number].astype(float)
    whole = (box[:, 0] > 0) & (box[:, 2] < width) & (box[:, 3] < height) & (box[:, 1] > 0)
    number, box = number[whole], box[whole]
    inverses = np.repeat(players.inverses[frame][None], len(box), axis=0)
    x, y, _ = to_pitch(inverses, (box[:, 0] + box[:, 2]) / 2, box[:, 3])
    return number, np.stack([x, y], axis=1)


def in_picture(players, frame, places):
    """Numbers of the people [n, 2] who stand in the picture of a frame, far from its borders."""
    ground = np.c_[places, np.ones(len(places))] @ np.linalg.inv(players.inverses[frame]).T
    u, v = ground[:, :2].T / ground[:, 2]
    height, width = players.camera_picture
    inside = (np.abs(u - width / 2) < width / 2 - 60) & (np.abs(v - height / 2) < height / 2 - 120)
    return {*np.flatnonzero(inside).tolist()}


@pytest.mark.parametrize(("length", "width"), [(105, 68), (100, 66)])
def test_players_of_tracking_data_are_where_they_are(tmp_path, length, width):
    """Within half a pixel of the top view, there and in the boxes."""
    match = read_tracking(skillcorner(tmp_path, walk(40, 10), length, width))
    tracked = match.halves[0]
    players, rows = filmed(tmp_path, tracked)
    people, _, _ = tracked.at(np.arange(rows) / 2)
    sure = np.flatnonzero(players.calibrated(np.arange(rows), CONFIDENT))
    pictures = VIEW.draw(players, sure)
    boxes = found = visible = shown = 0
    for frame, picture in zip(sure, pictures, strict=True):
        number, feet = whole_boxes(players, frame)
        off = np.abs(feet[:, None] - people[frame]) / PIXEL  # [boxes, people, 2]
        owner = np.nanargmin(off.max(axis=2), axis=1)
        assert (off[np.arange(len(owner)), owner] <= 0.5).all()
        assert len(set(owner.tolist())) == len(owner)
        # Blue is brightest in the shirts of the home team, green in those of the away team.
        shirts = players.colours[number].argmax(axis=1)
        assert np.array_equal(shirts == 2, tracked.kits[owner] == HOME)
        at = np.rint((people[frame][owner] / (LENGTH, WIDTH) * 0.95 + 0.5) * (64, 32)).astype(int)
        for column, row in at:
            around = picture[max(0, row - 1) : row + 1, max(0, column - 1) : column + 1]
            found += bool(around.any())
        boxes += len(owner)
        inside = in_picture(players, frame, people[frame])
        visible, shown = visible + len(inside), shown + len(inside & {*owner.tolist()})
    assert len(sure) > rows / 2
    assert found == boxes > len(sure)
    assert 0.9 * visible < shown < visible  # a few get no box


def test_frames_without_anybody_are_replays(tmp_path):
    tracked = moving(np.arange(0, 60, 0.1))
    tracked.people[200:300] = np.nan
    players, rows = filmed(tmp_path, tracked)
    hidden = np.arange(40, 60)
    assert not players.calibrated(hidden, CONFIDENT).any()
    boxes = players.boxes[players.boxes_of(hidden)[0]]
    assert len(boxes) == 3 * len(hidden)
    assert (boxes[:, 3] - boxes[:, 1] > 300).all()  # from near
    assert players.calibrated(np.arange(rows), CONFIDENT).mean() > 0.4


def test_a_single_person_and_any_rate_will_do(tmp_path):
    tracked = moving(np.arange(0, 12, 0.1), people=1)
    for framerate in (1, 25):
        players, rows = filmed(tmp_path, tracked, framerate)
        assert len(players.confidences) == rows
        assert np.isfinite(players.boxes).all()


@pytest.fixture
def files(tmp_path):
    return skillcorner(tmp_path, walk(40, 10))


def test_the_doctor_accepts_the_tree(files, tmp_path, capsys):
    out = tmp_path / "data"
    words = ["--out", str(out), "--tracking", *map(str, files), "--games", "1", "1", "1", "1",
             "--dim", "16"]  # fmt: skip
    main(words)
    printed = capsys.readouterr().out
    assert "Wrote 1 train, 1 valid, 1 test, 1 challenge games" in printed
    assert "the spots show in them alone" in printed and "--backbone_player" in printed
    checked = ["--SoccerNet_path", str(out), "--features", FEATURE_FILE, "--players"]
    assert doctor(checked) == 0
    assert "0 with errors" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"--minutes 1 is longer .* up to 0\.63 can be filmed"):
        main([*words, "--minutes", "1", "--overwrite"])
    with pytest.raises(UserError, match="--video films plays"):
        main([*words[:-2], "--video", "--overwrite"])


def test_only_the_players_differ_from_a_simulated_league(tmp_path):
    match = TrackedMatch((moving(np.arange(0, 40, 0.1)), moving(np.arange(0, 50, 0.2), seed=1)))
    for name, more in (("real", {"tracking": match}), ("simulated", {"players": True})):
        write_data_set(tmp_path / name, (1, 0, 0, 1), MINUTES, 16, **more)
    real, simulated = digests(tmp_path / "real"), digests(tmp_path / "simulated")
    assert real.keys() == simulated.keys()
    differ = {path for path in real if real[path] != simulated[path]}
    assert differ == {path for path in real if path.endswith(player_files())}
    assert len(differ) == 8


def test_a_match_of_two_seconds_is_refused():
    with pytest.raises(UserError, match="at least 3 seconds of a half, found 2;"):
        TrackedMatch((moving([0.0, 1.0, 2.0]),) * 2)
