"""One spot, and those of a game: what a page shows, an export writes and a correction changes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class Moment:
    """A detection or an annotation.

    Attributes:
        half: 1, 2, …
        position_ms: milliseconds from the kick-off of the half.
        label: name of the class.
        confidence: of a detection; None for an annotation.
        visibility: "visible" or "not shown"; None where nobody has said.
        team: "home", "away" or "not applicable"; None where nobody has said.
        written: label as the file has it, where that is not the class's name: "y-card" of "card".
    """

    half: int
    position_ms: int
    label: str
    confidence: float | None = None
    visibility: str | None = None
    team: str | None = None
    written: str | None = None


@dataclass(frozen=True)
class GameMoments:
    """The detections and the annotations of a game, each by half, position and label.

    `game` is its path in the split, "league/season/game", or the name of files spotted in.
    """

    game: str
    detections: tuple[Moment, ...] = ()
    annotations: tuple[Moment, ...] = ()


def in_order(moments: Iterable[Moment]) -> list[Moment]:
    """By half, position and label; of equal ones the first stays first."""
    return sorted(moments, key=lambda each: (each.half, each.position_ms, each.label))


def above(moments: Iterable[Moment], thresholds: Mapping[str, float]) -> list[Moment]:
    """Those at or above the threshold of their class, and all annotations.

    Detections of a class that has no threshold are left out.
    """
    return [
        each
        for each in moments
        if each.confidence is None or each.confidence >= thresholds.get(each.label, inf)
    ]
