"""The match as a broadcast: a spot looks as its class wants it, and the picture shows it."""

import datetime
from itertools import pairwise

import numpy as np
import pytest

from common.calibration.pitch import LENGTH, WIDTH, image_to_pitch, to_pitch
from common.data.events import V2_NAMES
from common.synthetic.camera import PICTURE
from common.synthetic.data_set import labels_v2
from common.synthetic.film.camera_crew import CameraCrew
from common.synthetic.film.cutting import cut_shots
from common.synthetic.film.figures import CARDS, Kits, draw_person
from common.synthetic.film.graphics import draw_banner
from common.synthetic.film.match_half import MatchHalf
from common.synthetic.film.plays import PLAYS, REFEREE
from common.synthetic.film.stadium import FILM, TO_FILM
from common.synthetic.film.video_file import exact_rate
from common.synthetic.game import Game, GameEvents
from common.video.sampling import counted_frames

GOAL_LINE, TOUCHLINE, POST = LENGTH / 2, WIDTH / 2, 3.66
FPS, APART = 25, 30  # seconds between two spots


def game_of(*names, visible=True, home=True, apart=APART):
    """A game whose first half has these events."""
    count = len(names)
    events = GameEvents(
        np.ones(count, int),
        np.array([round(1000 * apart * (1 + k)) + 130 * k for k in range(count)]),
        np.array([V2_NAMES.index(name) for name in names], int),
        np.full(count, home),
        np.full(count, visible),
    )
    day = datetime.datetime(2014, 8, 1, 20)
    seconds = round(apart * (count + 1)) + 10
    return Game("a/b/c", day, "Aldermoor United", "Real Montelune", "0 - 0", (seconds, 60), events)


def half_of(*names, seed=0, fps=FPS, **how):
    return MatchHalf(np.random.default_rng(seed), game_of(*names, **how), half=1, framerate=fps)


def ball_in_play(half, play, age):
    """Where the ball is in the frame of the spot, or so many seconds later, for an attack right."""
    return half.ball_at(np.array([play.time + age]))[0] * (play.sign, play.sign, 1)


def people_in_play(half, play, age=0.0):
    """Places of the play's people: its own numbers, an attack to the right."""
    return half.people_at(np.array([play.time + age]))[0][0][play.who] * play.sign


def is_goal_kick_place(ball):
    return -GOAL_LINE < ball[0] < -GOAL_LINE + 5.6 and abs(ball[1]) < 9.2


# Class: (seconds from the spot, what holds for the ball then).
BALLS = {
    "Penalty": [(0, lambda b: np.allclose(b, (GOAL_LINE - 11, 0, 0), atol=0.01)),
                (1, lambda b: b[0] > GOAL_LINE and abs(b[1]) < POST)],
    "Kick-off": [(0, lambda b: np.allclose(b, 0, atol=0.01)), (2, lambda b: b[0] < -5)],
    "Goal": [(-0.3, lambda b: b[0] < GOAL_LINE), (0.1, lambda b: b[0] > GOAL_LINE),
             (0.1, lambda b: abs(b[1]) < POST and b[2] < 2.44)],
    "Offside": [(0, lambda b: 30 < b[0] < 36)],
    "Shots on target": [(0, lambda b: b[0] < 34), (1, lambda b: b[0] > 50 and abs(b[1]) < POST)],
    "Shots off target": [(0, lambda b: b[0] < 34),
                         (1, lambda b: b[0] > GOAL_LINE and abs(b[1]) > POST)],
    "Clearance": [(-1, is_goal_kick_place), (0, is_goal_kick_place), (2, lambda b: b[0] > -15)],
    "Ball out of play": [(-0.2, lambda b: abs(b[1]) < TOUCHLINE),
                         (0.1, lambda b: abs(b[1]) > TOUCHLINE)],
    "Throw-in": [(0, lambda b: np.isclose(abs(b[1]), TOUCHLINE, atol=0.01) and b[2] > 2),
                 (1, lambda b: abs(b[1]) < TOUCHLINE - 5)],
    "Indirect free-kick": [(-1, lambda b: b[0] < 14), (0, lambda b: b[0] < 14 and b[2] == 0)],
    "Direct free-kick": [(0, lambda b: 20 <= b[0] <= 31), (1.2, lambda b: b[0] > GOAL_LINE)],
    "Corner": [(-1, lambda b: b[0] > 51.5 and abs(b[1]) > 33), (1.5, lambda b: abs(b[1]) < 10),
               (0, lambda b: b[0] > 51.5 and abs(b[1]) > 33)],
    "Substitution": [(0, lambda b: abs(b[1]) > TOUCHLINE)],
}  # fmt: skip


