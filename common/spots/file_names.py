"""Names of files made of what data sets and people call games and classes."""

import re
import unicodedata
from collections.abc import Iterable

_LONGEST_BYTES = 120  # of 255, so that numbers and endings find room
# What Windows or a shell takes for something else, and marks that turn the direction of a text.
_UNSAFE = re.compile(
    '[\x00-\x1f\x7f-\x9f\\\\/:*?"<>|\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]'
)
_RESERVED = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\xb9\xb2\xb3])(\.|$)", re.IGNORECASE
)


def file_name(text: str) -> str:
    """The text as the name of a file in any folder of any system: no part of a path, never hidden.

    What is not safe becomes "_", other letters of all scripts stay. Different texts may become the
    same; `file_names` keeps them apart.
    """
    name = _UNSAFE.sub("_", unicodedata.normalize("NFC", text))
    name = "".join("_" if "\ud800" <= letter <= "\udfff" else letter for letter in name)
    name = name.encode()[:_LONGEST_BYTES].decode(errors="ignore").strip(". ")
    return f"_{name}" if not name or _RESERVED.match(name) else name


def file_names(texts: Iterable[str]) -> dict[str, str]:
    """A name for each text, no two of which a file system could take for the same."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for text in texts:
        name, number = file_name(text), 1
        while _folded(name) in taken:
            number += 1
            name = f"{file_name(text)} ({number})"
        taken.add(_folded(name))
        names[text] = name
    return names


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
