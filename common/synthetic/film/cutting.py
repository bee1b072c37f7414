"""What a broadcast shows when: the main camera, but for close-ups and replays.

A visible spot is always seen by the main camera, or by the close-up that belongs to it; one that
is "not shown" happens while the picture shows something else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from common.synthetic.film.match_half import StagedPlay

_SHORTEST_CUT = 0.8
_GUARD_BEFORE, _GUARD_AFTER = 2.0, 1.0  # seconds around a visible spot that others' cuts leave free
_HIDING = 2.2  # seconds before and after a spot that is not shown
_JUMP_SECONDS, _QUIET_SECONDS = 2.0, 8.0
_OLDEST_REPLAY = 30.0
REPLAY_SPEED = 0.5
_REPLAY_LEAD = 1.5  # seconds before the spot at which its replay begins


@dataclass(frozen=True)
class Shot:
    """From `begin` to `end` seconds the picture shows `kind` (see `plays.Cut`).

    Attributes:
        person: of the half, who is seen from near.
        source: time of the half at which a replay begins.
    """

    begin: float
    end: float
    kind: str
    person: int = 22
    source: float = 0.0


def cut_shots(rng: Generator, plays: Sequence[StagedPlay], seconds: float) -> list[Shot]:
    """All shots that are not the main camera's, in the order of time, without overlap."""
    seen = np.array([play.time for play in plays if play.visible])
    wanted = [*_own(plays, seen), *_hiding(rng, plays, seen), *_bridges(rng, plays, seconds)]
    shots: list[Shot] = []
    last = 0.0
    for shot in sorted(wanted, key=lambda each: (each.begin, each.end)):
        begin, end = max(shot.begin, last), min(shot.end, seconds)
        if end - begin >= _SHORTEST_CUT:
            shots.append(Shot(begin, end, shot.kind, shot.person, shot.source))
            last = end
    return shots


def _room(time: float, seen: np.ndarray) -> tuple[float, float]:
    """Between which times a cut around `time` leaves the other visible spots free."""
    before, after = seen[seen < time], seen[seen > time]
    return (
        before[-1] + _GUARD_AFTER if len(before) else 0.0,
        after[0] - _GUARD_BEFORE if len(after) else np.inf,
    )


def _own(plays: Sequence[StagedPlay], seen: np.ndarray) -> Iterator[Shot]:
    """Close-ups and replays that belong to visible plays."""
    for play in plays:
        least, most = _room(play.time, seen)
        for cut in play.play.cuts if play.visible else ():
            begin, end = play.time + cut.begin, play.time + cut.end
            source = play.time - _REPLAY_LEAD
            person = int(play.who[cut.person])
            yield Shot(max(begin, least), min(end, most), cut.kind, person, source)


def _hiding(rng: Generator, plays: Sequence[StagedPlay], seen: np.ndarray) -> Iterator[Shot]:
    """What is shown while something happens that is not shown."""
    for play in plays:
        if play.visible:
            continue
        before, after = seen[seen < play.time], seen[seen > play.time]
        begin = max(play.time - _HIDING, (before[-1] + play.time) / 2 if len(before) else 0)
        end = min(play.time + _HIDING, (after[0] + play.time) / 2 if len(after) else np.inf)
        person, again = int(rng.integers(22)), rng.random() < 0.5
        if again and len(before) and play.time - before[-1] < _OLDEST_REPLAY:
            yield Shot(begin, end, "replay", person, before[-1] - _REPLAY_LEAD)
        else:
            yield Shot(begin, end, "player", person)


def _bridges(rng: Generator, plays: Sequence[StagedPlay], seconds: float) -> Iterator[Shot]:
    """Close-ups that bridge sudden changes of place, and some while little happens."""
    ends = [0.0, *(play.end for play in plays)]
    begins = [*(play.begin for play in plays), seconds]
    for number, (end, begin) in enumerate(zip(ends, begins, strict=True)):
        person, chance, part = int(rng.integers(22)), rng.random(), rng.random()
        quiet = begin - end
        if 0 < number < len(plays) and quiet < _JUMP_SECONDS:
            middle = (plays[number - 1].time + plays[number].time) / 2
            reach = min(0.7, (plays[number].time - plays[number - 1].time) / 4)
            yield Shot(middle - reach, middle + reach, "player", person)
        elif quiet > _QUIET_SECONDS and chance < 0.6:
            start = end + part * (quiet - 4)
            yield Shot(start, start + 3, "player", person)
