"""Files of other tools as corrections of what was exported to them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.errors import UserError
from common.files import parse_json
from common.spots.comparing import Returned, compared
from common.spots.corrections import Correction, Origin
from common.spots.label_studio import frame_of, middle_ms
from common.spots.moments import Moment
from common.spots.sportscode import Instance, read_sportscode
from common.spots.timing import Timing

_KIND = "timelinelabels"


@dataclass(frozen=True)
class Task:
    """A task of Label Studio: a game's video, and what somebody made of its spots.

    `spots` is None where nobody has submitted an annotation.
    """

    game: str
    spots: tuple[Correction, ...] | None


def from_sportscode(
    content: bytes, source: str, timing: Timing, half: int | None, exported: Sequence[Moment]
) -> list[Correction]:
    """Corrections that an XML edit list of one video tells.

    An instance's labels tell what it was; if it is as long as it was exported, it was moved as a
    whole or not at all. Else its spot is `lead_ms` behind its start, or where that is 0 `lag_ms`
    before its end. Spots that were deleted are known only from `exported`.

    Args:
        timing: that it was exported with; `kick_off_ms` also tells the half of instances that
            neither labels nor `half` tell, where one video holds all halves.
        half: whose video it is, if its name tells.
        exported: `moments_of` the list that was handed out; empty if it is not at hand.

    Raises:
        UserError: as `read_sportscode`; an instance whose half nothing tells.
    """
    instances = read_sportscode(content, source)
    after = [
        Returned(_moment(each, timing, _half(each, timing, half, f"{source}: instance {n}")),
                 _origin(each))
        for n, each in enumerate(instances, 1)
    ]  # fmt: skip
    return compared(exported, after)


def moments_of(content: bytes, source: str) -> list[Moment]:
    """The spots of an edit list that was exported, by its labels alone; others are left out."""
    found = []
    for each in read_sportscode(content, source):
        if (was := _origin(each)) is not None:
            found.append(Moment(was.half, was.position_ms, was.label, _confidence(each)))
    return found


def _moment(each: Instance, timing: Timing, half: int) -> Moment:
    position = max(0, _file_ms(each, timing) - timing.offset_ms(half))
    labels = each.labels
    return Moment(
        half, position, each.code, _confidence(each), labels.get("visibility"), labels.get("team")
    )


def _file_ms(each: Instance, timing: Timing) -> int:
    """When the spot of an instance is in its video."""
    if (was := _origin(each)) is not None:
        moment = Moment(was.half, was.position_ms, was.label)
        start, end = timing.span_ms(moment)
        if each.end_ms - each.start_ms == end - start:  # as it was, or moved as a whole
            return timing.file_ms(moment) + each.start_ms - start
    return each.start_ms + timing.lead_ms if each.start_ms > 0 else each.end_ms - timing.lag_ms


def _half(each: Instance, timing: Timing, half: int | None, where: str) -> int:
    told = each.labels.get("half", "")
    if told in [*"123456789"]:
        return int(told)
    if half is not None:
        return half
    at = _file_ms(each, timing)
    begun = [n for n, ms in enumerate(timing.kick_off_ms, 1) if ms <= at]
    if not begun:
        raise UserError(
            f'{where} tells no half; give it a label of the group "half", name the file …_1.xml '
            "and …_2.xml, or give --kick_off of each half"
        )
    return begun[-1]


def _origin(each: Instance) -> Origin | None:
    """What an instance's labels say that it was."""
    labels = each.labels
    half, position, label = (labels.get(key, "") for key in ("half", "position", "class"))
    if not (half in [*"123456789"] and position.isascii() and position.isdecimal() and label):
        return None
    return Origin(int(half), int(position[:15]), label)


def _confidence(each: Instance) -> float | None:
    try:
        return float(each.labels["confidence"])
    except (KeyError, ValueError):
        return None


