"""What can be seen around a spot of each class: where the ball goes, who stands where, who shows
what, and what the broadcast cuts to.

Positions are metres, as for an attack of the acting team to the right; times are seconds from the
spot. People are numbered 0-10 the acting team (0 its goalkeeper), 11-21 the other one (11 its
goalkeeper), 22 the referee, 23 and 24 the assistants at the acting and at the other team's defence.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from common.calibration.pitch import LENGTH, WIDTH
from common.synthetic.scenes import FORMATION, SCENES

GOAL_LINE, TOUCHLINE = LENGTH / 2, WIDTH / 2
REFEREE, OWN_ASSISTANT, OTHER_ASSISTANT = 22, 23, 24
_OTHER = 11  # number of the other team's goalkeeper
_EVER = 60.0


@dataclass(frozen=True)
class Pose:
    """Somebody shows something from `begin` to `end`: fallen, arms, arm, flag, yellow or red."""

    begin: float
    end: float
    person: int
    kind: str


@dataclass(frozen=True)
class Cut:
    """What the broadcast shows instead of the main camera from `begin` to `end`.

    `kind` is yellow, red, second yellow, joy, sorrow, flag, board, player or replay; `person` who
    is seen from near.
    """

    begin: float
    end: float
    kind: str
    person: int = REFEREE


@dataclass(frozen=True)
class Play:
    """Everything around one spot.

    Attributes:
        before, after: how long everybody stands before and after the spot.
        ball: its path, [K, 4]: seconds, x, y, height. It lies still before the first of them.
        stations: (seconds, positions [23, 2]) that people stand at, and run between.
        banner: (seconds from, to, text) at the lower edge of the picture.
    """

    before: float
    after: float
    ball: NDArray[np.float64]
    stations: tuple[tuple[float, NDArray[np.float64]], ...]
    poses: tuple[Pose, ...] = ()
    cuts: tuple[Cut, ...] = ()
    banner: tuple[float, float, str] | None = None


def draw_play(rng: Generator, event: str, team: str) -> Play:
    """The play around a spot of the class `event` by a team of this name."""
    return PLAYS[event](rng, event, team)


def _path(*points: ArrayLike) -> NDArray[np.float64]:
    return np.array(points, float)


def _stand(attackers: NDArray[np.float64], defenders: NDArray[np.float64], referee: ArrayLike) \
        -> NDArray[np.float64]:  # fmt: skip
    """Positions [23, 2]; the goalkeepers are those nearest to their own goals."""
    ours, theirs = int(attackers[:, 0].argmin()), int(defenders[:, 0].argmax())
    order = np.arange(11)
    attackers = attackers[np.where(order == ours, 0, np.where(order == 0, ours, order))]
    defenders = defenders[np.where(order == theirs, 0, np.where(order == 0, theirs, order))]
    return np.concatenate([attackers, defenders, np.atleast_2d(np.asarray(referee, float))])


def _of_scene(rng: Generator, event: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ball [2] and positions [23, 2] of a scene of the match simulation."""
    ball, attackers, defenders, referee = SCENES[event](rng)
    return ball, _stand(attackers, defenders, referee)


def _open_play(rng: Generator, x: float, y: float, squeeze: float = 0.75) -> NDArray[np.float64]:
    """Two formations that have moved towards a place: [23, 2]."""
    attackers = FORMATION * (squeeze, 0.8) + (0.5 * x + 4, 0.3 * y)
    defenders = -FORMATION * (squeeze, 0.8) + (0.5 * x + 2, 0.3 * y)
    attackers[0], defenders[0] = (-46 + 0.1 * x, 0.1 * y), (50, 0.05 * y)
    both = np.concatenate([attackers, defenders]) + rng.normal(0, 1.5, (22, 2))
    return _stand(both[:11], both[11:], (x - 6, y * 0.6 + 5))


def _with(positions: NDArray[np.float64], **places: ArrayLike) -> NDArray[np.float64]:
    """The positions with some people elsewhere: p9=(x, y)."""
    moved = positions.copy()
    for name, place in places.items():
        moved[int(name[1:])] = place
    return moved


def _penalty(rng: Generator, event: str, team: str) -> Play:
    ball, stand = _of_scene(rng, event)
    side = rng.choice([-1.0, 1.0])
    path = _path((0, *ball, 0), (0.6, 53, 2.4 * side, 0.8), (_EVER, 53.5, 2.4 * side, 0.2))
    dive = _with(stand, p11=(52, -2 * side))
    return Play(9, 3, path, ((-0.2, stand), (0.7, dive)))


def _kick_off(rng: Generator, event: str, team: str) -> Play:
    _, stand = _of_scene(rng, event)
    stand[11:22, 0] = np.maximum(stand[11:22, 0], 1.5)
    path = _path((0, 0, 0, 0), (1.2, -9, 2, 0), (3, -15, -9, 0), (_EVER, -15, -9, 0))
    return Play(8, 1.5, path, ((0, stand),))


