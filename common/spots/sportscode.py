"""XML edit lists: Sportscode and what reads its files (Nacsport, LongoMatch, kloppy and others)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.parsers import expat

from common.errors import UserError
from common.spots.moments import Moment
from common.spots.timing import Timing, clock, seconds
from common.spots.wording import confidence_text, one_line

_COLOURS = (  # red, green, blue from 0 to 255, one after the other for the classes
    (214, 69, 65), (46, 117, 182), (84, 150, 62), (237, 163, 49), (128, 90, 170), (30, 150, 150),
    (200, 90, 150), (120, 90, 60), (100, 110, 125), (170, 190, 50), (70, 80, 200), (230, 120, 80),
    (20, 100, 70), (160, 40, 90), (90, 170, 220), (200, 170, 110), (60, 60, 70), (150, 120, 230),
    (130, 160, 130), (245, 200, 80),
)  # fmt: skip
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


@dataclass(frozen=True)
class Instance:
    """A stretch of video that somebody coded: times in milliseconds of the file."""

    start_ms: int
    end_ms: int
    code: str
    labels: dict[str, str]


def sportscode(moments: Iterable[Moment], timing: Timing, classes: Sequence[str]) -> str:
    """The moments of one video as an XML edit list: an instance each, and a row for each code.

    Only ASCII is written, for some readers expect it: `& < > "` are named entities, all characters
    beyond ~ decimal references of their code point; control characters become spaces and what XML
    cannot hold (half of a surrogate pair, U+FFFE, U+FFFF) U+FFFD. Instances come by their time in
    the video and count from 1. Labels: half, clock, position (milliseconds of the half), class (the
    code once more, for that may be changed), and, where known, confidence, visibility and team.
    Rows come in the order of the classes, then others in that of their first instance. Four spaces
    a level, \\n after each line.

    Args:
        classes: tell the order of the rows, and the colours: class k has colour k mod 20.
    """
    timed = sorted(moments, key=timing.file_ms)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<file>", "    <ALL_INSTANCES>"]
    for number, moment in enumerate(timed, 1):
        lines += _instance(number, moment, timing)
    lines += ["    </ALL_INSTANCES>", "    <ROWS>"]
    codes = {moment.label: None for moment in timed}
    ordered = [*classes, *(code for code in codes if code not in classes)]
    for number, code in enumerate(ordered):
        if code in codes:
            lines += _row(code, _COLOURS[number % len(_COLOURS)])
    return "\n".join([*lines, "    </ROWS>", "</file>", ""])


def _instance(number: int, moment: Moment, timing: Timing) -> list[str]:
    start, end = timing.span_ms(moment)
    labels = {
        "half": str(moment.half),
        "clock": clock(moment.position_ms),
        "position": str(moment.position_ms),
        "class": moment.label,
        "confidence": confidence_text(moment.confidence),
        "visibility": moment.visibility,
        "team": moment.team,
    }
    lines = [
        "        <instance>",
        f"            <ID>{number}</ID>",
        f"            <start>{seconds(start)}</start>",
        f"            <end>{seconds(end)}</end>",
        f"            <code>{_escaped(moment.label)}</code>",
    ]
    for group, text in labels.items():
        if text:
            lines += [
                "            <label>",
                f"                <group>{group}</group>",
                f"                <text>{_escaped(text)}</text>",
                "            </label>",
            ]
    return [*lines, "        </instance>"]


def _row(code: str, colour: tuple[int, int, int]) -> list[str]:
    """A row of the timeline; its colours go from 0 to 65535."""
    shades = zip("RGB", colour, strict=True)
    return [
        "        <row>",
        f"            <code>{_escaped(code)}</code>",
        *(f"            <{name}>{257 * shade}</{name}>" for name, shade in shades),
        "        </row>",
    ]


def _escaped(text: str) -> str:
    return "".join(map(_reference, one_line(text)))


def _reference(character: str) -> str:
    point = ord(character)
    if point < 127:
        return _ESCAPES.get(character, character)
    held = not (0xD800 <= point <= 0xDFFF or point in (0xFFFE, 0xFFFF))
    return f"&#{point if held else 0xFFFD};"


def read_sportscode(content: bytes, source: str) -> list[Instance]:
    """The instances of an XML edit list, in its order.

    Raises UserError naming `source`: no such file, an instance without times or code, or a document
    that declares entities, which no edit list needs.
    """
    try:
        _refuse_declarations(content, source)
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, expat.ExpatError, LookupError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{source} is not valid XML ({error}); export it again") from None
    instances = root.findall("ALL_INSTANCES/instance")
    if root.find("ALL_INSTANCES") is None:
        raise UserError(f"{source} has no ALL_INSTANCES; give an XML edit list of Sportscode")
    return [_read_instance(each, number, source) for number, each in enumerate(instances, 1)]


def _refuse_declarations(content: bytes, source: str) -> None:
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise UserError(f"{source} declares a document type, which no edit list needs; export anew")

    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(content, True)


def _read_instance(each: ElementTree.Element, number: int, source: str) -> Instance:
    times = []
    for name in ("start", "end"):
        text = each.findtext(name) or ""
        try:
            times.append(round(1000 * float(text)))
        except (ValueError, OverflowError):
            raise UserError(
                f"{source}: instance {number}: expected seconds in <{name}>, found {text!r}"
            ) from None
    code = each.findtext("code")
    if not code:
        raise UserError(f"{source}: instance {number} has no code, which tells its class")
    labels = {
        label.findtext("group") or "": label.findtext("text") or ""
        for label in each.findall("label")
    }
    return Instance(times[0], times[1], code, labels)
