"""Invented games: who plays when, and which events happen, in the proportions of SoccerNet-v2."""

import datetime
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from common.data.events import V2_NAMES
from common.data.games import OFFICIAL_SPLITS

HALVES = (1, 2)

# All 500 annotated games: (annotations, of which "not shown").
ANNOTATIONS = {
    "Penalty": (173, 0),
    "Kick-off": (2566, 1863),
    "Goal": (1703, 1),
    "Substitution": (2839, 498),
    "Offside": (2098, 113),
    "Shots on target": (5820, 15),
    "Shots off target": (5256, 14),
    "Clearance": (7896, 4306),
    "Ball out of play": (31810, 1360),
    "Throw-in": (18918, 5470),
    "Foul": (11674, 224),
    "Indirect free-kick": (10521, 4787),
    "Direct free-kick": (2200, 237),
    "Corner": (4836, 607),
    "Yellow card": (2047, 181),
    "Red card": (55, 1),
    "Yellow->red card": (46, 0),
}
_TOTAL, _NOT_SHOWN = np.array([ANNOTATIONS[name] for name in V2_NAMES]).T  # [C] each
_CLASS_SHARE = _TOTAL / _TOTAL.sum()
_NOT_SHOWN_SHARE = _NOT_SHOWN / _TOTAL
_RAREST_FIRST = np.argsort(_TOTAL, kind="stable")
SPOTS_PER_MINUTE = 110458 / 500 / 90
_SECOND_HALF_SHARE = 57151 / 110458
LARGEST_STOPPAGE = 0.05  # of the half
_CLOSEST_MS = 2000  # between two spots, where the half has room
CLOSEST_SEEN_MS = 5000  # where what happens shall be seen

CHAMPIONSHIPS = ("eastmark_liga-1", "northland_premier-league", "westerra_super-league")
_TEAMS = (
    "Aldermoor United",
    "Atl. Caldera",
    "Brackwater Rovers",
    "Dunholm City",
    "1. FC Tannwald",
    "Lindmoor Albion",
    "Port Aurelia",
    "Real Montelune",
    "Sporting Velmora",
    "Union Harfleet",
)
_FIRST_YEAR, _DAYS_PER_SEASON = 2014, 280


@dataclass(frozen=True)
class GameEvents:
    """The events of one game, sorted by half and time; one array entry per event."""

    half: NDArray[np.int64]  # 1 or 2
    milliseconds: NDArray[np.int64]  # inside the half
    event: NDArray[np.int64]  # class number
    home: NDArray[np.bool_]
    visible: NDArray[np.bool_]


@dataclass(frozen=True)
class Game:
    """Everything about a game that is not its features."""

    path: str  # championship/season/game
    kick_off: datetime.datetime
    home_team: str
    away_team: str
    score: str
    half_seconds: tuple[int, ...]
    events: GameEvents


def draw_game(
    seed: int,
    split: int,
    index: int,
    minutes: float,
    *,
    spots_per_minute: float = SPOTS_PER_MINUTE,
    closest_ms: int = _CLOSEST_MS,
) -> Game:
    """Game `index` of split number `split` (order of OFFICIAL_SPLITS), without its features.

    Args:
        minutes: length of a half before stoppage time.
        spots_per_minute: on average.
        closest_ms: milliseconds between two spots, where the half has room.
    """
    rng = part_generator(seed, split, index, 0)
    stoppage = rng.uniform(0, LARGEST_STOPPAGE, len(HALVES))
    seconds = tuple(max(2, int(s)) for s in minutes * 60 * (1 + stoppage))
    counts = _draw_counts(rng, index, minutes, spots_per_minute)
    events = _draw_events(rng, counts, seconds, closest_ms)
    home_team, away_team = (_TEAMS[t] for t in rng.choice(len(_TEAMS), 2, replace=False))
    goals = events.home[events.event == V2_NAMES.index("Goal")]
    score = f"{goals.sum()} - {(~goals).sum()}"
    # One day per game over all splits keeps the paths apart, however many games there are.
    season, day = divmod(len(OFFICIAL_SPLITS) * index + split, _DAYS_PER_SEASON)
    year = _FIRST_YEAR + season
    kick_off = datetime.datetime(year, 8, 1, int(rng.integers(12, 22))) + datetime.timedelta(day)
    championship = CHAMPIONSHIPS[rng.integers(len(CHAMPIONSHIPS))]
    name = f"{kick_off:%Y-%m-%d - %H-%M} {home_team} {score} {away_team}"
    path = f"{championship}/{year}-{year + 1}/{name}"
    return Game(path, kick_off, home_team, away_team, score, seconds, events)


def _draw_events(
    rng: Generator, counts: NDArray[np.int64], seconds: tuple[int, ...], closest_ms: int
) -> GameEvents:
    event = rng.permutation(np.repeat(np.arange(len(V2_NAMES)), counts))
    count = len(event)
    half = np.sort(1 + (rng.random(count) < _SECOND_HALF_SHARE))
    times = [
        _draw_times(rng, int((half == number).sum()), 1000 * length, closest_ms)
        for number, length in zip(HALVES, seconds, strict=True)
    ]
    visible = rng.random(count) >= _NOT_SHOWN_SHARE[event]
    return GameEvents(half, np.concatenate(times), event, rng.random(count) < 0.5, visible)


def _draw_counts(
    rng: Generator, index: int, minutes: float, spots_per_minute: float
) -> NDArray[np.int64]:
    """Spots per class, [C]: the real proportions, with a floor.

    The floor is one spot of each class in each game. It adds about three spots to a full game, and
    the two rarest are then ten times as frequent as in reality. In a game so short that the floor
    would be more than half of the spots, it covers fewer classes, and the games take turns.
    """
    expected = 2 * minutes * spots_per_minute
    counts = rng.multinomial(max(1, rng.poisson(expected)), _CLASS_SHARE)
    covered = min(len(V2_NAMES), int(expected / 2))
    classes = _RAREST_FIRST[(index * covered + np.arange(covered)) % len(V2_NAMES)]
    counts[classes] = np.maximum(counts[classes], 1)
    return counts


def _draw_times(rng: Generator, count: int, length_ms: int, closest_ms: int) -> NDArray[np.int64]:
    """Ascending times in 0…length_ms-1 that keep a distance."""
    gap = min(closest_ms, length_ms // (2 * max(1, count)))
    free = np.sort(rng.integers(0, length_ms - gap * count, count))
    return free + gap * np.arange(count)


def part_generator(seed: int, split: int, index: int, part: int) -> Generator:
    """Random numbers for one part of one game.

    0: its events and names; 1 and 2: the features of its halves; 3 and 4: their players; 5: how its
    films look; 6 and 7: the films of its halves; 8 and 9: how surely their cameras are known.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(split, index, part)))
