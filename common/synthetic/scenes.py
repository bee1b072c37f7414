"""How players stand around events of the visual classes, for the match simulation."""

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from common.calibration.pitch import LENGTH, WIDTH

# A team that attacks to the right: goalkeeper, defence, midfield, attack; metres.
FORMATION = np.array(
    [(-49, 0), (-30, -20), (-32, -7), (-32, 7), (-30, 20), (-10, -22), (-12, -7), (-12, 7),
     (-10, 22), (10, -8), (10, 8)], float,
)  # fmt: skip
_SPOT, _BOX_DEPTH = 11.0, 16.5
_WALKING_SECONDS = 4.0  # to and from where a scene wants everybody


class Scene:
    """How everybody stands around one event; positions as for an attack to the right."""

    def __init__(self, rng: Generator, time: float, event: str, attacks_right: bool) -> None:
        self.time, self.attacks_right = time, attacks_right
        self.before, self.after = _STANDING[event]
        self.ball, attackers, defenders, referee = SCENES[event](rng)
        self.sign = 1.0 if attacks_right else -1.0
        self.ball = self.ball * self.sign
        positions = np.concatenate([attackers, defenders, referee[None]])
        self.positions = positions * self.sign  # [23, 2]


Stand = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def _shuffled(rng: Generator, *groups: ArrayLike) -> NDArray[np.float64]:
    positions = np.concatenate([np.atleast_2d(group) for group in groups])
    return positions + rng.normal(0, 0.6, positions.shape)


def _crowd(
    rng: Generator, count: int, x: tuple[float, float], y: tuple[float, float]
) -> NDArray[np.float64]:
    return np.stack([rng.uniform(*x, count), rng.uniform(*y, count)], axis=1)


def _penalty(rng: Generator) -> Stand:
    ball = np.array([LENGTH / 2 - _SPOT, 0.0])
    edge = LENGTH / 2 - _BOX_DEPTH
    attackers = _shuffled(
        rng, ball[None] - np.array([2.5, 0]), _crowd(rng, 6, (edge - 4, edge - 1), (-16, 16)),
        _crowd(rng, 3, (0, 15), (-20, 20)), [(-45, 0)],
    )  # fmt: skip
    defenders = _shuffled(
        rng, [(LENGTH / 2, 0)], _crowd(rng, 7, (edge - 4, edge - 1), (-16, 16)),
        _crowd(rng, 3, (10, 25), (-20, 20)),
    )  # fmt: skip
    return ball, attackers, defenders, np.array([edge + 3, 9.0])


def _kick_off(rng: Generator) -> Stand:
    attackers = FORMATION * (0.75, 1.0) - (4, 0)
    attackers[9], attackers[10] = (-0.8, 0.5), (-2.5, -3.0)
    defenders = -FORMATION * (0.75, 1.0) + (6, 0)
    return np.zeros(2), _shuffled(rng, attackers), _shuffled(rng, defenders), np.array([-4.0, 6.0])


def _corner(rng: Generator) -> Stand:
    side = rng.choice([-1.0, 1.0])
    ball = np.array([LENGTH / 2 - 0.5, side * (WIDTH / 2 - 0.5)])
    near = LENGTH / 2 - 2, LENGTH / 2 - 12
    attackers = _shuffled(
        rng, [ball], _crowd(rng, 6, near[::-1], (-8, 8)), _crowd(rng, 3, (20, 34), (-15, 15)),
        [(-40, 0)],
    )  # fmt: skip
    defenders = _shuffled(
        rng, [(LENGTH / 2 - 1, 0)], _crowd(rng, 8, near[::-1], (-8, 8)),
        _crowd(rng, 2, (15, 32), (-10, 10)),
    )  # fmt: skip
    return ball, attackers, defenders, np.array([LENGTH / 2 - 16, -side * 10])


def _throw_in(rng: Generator) -> Stand:
    side = rng.choice([-1.0, 1.0])
    x = rng.uniform(-40, 45)
    ball = np.array([x, side * WIDTH / 2])
    inside = side * (WIDTH / 2 - 4), side * (WIDTH / 2 - 16)
    band = (min(inside), max(inside))
    attackers = _shuffled(
        rng, ball + np.array([0, side * 0.8]), _crowd(rng, 4, (x - 12, x + 12), band),
        FORMATION[:6] * 0.6 + (x * 0.6, 0),
    )  # fmt: skip
    defenders = _shuffled(
        rng, _crowd(rng, 5, (x - 12, x + 14), band), -FORMATION[:6] * 0.6 + (x * 0.6, 0)
    )
    return ball, attackers, defenders, np.array([x - 6, side * 12])


def _direct_free_kick(rng: Generator) -> Stand:
    ball = np.array([rng.uniform(20, 31), rng.uniform(-20, 20)])
    goal = np.array([LENGTH / 2, 0.0])
    away = (goal - ball) / np.linalg.norm(goal - ball)
    across = np.array([-away[1], away[0]])
    wall = ball + 9.15 * away + across * np.linspace(-1.6, 1.6, 5)[:, None]
    line = ball[0] + 12
    attackers = _shuffled(
        rng, [ball - away, ball - 2 * away + across], _crowd(rng, 5, (line, line + 3), (-14, 14)),
        _crowd(rng, 3, (0, 12), (-20, 20)), [(-42, 0)],
    )  # fmt: skip
    defenders = _shuffled(rng, [goal - (1, 0)], wall, _crowd(rng, 5, (line, line + 4), (-14, 14)))
    return ball, attackers, defenders, ball - 3 * across


def _card(rng: Generator) -> Stand:
    place = np.array([rng.uniform(-35, 35), rng.uniform(-25, 25)])
    ring = rng.uniform(0, 2 * np.pi, 9)
    crowd = place + np.stack([np.cos(ring), np.sin(ring)], axis=1) * rng.uniform(1, 4, (9, 1))
    attackers = _shuffled(rng, crowd[:5], FORMATION[:6] * 0.7 + (0.4 * place[0], 0))
    defenders = _shuffled(rng, crowd[5:], -FORMATION[:7] * 0.7 + (0.4 * place[0], 0))
    return place, attackers, defenders, place


SCENES = {
    "Penalty": _penalty,
    "Kick-off": _kick_off,
    "Corner": _corner,
    "Throw-in": _throw_in,
    "Direct free-kick": _direct_free_kick,
    "Yellow card": _card,
    "Red card": _card,
    "Yellow->red card": _card,
}
# How long everybody stands before and after the event, seconds.
_STANDING = {
    "Penalty": (25, 1),
    "Kick-off": (15, 0),
    "Corner": (12, 1),
    "Throw-in": (4, 0),
    "Direct free-kick": (18, 1),
    "Yellow card": (8, 4),
    "Red card": (12, 12),
    "Yellow->red card": (12, 10),
}


def presence(scene: Scene, rows: int, framerate: float) -> tuple[slice, NDArray[np.float64]]:
    """Frames around a scene, and how much everybody already (or still) stands as it wants."""
    begins = scene.time - scene.before - _WALKING_SECONDS
    ends = scene.time + scene.after + _WALKING_SECONDS
    first = min(rows, max(0, int(begins * framerate)))
    last = max(first, min(rows, int(ends * framerate) + 1))
    age = np.arange(first, last) / framerate
    rise = np.clip((age - begins) / _WALKING_SECONDS, 0, 1)
    fall = np.clip((ends - age) / _WALKING_SECONDS, 0, 1)
    return slice(first, last), np.minimum(rise, fall)
