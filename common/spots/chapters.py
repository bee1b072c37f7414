"""Chapters of a video on YouTube: lines for its description."""

from collections.abc import Iterable

from common.spots.moments import Moment
from common.spots.timing import Timing
from common.spots.wording import one_line

LEAST_CHAPTERS = 3  # of fewer YouTube shows none
SHORTEST_SECONDS = 10
LONGEST_TEXT = 5000  # characters of a description
_START = "Start"
_BRACKETS = str.maketrans("<>", "\u2039\u203a")  # which a description may not hold


def chapters(moments: Iterable[Moment], timing: Timing) -> list[tuple[int, str]]:
    """Second and title of each chapter of one video, the first at 0, ten seconds apart or more.

    A chapter begins lead before its spot, in whole seconds (rounded down). A spot that would begin
    one within ten seconds of the chapter before joins that, with its class behind a comma, once.
    """
    found: list[tuple[int, list[str]]] = [(0, [_START])]
    for moment in sorted(moments, key=lambda each: timing.span_ms(each)[0]):
        second = timing.span_ms(moment)[0] // 1000
        title = one_line(moment.label).translate(_BRACKETS)
        if second >= found[-1][0] + SHORTEST_SECONDS:
            found.append((second, [title]))
        elif title not in found[-1][1]:
            found[-1][1].append(title)
    return [(second, ", ".join(titles)) for second, titles in found]


def youtube(moments: Iterable[Moment], timing: Timing) -> str:
    """The chapters as text, a line each: "0:00 Start", "12:34 Goal", "1:02:03 Corner, Goal".

    Control characters become spaces, `< >` U+2039 and U+203A. There may be fewer chapters than
    YouTube asks for, `LEAST_CHAPTERS`.
    """
    return "".join(f"{_stamp(at)} {title}\n" for at, title in chapters(moments, timing))


def _stamp(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
