"""What somebody has corrected in a game: a file that the page saves and labels are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.errors import UserError
from common.files import parse_json
from common.spots.label_file import as_json
from common.spots.moments import Moment

FORMAT, VERSION = "soccer-spots-corrections", 1
ACCEPTED, REJECTED, ADDED, OPEN = "accepted", "rejected", "added", "open"
_STATES = (ACCEPTED, REJECTED, ADDED, OPEN)
_FARTHEST = 2**53  # milliseconds


@dataclass(frozen=True)
class Origin:
    """Where a spot was before it was corrected, and of which class."""

    half: int
    position_ms: int
    label: str


@dataclass(frozen=True)
class Correction:
    """A spot as it is now, and what was done to it.

    Attributes:
        moment: without a confidence it was an annotation before, or was added.
        state: ACCEPTED, REJECTED, ADDED, or OPEN where nobody has looked.
        origin: as it was; None for what was added.
        apart: of a list of all annotations, in which no other one stands for it. Not in the file.
    """

    moment: Moment
    state: str
    origin: Origin | None
    apart: bool = False

    @property
    def moved(self) -> bool:
        """Whether its time is another one now."""
        was, now = self.origin, self.moment
        return was is not None and (was.half, was.position_ms) != (now.half, now.position_ms)

    @property
    def relabelled(self) -> bool:
        """Whether its class is another one now."""
        return self.origin is not None and self.origin.label != self.moment.label


@dataclass(frozen=True)
class Corrections:
    """The corrected spots of a game, in the order of their file."""

    game: str
    spots: tuple[Correction, ...]


def origin_of(moment: Moment) -> Origin:
    """The moment as what a correction starts from."""
    return Origin(moment.half, moment.position_ms, moment.label)


def format_corrections(corrections: Corrections) -> str:
    """The file as JSON, see `as_json`."""
    spots = []
    for each in corrections.spots:
        now, was = each.moment, each.origin
        spots.append(
            {
                "half": now.half,
                "position": now.position_ms,
                "label": now.label,
                "confidence": now.confidence,
                "visibility": now.visibility,
                "team": now.team,
                "state": each.state,
                "from": was and {"half": was.half, "position": was.position_ms, "label": was.label},
            }
        )
    content = {"format": FORMAT, "version": VERSION, "game": corrections.game, "spots": spots}
    return as_json(content)


def parse_corrections(content: bytes, source: str) -> Corrections:
    """What `format_corrections` or the page wrote.

    Raises UserError naming `source`, spot and field.
    """
    parsed = parse_json(content, source)
    if not is_corrections(parsed):
        raise UserError(f'{source} does not say "format": "{FORMAT}"; save the corrections again')
    if parsed.get("version") != VERSION:
        raise UserError(
            f"{source} is of version {parsed.get('version')!r} of corrections, and version "
            f"{VERSION} is read here; save it with the page of this version"
        )
    game, spots = parsed.get("game"), parsed.get("spots")
    if not isinstance(game, str) or not isinstance(spots, list):
        raise UserError(f'{source} has no "game" or no list "spots"; save the corrections again')
    read = (_parse_spot(each, f"{source}: spot {number}") for number, each in enumerate(spots))
    return Corrections(game, tuple(read))


def is_corrections(parsed: Any) -> bool:
    """Whether a parsed JSON file says that it holds corrections."""
    return isinstance(parsed, dict) and parsed.get("format") == FORMAT


def _parse_spot(spot: Any, where: str) -> Correction:
    if not isinstance(spot, Mapping):
        raise UserError(f"{where}: expected an object, found {spot!r}")
    now, confidence = _parse_origin(spot, where), spot.get("confidence")
    numeric = isinstance(confidence, int | float) and not isinstance(confidence, bool)
    if not (confidence is None or numeric):
        raise _field_error(where, "confidence", "a number or null", confidence)
    state = spot.get("state")
    if state not in _STATES:
        raise _field_error(where, "state", f"one of {', '.join(_STATES)}", state)
    was = spot.get("from")
    if (was is None) != (state == ADDED):
        raise _field_error(where, "from", "null for an added spot, and only for one", was)
    if not (was is None or isinstance(was, Mapping)):
        raise _field_error(where, "from", "an object or null", was)
    moment = Moment(
        now.half, now.position_ms, now.label, confidence,
        _text(spot, "visibility", where), _text(spot, "team", where),
    )  # fmt: skip
    return Correction(moment, str(state), None if was is None else _parse_origin(was, where))


def _parse_origin(fields: Mapping[str, Any], where: str) -> Origin:
    """Half, position and label of a spot, or of what it was."""
    half, position, label = (fields.get(key) for key in ("half", "position", "label"))
    if type(half) is not int or not 1 <= half <= 9:
        raise _field_error(where, "half", "a number from 1 to 9", half)
    if type(position) is not int or not 0 <= position <= _FARTHEST:
        raise _field_error(where, "position", "whole milliseconds from 0 on", position)
    if not isinstance(label, str) or not label:
        raise _field_error(where, "label", "a class name", label)
    return Origin(half, position, label)


def _text(fields: Mapping[str, Any], key: str, where: str) -> str | None:
    value = fields.get(key)
    if not (value is None or isinstance(value, str)):
        raise _field_error(where, key, "a text or null", value)
    return value


def _field_error(where: str, field: str, expected: str, found: Any) -> UserError:
    return UserError(f"{where}, field {field}: expected {expected}, found {found!r}; correct it")
