"""Corrections into the annotations of a label file."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from common.data.events import EventClasses
from common.data.label_tally import classes_in_words
from common.data.labels import whole_number
from common.errors import UserError
from common.spots.corrections import (
    ACCEPTED,
    ADDED,
    OPEN,
    REJECTED,
    Correction,
    Origin,
    origin_of,
)
from common.spots.label_file import UNKNOWN_TEAM, UNKNOWN_VISIBILITY, annotation_of
from common.spots.moments import Moment
from common.spots.timing import game_time

LATEST_MS = 1000 * 60_000  # a clock of labels has three digits of minutes
SAME_MS = 1_000  # what is accepted this near to an annotation of its class is that annotation


@dataclass(frozen=True)
class CorrectionCounts:
    """What was done to spots. One that was moved and got another class counts in both."""

    accepted: int = 0
    moved: int = 0
    relabelled: int = 0
    rejected: int = 0
    added: int = 0
    open: int = 0

    def __add__(self, other: "CorrectionCounts") -> "CorrectionCounts":
        return CorrectionCounts(
            *(getattr(self, f.name) + getattr(other, f.name) for f in fields(self))
        )

    def __str__(self) -> str:
        words = (f"{getattr(self, f.name)} {f.name}" for f in fields(self)[:-1])
        return ", ".join(words) + (f", {self.open} not looked at" if self.open else "")


def count(spots: Iterable[Correction]) -> CorrectionCounts:
    """How many were accepted as they were, moved, relabelled, rejected, added, or not looked at."""
    total = CorrectionCounts()
    for each in spots:
        changed = each.state == ACCEPTED and (each.moved or each.relabelled)
        total += CorrectionCounts(
            accepted=each.state == ACCEPTED and not changed,
            moved=each.state == ACCEPTED and each.moved,
            relabelled=each.state == ACCEPTED and each.relabelled,
            rejected=each.state == REJECTED,
            added=each.state == ADDED,
            open=each.state == OPEN,
        )
    return total


def merge(
    entries: Sequence[dict[str, Any]],
    spots: Sequence[Correction],
    classes: EventClasses,
    source: str,
    same_ms: int = SAME_MS,
) -> list[dict[str, Any]]:
    """The entries of a label file after corrections, by half and position.

    A corrected spot without a confidence whose origin is an annotation is that annotation: rejected
    it goes, moved or relabelled it changes, and what else its entry holds stays. Other accepted and
    added spots become entries; two at the same time and of the same class become one. Where an
    annotation of their class, as it is by then, is within `same_ms`, it stands for one of them,
    unless that is `apart`. Open spots and rejected detections change nothing.

    Args:
        entries: "annotations" of a file that `parse_labels` has read; those of classes that the
            data set does not have stay as they are.
        source: names the corrections in the error.

    Raises:
        UserError: an accepted or added spot is of no class of the data set, in no half of it, or
            later than the clock of a label can tell.
    """
    for each in spots:
        if each.state in (ACCEPTED, ADDED):
            _require_known(each, classes, source)
    annotations = _corrected(entries, spots, classes, same_ms)
    new = _added([_origin(entry, classes) for entry in annotations], spots, same_ms)
    return sorted([*annotations, *new], key=time_of)


def _corrected(
    entries: Sequence[dict[str, Any]],
    spots: Sequence[Correction],
    classes: EventClasses,
    same_ms: int,
) -> list[dict[str, Any]]:
    """The annotations after what was done to them, and accepted ones that were not in the file."""
    kept: list[dict[str, Any] | None] = [dict(entry) for entry in entries]
    free = _Free([_origin(entry, classes) for entry in entries])
    nameless: list[Moment] = []
    for each in sorted(filter(_is_annotation, spots), key=lambda spot: spot.state != REJECTED):
        place = None if each.origin is None else free.that(each.origin)
        entry = None if place is None else kept[place]
        if place is not None and entry is not None and each.state != OPEN:
            kept[place] = entry | _changed(each, entry) if each.state == ACCEPTED else None
            free.take(place)
        elif each.state == ACCEPTED:
            nameless.append(each.moment)
    new: dict[Origin, dict[str, Any]] = {}
    for moment in nameless:  # such as those that were moved by an earlier run on the same files
        if (place := free.near(moment, same_ms)) is not None:
            free.take(place)
        else:
            new.setdefault(origin_of(moment), annotation_of(moment))
    return [*filter(None, kept), *new.values()]


def _added(
    annotations: Sequence[Origin | None], spots: Sequence[Correction], same_ms: int
) -> list[dict[str, str]]:
    """Entries of accepted detections and added spots for which no annotation stands."""
    free = _Free(annotations)
    new: dict[Origin, dict[str, str] | None] = {}
    for each in spots:
        now = origin_of(each.moment)
        if each.state not in (ACCEPTED, ADDED) or _is_annotation(each) or now in new:
            continue
        place = None if each.apart else free.near(each.moment, same_ms)
        new[now] = annotation_of(each.moment) if place is None else None
        if place is not None:
            free.take(place)
    return [entry for entry in new.values() if entry is not None]


def _is_annotation(each: Correction) -> bool:
    """Whether it is of one that was there before."""
    return each.moment.confidence is None and each.origin is not None


def time_of(entry: Mapping[str, Any]) -> tuple[int, int]:
    """Half and position in milliseconds of an annotation that `parse_labels` has read."""
    half, _, clock = entry["gameTime"].partition(" - ")
    if "position" in entry:
        return int(half), whole_number(entry["position"])
    minutes, seconds = map(int, clock.split(":"))
    return int(half), 1000 * (60 * minutes + seconds)


def _origin(entry: Mapping[str, Any], classes: EventClasses) -> Origin | None:
    """What corrections know an annotation by; None where its class is none of the data set's."""
    event = classes.index(entry["label"])
    return Origin(*time_of(entry), classes.names[event]) if event >= 0 else None


