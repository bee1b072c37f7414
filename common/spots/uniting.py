"""The corrections of a game from several files: no spot twice, and no two words on one."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

from common.errors import UserError
from common.spots.corrections import OPEN, REJECTED, Correction, origin_of
from common.spots.timing import game_time


def united(game: str, parts: Iterable[tuple[str, Sequence[Correction]]]) -> list[Correction]:
    """The corrections of all files, each spot once, in their order.

    Two files mean the same spot if it was at the same time, of the same class, and a detection or
    an annotation in both: the first such spot of one file is the first of the other. An added spot
    is the same at the same time and of the same class. Where one file leaves a spot open, the other
    one counts.

    Args:
        parts: name and corrections of each file.

    Raises:
        UserError: two files say different things of a spot.
    """
    found: dict[Hashable, tuple[str, Correction]] = {}
    for source, spots in parts:
        seen: Counter[Hashable] = Counter()
        for each in spots:
            known = _known_by(each)
            seen[known] += 1
            earlier, before = found.get((known, seen[known]), (source, None))
            if before is None or before.state == OPEN:
                found[known, seen[known]] = source, each
            elif each.state != OPEN and _said(each) != _said(before):
                at = each.origin or origin_of(each.moment)
                raise UserError(
                    f"{earlier} and {source} say different things of {at.label!r} at "
                    f"{game_time(at.half, at.position_ms)} of {game}: {_in_words(before)}, and "
                    f"{_in_words(each)}; give one of them"
                )
    return [each for _, each in found.values()]


def _known_by(each: Correction) -> Hashable:
    """What is the same of a spot in all files."""
    if each.origin is None:
        return origin_of(each.moment)
    return each.origin, each.moment.confidence is None


def _said(each: Correction) -> Hashable:
    """What was said of a spot."""
    return each.state, None if each.state == REJECTED else origin_of(each.moment)


def _in_words(each: Correction) -> str:
    now = each.moment
    if each.state == REJECTED:
        return each.state
    return f"{each.state} as {now.label!r} at {game_time(now.half, now.position_ms)}"
