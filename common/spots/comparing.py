"""What was done to spots, told from how they were and how they are: for tools that do not say."""

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from common.spots.corrections import ACCEPTED, ADDED, REJECTED, Correction, Origin, origin_of
from common.spots.moments import Moment

MOVED_MS = 5_000  # a spot that is gone, of the same class and at most this far away, was moved


@dataclass(frozen=True)
class Returned:
    """A spot that came back, and what it was, if the tool has kept that."""

    moment: Moment
    origin: Origin | None = None


def compared(before: Iterable[Moment], after: Sequence[Returned]) -> list[Correction]:
    """The corrections that lead from the spots that were handed out to those that came back.

    What came back is, in this order: what it says it was (of several that say the same the one that
    is so still, or the first: others are copies); a spot of the same half, time and class;
    one of the same half and time; the nearest of its half and class within `MOVED_MS`; or added.
    Spots of which nothing came back were rejected. In the order of `after`, the rejected behind.
    """
    left = list(before)
    found: dict[int, Moment] = {}  # place in `after` -> what it was

    def pair(key_after: Callable[[Returned], Hashable], key: Callable[[Moment], Hashable]) -> None:
        places = defaultdict[Hashable, deque[Moment]](deque)
        for was in left:
            places[key(was)].append(was)
        for place, each in enumerate(after):
            if place not in found and (alike := places[key_after(each)]):
                found[place] = alike.popleft()
        left[:] = [was for alike in places.values() for was in alike]

    pair(lambda each: None if _is_other(each) else each.origin, origin_of)
    pair(lambda each: each.origin, origin_of)
    told = {origin_of(was) for was in before}
    for place, each in sorted(enumerate(after), key=lambda numbered: _is_other(numbered[1])):
        if each.origin is not None and each.origin not in told:  # of a list that was not given
            was = each.origin
            told.add(was)
            found[place] = replace(each.moment, half=was.half, position_ms=was.position_ms,
                                   label=was.label)  # fmt: skip
    pair(lambda each: origin_of(each.moment), origin_of)
    pair(lambda each: _time(each.moment), _time)
    near = _Near(left)
    for place, each in enumerate(after):
        if place not in found and (was_near := near.take(each.moment)):
            found[place] = was_near
    corrections = [_correction(each.moment, found.get(place)) for place, each in enumerate(after)]
    return [*corrections, *(Correction(was, REJECTED, origin_of(was)) for was in near.left())]


def _is_other(each: Returned) -> bool:
    """Whether its place or class is not what it says it was."""
    return each.origin != origin_of(each.moment)


def _time(moment: Moment) -> tuple[int, int]:
    return moment.half, moment.position_ms


class _Near:
    """Moments that are taken one by one, each time the nearest of the same half and class."""

    def __init__(self, moments: Sequence[Moment]) -> None:
        self._moments = dict(enumerate(moments))
        self._alike = defaultdict[tuple[int, str], list[tuple[int, int]]](list)  # time and place
        for place, each in self._moments.items():
            self._alike[each.half, each.label].append((each.position_ms, place))
        for entries in self._alike.values():
            entries.sort()

    def take(self, now: Moment) -> Moment | None:
        """The nearest, of several the first one given; None if it is too far."""
        alike = self._alike[now.half, now.label]
        behind = bisect_left(alike, (now.position_ms, -1))
        around = [behind] if behind < len(alike) else []
        if behind:
            around.append(bisect_left(alike, (alike[behind - 1][0], -1)))  # the first at that time

        def distance(index: int) -> tuple[int, int]:
            ms, place = alike[index]
            return abs(ms - now.position_ms), place

        nearest = min(around, key=distance, default=None)
        if nearest is None or distance(nearest)[0] > MOVED_MS:
            return None
        return self._moments.pop(alike.pop(nearest)[1])

    def left(self) -> Iterable[Moment]:
        """Those that were not taken, in the order given."""
        return self._moments.values()


def _correction(now: Moment, was: Moment | None) -> Correction:
    if was is None:
        return Correction(replace(now, confidence=None), ADDED, None)
    kept = replace(
        now,
        confidence=was.confidence,
        visibility=now.visibility or was.visibility,
        team=now.team or was.team,
    )
    return Correction(kept, ACCEPTED, origin_of(was))