@pytest.mark.parametrize("home", [True, False])
@pytest.mark.parametrize("name", BALLS)
def test_the_ball_is_where_its_class_wants_it(name, home):
    for seed in range(5):
        half = half_of(name, seed=seed, home=home)
        (play,) = half.plays
        assert play.sign == (1 if home else -1)
        for age, holds in BALLS[name]:
            ball = ball_in_play(half, play, age)
            assert holds(ball), (name, age, ball)


def test_every_class_has_a_play_of_23_people_on_or_near_the_pitch():
    assert set(PLAYS) == set(V2_NAMES)
    for name in V2_NAMES:
        half = half_of(name)
        people = people_in_play(half, half.plays[0])
        assert people.shape == (25, 2)
        assert (np.abs(people[:23]) < (GOAL_LINE + 3, TOUCHLINE + 3)).all(), name


def test_everybody_stands_as_the_rules_want():
    half = half_of("Kick-off", "Direct free-kick", "Offside", "Penalty", "Corner")
    kick_off, free_kick, offside, penalty, corner = half.plays
    people = people_in_play(half, kick_off)
    assert (people[:11, 0] < 1).all() and (people[11:22, 0] > 1).all()
    people = people_in_play(half, free_kick)
    ball = ball_in_play(half, free_kick, 0)[:2]
    wall = np.abs(np.hypot(*(people[11:22] - ball).T) - 9.15) < 2.5
    assert wall.sum() >= 5
    people = people_in_play(half, offside)
    assert people[:11, 0].max() > np.sort(people[11:22, 0])[-2] + 2  # behind all but the keeper
    people = people_in_play(half, penalty)
    in_box = (people[:22, 0] > GOAL_LINE - 16.5) & (np.abs(people[:22, 1]) < 20)
    assert in_box.sum() <= 3  # who shoots, and the goalkeeper; somebody may stand on the line
    people = people_in_play(half, corner)
    assert ((people[:22, 0] > 38) & (np.abs(people[:22, 1]) < 12)).sum() >= 12


@pytest.mark.parametrize(
    ("name", "person", "kinds"),
    [
        ("Foul", 17, {-0.5: None, 0.5: "fallen"}),
        ("Yellow card", REFEREE, {-0.1: None, 0.1: "yellow", 2: "yellow"}),
        ("Red card", REFEREE, {-0.1: None, 0.1: "red", 2: "red"}),
        ("Yellow->red card", REFEREE, {-0.1: None, 0.1: "yellow", 2: "red"}),
        ("Offside", 24, {-0.5: None, 0.5: "flag"}),
        ("Goal", 9, {-0.5: None, 1: "arms"}),
    ],
)
@pytest.mark.parametrize("home", [True, False])
def test_who_shows_what(name, person, kinds, home):
    half = half_of(name, home=home)
    (play,) = half.plays
    for age, kind in kinds.items():
        assert half.poses_at(play.time + age).get(int(play.who[person])) == kind


def test_the_ball_of_a_visible_spot_lies_in_the_square_that_networks_see():
    names = [name for name in BALLS if name != "Substitution"] * 2
    half = half_of(*names)
    height, width = FILM
    for play in half.plays:
        times = np.array([play.time])
        x, y, z = half.ball_at(times)[0]
        u, v, w = TO_FILM @ half.cameras_at(times)[0] @ (x, y, z, 1)
        assert abs(u / w - width / 2) < height / 2 and 0 < v / w < height, play.event


