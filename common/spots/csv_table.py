"""A table for spreadsheets, R and whatever else reads CSV."""

import re
from collections.abc import Iterable

from common.spots.moments import Moment
from common.spots.timing import Timing, clock, seconds
from common.spots.wording import confidence_text

COLUMNS = ("game", "half", "clock", "position", "seconds", "class", "confidence", "visibility",
           "team")  # fmt: skip
_FORMULA = re.compile(r"[=+\-@\t\r]")


def csv_table(game: str, moments: Iterable[Moment], timing: Timing) -> str:
    """A game's moments as CSV: a line of names, then one each, by half and position.

    `clock` is MM:SS of the half, `position` its milliseconds, `seconds` (three decimals) the time
    in the video; what is not known is empty. A field with a comma, a quote or an end of a line
    stands in quotes, quotes in it twice. A text at whose beginning a spreadsheet would see a
    formula (= + - @, tab, carriage return) gets an apostrophe before it. Lines end with
    \\n.
    """
    lines = [",".join(COLUMNS)]
    for each in sorted(moments, key=lambda moment: (moment.half, moment.position_ms)):
        row = (
            _text(game),
            str(each.half),
            clock(each.position_ms),
            str(each.position_ms),
            seconds(timing.file_ms(each)),
            _text(each.label),
            confidence_text(each.confidence),
            _text(each.visibility or ""),
            _text(each.team or ""),
        )
        lines.append(",".join(map(_quoted, row)))
    return "\n".join([*lines, ""])


def _text(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text


def _quoted(field: str) -> str:
    if any(character in field for character in ',"\r\n'):
        return '"' + field.replace('"', '""') + '"'
    return field