def _corner(rng: Generator, event: str, team: str) -> Play:
    ball, stand = _of_scene(rng, event)
    target = rng.uniform((43, -3), (49, 3))
    middle = (ball + target) / 2
    path = _path((0, *ball, 0), (0.6, *middle, 4), (1.3, *target, 2), (_EVER, *target, 0))
    return Play(8, 2, path, ((0, stand),))


def _throw_in(rng: Generator, event: str, team: str) -> Play:
    ball, stand = _of_scene(rng, event)
    throw = np.array([rng.uniform(3, 10), -np.sign(ball[1]) * rng.uniform(9, 15)])
    target = ball + throw
    path = _path((0, *ball, 2.2), (0.5, *(ball + target) / 2, 3), (1, *target, 0),
                 (_EVER, *target, 0))  # fmt: skip
    thrower = int(np.hypot(*(stand[:11] - ball).T).argmin())
    return Play(4.5, 1, path, ((0, stand),), (Pose(-4, 0.4, thrower, "arms"),))


def _direct_free_kick(rng: Generator, event: str, team: str) -> Play:
    ball, stand = _of_scene(rng, event)
    side = rng.uniform(-5, 5)
    path = _path((0, *ball, 0), (0.5, *(0.5 * ball + (26, side / 2)), 3.4),
                 (1.1, 53.5, side, 1.5), (_EVER, 54, side, 0))  # fmt: skip
    return Play(8, 2, path, ((0, stand),))


def _indirect_free_kick(rng: Generator, event: str, team: str) -> Play:
    x, y = rng.uniform(-25, 12), rng.uniform(-24, 24)
    target = (x + rng.uniform(12, 22), y + rng.uniform(-10, 10))
    stand = _open_play(rng, x + 6, y)
    near = np.hypot(stand[:22, 0] - x, stand[:22, 1] - y) < 9.15
    stand[:22][near] += (11, 0)
    stand = _with(stand, p5=(x - 1.2, y), p22=(x - 4, y + 5))
    path = _path((0, x, y, 0), (1.2, *target, 0), (_EVER, *target, 0))
    return Play(6, 1.5, path, ((0, stand),), (Pose(-5, 1, REFEREE, "arm"),))


def _card(rng: Generator, event: str, team: str) -> Play:
    ball, stand = _of_scene(rng, event)
    x, y = ball + 2
    path = _path((0, x, y, 0), (_EVER, x, y, 0))
    poses = {
        "Yellow card": (Pose(0, 4, REFEREE, "yellow"),),
        "Red card": (Pose(0, 5, REFEREE, "red"),),
        "Yellow->red card": (Pose(0, 1.4, REFEREE, "yellow"), Pose(1.4, 6, REFEREE, "red")),
    }[event]
    kind = {"Yellow card": "yellow", "Red card": "red", "Yellow->red card": "second yellow"}[event]
    text = {"Yellow card": "YELLOW CARD", "Red card": "RED CARD"}.get(event, "SECOND YELLOW")
    cuts = (Cut(0.6 if kind != "second yellow" else 0.2, 3.8, kind, REFEREE),)
    return Play(5, 5, path, ((0, stand),), poses, cuts, (1.5, 5.5, f"{text}  {team}"))


def _goal(rng: Generator, event: str, team: str) -> Play:
    y, side, corner = rng.uniform(-10, 10), rng.uniform(-2.8, 2.8), rng.choice([-1.0, 1.0])
    stand = _with(_open_play(rng, 46, y), p9=(36, y), p10=(42, -y), p11=(51.5, side * 0.3))
    ring = rng.uniform((-2.5, -2.5), (2.5, 2.5), (7, 2)) + np.array([45, corner * 24])
    joy = stand.copy()
    joy[4:11], joy[12:22, 0] = ring, joy[12:22, 0] - 6
    path = _path((-0.9, 37, y, 0), (0, GOAL_LINE, side, 0.8), (0.15, 54, side, 0.6),
                 (_EVER, 54, side, 0))  # fmt: skip
    poses = tuple(Pose(0.6, 8, person, "arms") for person in range(4, 11))
    cuts = (Cut(2.2, 5.2, "joy", 9), Cut(5.2, 8.6, "replay"))
    return Play(1.2, 9, path, ((0, stand), (4, joy)), poses, cuts, (2.4, 7, f"GOAL  {team}"))


def _shot(rng: Generator, event: str, team: str) -> Play:
    y = rng.uniform(-12, 12)
    on_target = event == "Shots on target"
    side = rng.uniform(-2, 2) if on_target else rng.choice([-1.0, 1.0]) * rng.uniform(6, 10)
    end = (51, side, 1.0) if on_target else (59, side, 1.5)
    stand = _with(_open_play(rng, 42, y), p9=(31.5, y), p11=(51, 0))
    after = _with(stand, p11=(51, side if on_target else 0.5 * np.sign(side)))
    path = _path((0, 32.5, y, 0), (0.9, *end), (_EVER, *end[:2], 1.0 if on_target else 0))
    cuts: tuple[Cut, ...] = ()
    if rng.random() < 0.6:
        cuts = (Cut(3, 6.2, "replay"),) if on_target else (Cut(2.2, 4.4, "sorrow", 9),)
    return Play(0.5, 3, path, ((0, stand), (0.9, after)), cuts=cuts)