def test_visible_spots_are_seen_and_the_others_are_not():
    names = list(V2_NAMES) * 2
    for seed in range(2):
        for apart in (5, 12):
            seen, hidden = (
                half_of(*names, seed=seed, apart=apart, visible=visible)
                for visible in (True, False)
            )
            rng = np.random.default_rng(seed)
            shots = cut_shots(rng, seen.plays, seen.frames / FPS)
            assert all(one.end <= other.begin for one, other in pairwise(shots))
            for play in seen.plays:
                kinds = {shot.kind for shot in shots if shot.begin <= play.time < shot.end}
                assert kinds <= {"board"}, play.event
            shots = cut_shots(rng, hidden.plays, hidden.frames / FPS)
            for play in hidden.plays:
                assert any(shot.begin <= play.time < shot.end for shot in shots), play.event


def test_cards_boards_and_flags_are_shown_from_near():
    wanted = {"Yellow card": "yellow", "Red card": "red", "Yellow->red card": "second yellow",
              "Offside": "flag", "Goal": "joy", "Substitution": "board"}  # fmt: skip
    half = half_of(*wanted)
    shots = cut_shots(np.random.default_rng(0), half.plays, half.frames / FPS)
    for play in half.plays:
        near = [s.kind for s in shots if s.begin < play.time + 3 and s.end > play.time]
        assert wanted[play.event] in near


def filmed(half, seed=0):
    crew = CameraCrew(np.random.default_rng(seed))
    return crew, list(crew.film(np.random.default_rng(seed), half))


@pytest.fixture(scope="module")
def film():
    half = half_of("Corner", "Yellow card", "Goal", "Foul", fps=5, apart=12)
    return half, *filmed(half)


def test_there_is_a_picture_for_every_frame(film):
    half, _, frames = film
    assert len(frames) == half.frames == 70 * 5
    assert {frame.picture.shape for frame in frames} == {(*FILM, 3)}
    assert {frame.picture.dtype for frame in frames} == {np.dtype(np.uint8)}
    assert np.allclose([frame.time for frame in frames], np.arange(len(frames)) / 5)


def test_the_scoreboard_says_what_the_labels_say(film):
    half, _, frames = film
    for spot in labels_v2(half.game)["annotations"]:
        frame = frames[int(int(spot["position"]) * 5 / 1000)]
        second_before = frames[max(0, int(int(spot["position"]) * 5 / 1000) - 5)]
        assert frame.scoreboard.startswith((spot["gameTime"], second_before.scoreboard[:9]))
    goal = next(play.time for play in half.plays if play.event == "Goal")
    for frame in frames:
        assert frame.scoreboard.endswith(f"ALD {int(frame.time >= goal)}-0 REA")


def test_boxes_lie_on_people(film):
    _, crew, frames = film
    count = 0
    for frame in frames[::10]:
        if frame.shot is not None:
            continue
        empty = crew.stadium.background(TO_FILM @ frame.camera)
        changed = (frame.picture != empty).any(axis=2)
        assert 5 <= len(frame.boxes) == len(frame.people) <= 25
        for left, top, right, bottom in frame.boxes:
            assert changed[top:bottom, left:right].mean() > 0.25
            count += 1
        covered = np.zeros(FILM, bool)
        for left, top, right, bottom in frame.boxes:
            covered[max(0, top - 12) : bottom + 3, max(0, left - 8) : right + 8] = True
        assert (changed & ~covered)[30:180].mean() < 0.004  # the ball, and who is cut at the border
    assert count > 200