def from_label_studio(content: bytes, source: str) -> list[Task]:
    """What the annotations of exported tasks tell, in the order of the file.

    Of several annotations of a task the last one counts that was not cancelled. A region's first
    frame is its spot; a region that is where it was exported to has its exact time.

    Raises UserError naming `source` and task: no such file, or a task that was not exported here.
    """
    parsed = parse_json(content, source)
    tasks = parsed if isinstance(parsed, list) else [parsed]
    return [_task(task, f"{source}: task {number}") for number, task in enumerate(tasks, 1)]


def is_label_studio(parsed: Any) -> bool:
    """Whether a parsed JSON file looks like tasks."""
    first = parsed[0] if isinstance(parsed, list) and parsed else parsed
    return isinstance(first, dict) and isinstance(first.get("data"), dict)


def _task(task: Any, where: str) -> Task:
    try:
        data = task["data"]
        game, half, rate = data["game"], data["half"], float(data["frame_rate"])
        kick_offs = tuple(int(each) for each in data["kick_off_ms"])
        exported = {str(each["id"]): (_exported(each), int(each["frame"]))
                    for each in data["exported"]}  # fmt: skip
        known = half is None or (type(half) is int and 1 <= half <= 9)
        if not (isinstance(game, str) and rate > 0 and known):
            raise ValueError(f"game {game!r}, half {half!r}, frame_rate {rate!r}")
        given = [each for each in task.get("annotations") or () if not each.get("was_cancelled")]
        if not given:
            return Task(game, None)
        regions = [each for each in given[-1]["result"] if each.get("type") == _KIND]
        timing = Timing(kick_offs, one_file=half is None)
        places = [_place(each) for each in regions]
        after = [
            _returned(frame, label, was, timing, half, rate)
            for (_, frame, label), was in zip(places, _meant(places, exported), strict=True)
        ]
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError) as error:
        raise UserError(
            f"{where} is not as common.export writes it and Label Studio returns it ({error!r}); "
            "export from Label Studio as JSON, not as JSON-MIN"
        ) from None
    return Task(game, tuple(compared([moment for moment, _ in exported.values()], after)))


def _exported(each: Mapping[str, Any]) -> Moment:
    confidence = each["confidence"]
    return Moment(
        int(each["half"]), int(each["position"]), str(each["label"]),
        None if confidence is None else float(confidence), each["visibility"], each["team"],
    )  # fmt: skip


def _place(region: Mapping[str, Any]) -> tuple[str, int, str]:
    """Name, first frame and class of a region."""
    value = region["value"]
    return str(region.get("id")), int(value["ranges"][0]["start"]), str(value[_KIND][0])


def _meant(
    places: Sequence[tuple[str, int, str]], exported: Mapping[str, tuple[Moment, int]]
) -> list[Moment | None]:
    """The exported spot that each region was: that of its name; else one on its frame that no
    other region was, of its class before one of another; else none: it is new.
    """
    names = {name for name, _, _ in places}
    left = defaultdict[int, list[Moment]](list)
    for name, (moment, frame) in exported.items():
        if name not in names:
            left[frame].append(moment)
    found = [exported.get(name, (None, 0))[0] for name, _, _ in places]
    for any_class in (False, True):
        for number, (_, frame, label) in enumerate(places):
            alike = (each for each in left[frame] if any_class or each.label == label)
            if found[number] is None and (was := next(alike, None)) is not None:
                found[number] = was
                left[frame].remove(was)
    return found


def _returned(
    frame: int, label: str, was: Moment | None, timing: Timing, half: int | None, rate: float
) -> Returned:
    """A region as a spot, at its exact time where it has not left the frame of what it was."""
    if was is not None and frame_of(timing.file_ms(was), rate) == frame:
        return Returned(
            Moment(was.half, was.position_ms, label, None, was.visibility, was.team),
            Origin(was.half, was.position_ms, was.label),
        )
    at = middle_ms(frame, rate)
    known = half or max((n for n, ms in enumerate(timing.kick_off_ms, 1) if ms <= at), default=1)
    moment = Moment(known, max(0, at - timing.offset_ms(known)), label)
    return Returned(moment, None if was is None else Origin(was.half, was.position_ms, was.label))