def _clearance(rng: Generator, event: str, team: str) -> Play:
    ball = np.array([-47.0, rng.choice([-5.0, 5.0])])
    target = rng.uniform((2, -18), (14, 18))
    attackers = FORMATION * (0.55, 1) + (-4, 0)
    defenders = -FORMATION * (0.4, 0.9) + (-4, 0)
    defenders[0] = (44, 0)
    stand = _stand(attackers, defenders, (-8, 8))
    stand[:22] += rng.normal(0, 1.5, (22, 2))
    stand[0] = ball - (1, 0)
    path = _path((0, *ball, 0), (1.1, *(ball + target) / 2, 13), (2.2, *target, 0),
                 (_EVER, *target, 0))  # fmt: skip
    return Play(5.5, 2.2, path, ((0, stand),))


def _out_of_play(rng: Generator, event: str, team: str) -> Play:
    side, x = rng.choice([-1.0, 1.0]), rng.uniform(-38, 38)
    out = x + rng.uniform(2, 5)
    path = _path((-1.6, x, side * 20, 0), (0, out, side * (TOUCHLINE + 0.3), 0),
                 (0.8, out + 1, side * (TOUCHLINE + 3), 0),
                 (_EVER, out + 1, side * (TOUCHLINE + 3), 0))  # fmt: skip
    stand = _with(_open_play(rng, x, side * 25), p7=(x - 1, side * 20.5))
    chase = _with(stand, p7=(out - 1, side * 31), p15=(out - 3, side * 30))
    return Play(1.8, 3, path, ((-1, stand), (0.5, chase)))


def _foul(rng: Generator, event: str, team: str) -> Play:
    x, y = rng.uniform(-32, 32), rng.uniform(-24, 24)
    stand = _with(_open_play(rng, x, y), p6=(x - 3.5, y + 1), p17=(x + 0.5, y), p22=(x - 9, y + 6))
    down = _with(stand, p6=(x - 0.4, y + 0.2), p22=(x - 5, y + 4))
    stop = _with(down, p6=(x - 3, y + 2), p22=(x - 1.5, y + 1.5))
    path = _path((-1, x - 4, y - 1, 0), (0, x + 0.8, y, 0), (0.8, x + 3, y + 1, 0),
                 (_EVER, x + 3, y + 1, 0))  # fmt: skip
    cuts = (Cut(2.4, 4.6, "sorrow", 17),) if rng.random() < 0.5 else ()
    return Play(1.2, 5, path, ((-0.8, stand), (0, down), (2.5, stop)),
                (Pose(0, 6, 17, "fallen"), Pose(1, 3, REFEREE, "arm")), cuts)  # fmt: skip


def _offside(rng: Generator, event: str, team: str) -> Play:
    y = rng.uniform(-18, 18)
    stand = _open_play(rng, 20, y)
    stand[12:22, 0] = np.minimum(stand[12:22, 0], 29 + rng.normal(0, 0.4, 10))
    stand = _with(stand, p9=(35, y), p6=(13, y - 4), p11=(49, 0), p22=(16, y + 6))
    path = _path((-1.2, 14, y - 4, 0), (0, 34.4, y, 0), (0.7, 36, y, 0), (_EVER, 36, y, 0))
    poses = (Pose(-0.1, 5, OTHER_ASSISTANT, "flag"), Pose(1, 4.5, REFEREE, "arm"))
    return Play(1.4, 4, path, ((-1, stand),), poses, (Cut(0.7, 3.2, "flag", OTHER_ASSISTANT),))


def _substitution(rng: Generator, event: str, team: str) -> Play:
    x = rng.uniform(-10, 10)
    stand = _with(_open_play(rng, 0.3 * x, 12), p8=(-1.5, 30), p22=(3, 27))
    off = _with(stand, p8=(-1, 34.5))
    path = _path((0, x, TOUCHLINE + 1, 0), (_EVER, x, TOUCHLINE + 1, 0))
    cuts = (Cut(-2.4, 2.0, "board", 8),)
    return Play(5, 5, path, ((-3, stand), (2, off)), (), cuts, (-1, 5, f"SUBSTITUTION  {team}"))


PLAYS: dict[str, Callable[[Generator, str, str], Play]] = {
    "Penalty": _penalty,
    "Kick-off": _kick_off,
    "Goal": _goal,
    "Substitution": _substitution,
    "Offside": _offside,
    "Shots on target": _shot,
    "Shots off target": _shot,
    "Clearance": _clearance,
    "Ball out of play": _out_of_play,
    "Throw-in": _throw_in,
    "Foul": _foul,
    "Indirect free-kick": _indirect_free_kick,
    "Direct free-kick": _direct_free_kick,
    "Corner": _corner,
    "Yellow card": _card,
    "Red card": _card,
    "Yellow->red card": _card,
}