def test_the_calibration_leads_from_feet_to_places(film):
    half, _, frames = film
    away = []
    for frame in frames[::10]:
        if frame.shot is not None:
            continue
        inverse = image_to_pitch(frame.camera[None][:, :, [0, 1, 3]])
        places = half.people_at(np.array([frame.time]))[0][0]
        poses = half.poses_at(frame.time)
        for (left, _, right, bottom), person in zip(frame.boxes, frame.people, strict=True):
            if left > 0 and right < FILM[1] and bottom < FILM[0] and person not in poses:
                u = (left + right) / 2 * PICTURE[1] / FILM[1]
                v = (bottom - 1) * PICTURE[0] / FILM[0]
                x, y, _ = to_pitch(inverse, np.array([u]), np.array([v]))
                away.append(np.hypot(x[0] - places[person, 0], y[0] - places[person, 1]))
    assert len(away) > 200
    assert np.median(away) < 0.4 and max(away) < 2.5  # half a pixel is 0.1 m across, 0.5 m along


def test_a_card_is_in_the_picture(film):
    half, _, frames = film
    time = next(play.time for play in half.plays if play.event == "Yellow card")
    picture = frames[int((time + 2) * 5)].picture
    assert (picture == CARDS["yellow"]).all(axis=2).sum() > 1000


def test_the_same_seed_gives_the_same_pictures():
    half = half_of("Corner", fps=5, apart=4)
    one, same, other = (filmed(half, seed)[1] for seed in (1, 1, 2))
    assert all(np.array_equal(a.picture, b.picture) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0].picture, other[0].picture)


def test_a_half_without_spots_and_one_of_a_single_frame_can_be_filmed():
    for names, fps in (((), 5), (("Goal",), 0.01)):
        half = half_of(*names, fps=fps, apart=2)
        assert len(filmed(half)[1]) == half.frames


def test_what_is_drawn_of_a_person_lies_in_his_box():
    cv2 = pytest.importorskip("cv2")
    kits = Kits(np.random.default_rng(0))
    rng = np.random.default_rng(0)
    for tall in range(5, 80, 3):
        empty = np.full((*FILM, 3), 77, np.uint8)
        picture = empty.copy()
        foot = int(rng.integers(-20, FILM[1] + 20)), int(rng.integers(10, FILM[0] + 20))
        box = draw_person(
            cv2, picture, kits, 3, foot=foot, tall=tall, stride=rng.uniform(-1, 1), pose=None
        )
        if box is None:
            assert (picture == empty).all() or not 0 < foot[0] < FILM[1]
            continue
        left, top, right, bottom = box
        outside = (picture != empty).any(axis=2)
        assert outside[top:bottom, left:right].any()
        margin = 1 + tall // 9  # legs are as thick
        outside[max(0, top - margin) : bottom + margin, max(0, left - margin) : right + margin] = (
            False
        )
        assert not outside.any()


def test_banners_say_their_class_in_colours():
    cv2 = pytest.importorskip("cv2")
    shown = set()
    for text in ("YELLOW CARD  A", "RED CARD  A", "SECOND YELLOW  A", "GOAL  A", "SUBSTITUTION  A"):
        picture = np.zeros((*FILM, 3), np.uint8)
        draw_banner(cv2, picture, text)
        shown.add(tuple((picture == CARDS[kind]).all(axis=2).sum() > 100 for kind in CARDS))
    assert shown == {(True, False), (False, True), (True, True), (False, False)}


def test_rows_show_the_frames_of_the_released_features():
    assert counted_frames(75, 12.5).tolist() == [12, 24, 37, 49, 62, 74]
    for frames in range(200):
        assert len(counted_frames(frames, 12.5)) == 2 * (frames // 25) + (frames % 25 >= 13)


@pytest.mark.parametrize(
    ("rate", "exact"),
    [(25, "25"), (29.97, "30000/1001"), (23.976, "24000/1001"), (59.94, "60000/1001"),
     (12.5, "25/2"), (5, "5"), (60, "60")],
)  # fmt: skip
def test_rates_of_broadcasts_are_exact(rate, exact):
    assert str(exact_rate(rate)) == exact
