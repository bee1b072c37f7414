"""Spots as subtitles, which every player shows: WebVTT and SubRip."""

from collections.abc import Iterable

from common.spots.moments import Moment
from common.spots.timing import Timing
from common.spots.wording import one_line, percent

_TAG_LIKE = str.maketrans({"<": "\u2039", "{": "(", "}": ")"})  # SubRip has no way to escape them


def webvtt(moments: Iterable[Moment], timing: Timing) -> str:
    """The moments of one video as WebVTT: a cue each from lead before to lag after its spot.

    Cues come by their beginning and count from 1. Times are HH:MM:SS.mmm, hours of two digits or
    more. The text is the class and " (87%)", the confidence; control characters become spaces,
    `& < >` entities. A cue is three lines and an empty one, after the line WEBVTT and an empty one.
    """
    cues = _cues(moments, timing, ".")
    texts = (
        f"{number}\n{times}\n{_entities(one_line(moment.label))}{percent(moment.confidence)}\n\n"
        for number, times, moment in cues
    )
    return "WEBVTT\n\n" + "".join(texts)


def srt(moments: Iterable[Moment], timing: Timing) -> str:
    """The moments of one video as SubRip: as `webvtt`, but times are HH:MM:SS,mmm.

    Players take <…> and {…} for commands, and there is no way to escape them: `<` becomes
    U+2039, `{}` become (), and the > of an arrow --> in a name U+203A.
    """
    texts = (
        f"{number}\n{times}\n{_without_tags(one_line(moment.label))}{percent(moment.confidence)}\n\n"
        for number, times, moment in _cues(moments, timing, ",")
    )
    return "".join(texts)


def _cues(
    moments: Iterable[Moment], timing: Timing, point: str
) -> Iterable[tuple[int, str, Moment]]:
    """Number, line of times and moment of each cue."""
    timed = sorted(moments, key=lambda each: timing.span_ms(each)[0])
    for number, moment in enumerate(timed, 1):
        start, end = timing.span_ms(moment)
        yield number, f"{_time(start, point)} --> {_time(end, point)}", moment


def _time(milliseconds: int, point: str) -> str:
    minutes, rest = divmod(milliseconds, 60_000)
    whole = f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}"
    return f"{whole}{point}{rest % 1000:03d}"


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _without_tags(text: str) -> str:
    return text.translate(_TAG_LIKE).replace("-->", "--\u203a")