class _Free:
    """Annotations that no correction has taken yet, by their places in a list."""

    def __init__(self, known: Sequence[Origin | None]) -> None:
        self._known = dict(enumerate(known))
        self._alike: dict[Origin, list[int]] = defaultdict(list)
        self._rows: dict[tuple[int, str], list[tuple[int, int]]] = defaultdict(list)
        for place, was in enumerate(known):
            if was is not None:
                self._alike[was].append(place)
                insort(self._rows[was.half, was.label], (was.position_ms, place))

    def that(self, was: Origin) -> int | None:
        """The first that is the same in all."""
        return next(iter(self._alike.get(was, ())), None)

    def near(self, now: Moment, same_ms: int) -> int | None:
        """The nearest of the half and class that is at most `same_ms` away, the earlier of two."""
        row, ms = self._rows.get((now.half, now.label), []), now.position_ms
        first, last = (bisect_left(row, (at, -1)) for at in (ms - same_ms, ms + same_ms + 1))
        nearest = min(row[first:last], key=lambda each: abs(each[0] - ms), default=None)
        return None if nearest is None else nearest[1]

    def take(self, place: int) -> None:
        """It is there for no other correction any more."""
        if (was := self._known[place]) is not None:
            self._alike[was].remove(place)
            self._rows[was.half, was.label].remove((was.position_ms, place))


def _changed(each: Correction, entry: Mapping[str, Any]) -> dict[str, str]:
    """What of an annotation's entry is another now."""
    now = annotation_of(each.moment)
    changed: dict[str, str] = {}
    if each.moved:
        changed |= {key: now[key] for key in ("gameTime", "position")}
    if each.relabelled or each.moment.written is not None:
        changed["label"] = now["label"]
    for key, said, unsaid in (
        ("team", each.moment.team, UNKNOWN_TEAM),
        ("visibility", each.moment.visibility, UNKNOWN_VISIBILITY),
    ):
        # An entry that does not say it need not say that nobody knows.
        if said is not None and (key in entry or said != unsaid):
            changed[key] = said
    return changed


def _require_known(each: Correction, classes: EventClasses, source: str) -> None:
    now = each.moment
    if now.position_ms >= LATEST_MS:
        raise UserError(
            f"{source}: the {each.state} spot of {now.label!r} is {now.position_ms / 60_000:.4g} "
            f"minutes into half {now.half}, and no half has {LATEST_MS // 60_000}; correct it, or "
            "give --kick_off and --lead as they were exported"
        )
    where = f"{source}: the {each.state} spot at {game_time(now.half, now.position_ms)}"
    if now.label not in classes.names:
        raise UserError(
            f"{where} is of the class {now.label!r}; expected {classes_in_words(classes)}; add the "
            "class to classes.json of the data, or correct it"
        )
    if now.half > classes.halves:
        raise UserError(f"{where}: expected halves 1 to {classes.halves}")
