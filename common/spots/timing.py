"""From the clock of a half to the seconds of a video. All in whole milliseconds: no rounding."""

from collections.abc import Iterable
from dataclasses import dataclass

from common.errors import UserError
from common.results.spots_table import clock
from common.spots.moments import Moment


@dataclass(frozen=True)
class Timing:
    """Where halves begin in their videos, and how much is shown around a spot.

    Attributes:
        kick_off_ms: for each half, when its clock starts in the video; 0 for halves beyond.
        lead_ms, lag_ms: shown before and after a spot.
        one_file: all halves are in one video; else each has its own.
    """

    kick_off_ms: tuple[int, ...] = ()
    lead_ms: int = 10_000
    lag_ms: int = 10_000
    one_file: bool = False

    def offset_ms(self, half: int) -> int:
        """When the clock of a half, counted from 1, starts in its video."""
        return self.kick_off_ms[half - 1] if half <= len(self.kick_off_ms) else 0

    def file_ms(self, moment: Moment) -> int:
        """When the moment is in its video."""
        return self.offset_ms(moment.half) + moment.position_ms

    def span_ms(self, moment: Moment) -> tuple[int, int]:
        """From `lead_ms` before to `lag_ms` after it: not before the video, at least 1 ms long."""
        at = self.file_ms(moment)
        start = max(0, at - self.lead_ms)
        return start, max(start + 1, at + self.lag_ms)


def by_video(moments: Iterable[Moment], timing: Timing) -> dict[int | None, list[Moment]]:
    """The moments of each video: by half, or all under None where one video holds all halves.

    Without a moment there is one video all the same.
    """
    if timing.one_file:
        return {None: list(moments)}
    videos: dict[int | None, list[Moment]] = {}
    for each in moments:
        videos.setdefault(each.half, []).append(each)
    return videos or {1: []}


def share_a_file(kick_off_ms: tuple[int, ...], moments: Iterable[Moment]) -> bool:
    """Whether kick-offs are meant for one video that holds all halves.

    They are if there are several and each lies behind the last moment of the half before; two
    videos begin with their halves, so that their kick-offs are minutes apart at most.
    """
    last = [0] * max(2, len(kick_off_ms))
    for each in moments:
        if each.half <= len(last):
            last[each.half - 1] = max(last[each.half - 1], each.position_ms)
    ends = [start + length for start, length in zip(kick_off_ms, last, strict=False)]
    behind = [a < b for a, b in zip(ends, kick_off_ms[1:], strict=False)]
    return bool(behind) and all(behind)


def require_kick_offs(number: int, halves: int) -> None:
    """Raises UserError if there are more kick-offs than a game has halves."""
    if number > halves:
        raise UserError(
            f"--kick_off takes one number for each half, {halves} at most, found {number}"
        )


def game_time(half: int, position_ms: int) -> str:
    """As SoccerNet's labels tell it: "2 - 83:45"."""
    return f"{half} - {clock(position_ms)}"


def seconds(milliseconds: int) -> str:
    """Seconds with three decimals: 5025007 ms is "5025.007"."""
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}"
