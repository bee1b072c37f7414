"""What may be wrong, odd, or only unusual about an archive of results, one kind a name.

A kind changes the predictions, the text of a file, the layout, or the bytes of the zip.
"""

import codecs
import json
import unicodedata
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

from random_archives import GAMES, Archive, bare, copied_entries

from common.results.predictions import RESULT_FILE

Kind = Callable[[Random, Archive], None]
ABSENT = object()

# Values of a prediction's fields.
_VALUES: dict[str, dict[str, Any]] = {
    "position": {
        "whole number": 31_000, "number with a fraction": 31_000.7, "text with a point": "31000.0",
        "just below 0": "-1", "negative": "-5000", "negative fraction": -0.5, "huge": 10**12,
        "huge text": "9" * 40, "more digits than are read": "9" * 5000, "empty": "", "null": None,
        "list": [31_000], "true": True, "absent": ABSENT, "spaces around": " 31000 ",
        "underscore": "31_000", "exponent": "31e3", "behind the half": "7200000", "word": "early",
        "beyond 64 bits": 2**70, "bare 1e400": bare("1e400"), "bare NaN": bare("NaN"),
    },
    "half": {
        "number": 1, "number with a fraction": 1.7, "text with a point": "1.0", "0": "0", "3": "3",
        "negative": "-1", "null": None, "absent": ABSENT, "true": True, "spaces around": " 1 ",
        "other digits": "\uff11", "word": "first", "list": ["1"], "beyond 64 bits": 2**70,
    },
    "label": {
        "unknown": "Fowl", "lower case": "goal", "space behind": "Goal ", "null": None, "number": 2,
        "list": ["Goal"], "absent": ABSENT, "of version 1": "soccer", "empty": "",
    },
    "confidence": {
        "number": 0.41, "nan": "nan", "bare NaN": bare("NaN"), "null": None, "absent": ABSENT,
        "inf": "inf", "bare Infinity": bare("Infinity"), "text 1e400": "1e400",
        "bare 1e400": bare("1e400"), "below 0": "-0.5", "above 1": "1.5", "word": "high",
        "empty": "", "true": True, "list": [0.41], "object": {}, "comma": "0,41",
        "underscore": "0_1.5", "spaces around": " 0.41 ", "digits without end": bare("9" * 400),
        "other digits": "\u0660.\u0665", "minus 0": "-0.0", "tiny": "5e-324", "hexadecimal": "0x1",
    },
    "gameTime": {
        "of the other half": "2 - 0:31", "another clock": "1 - 80:00", "absent": ABSENT,
        "null": None, "number": 31, "word": "soon", "empty": "",
    },
    "comment": {"text": "x", "list": [1, [2]], "bare NaN": bare("NaN"), "bare 1e400": bare("1e400"),
                "lone surrogate": "\ud800", "NUL": "\0"},
}  # fmt: skip

# What stands where the list of predictions is expected, or instead of the whole.
_LISTS: dict[str, Any] = {
    "null": None, "absent": ABSENT, "an empty object": {}, "an empty text": "", "a text": "none",
    "a number": 3, "an empty list": [], "a list in a list": [[]], "true": True,
}  # fmt: skip
_WHOLES: dict[str, Any] = {"null": None, "a list": [], "a number": 1, "a text": "predictions"}
_ENTRIES: dict[str, Any] = {
    "null": None, "a text": "Goal", "a number": 1, "an empty object": {}, "an empty list": [],
}  # fmt: skip
_URLS: dict[str, Any] = {
    "of another game": GAMES[1], "absent": ABSENT, "null": None, "number": 7,
    "lone surrogate": "\udfff", "of no game": "l/s/x",
}  # fmt: skip

# What a text becomes.
_TEXTS: dict[str, Callable[[bytes], bytes]] = {
    "byte order mark": lambda text: codecs.BOM_UTF8 + text,
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "byte that is not UTF-8": lambda text: text.replace(b"UrlLocal", b"Url\xffLocal", 1),
    "trailing comma": lambda text: text.replace(b"]}", b",]}", 1),
    "comment": lambda text: b"// results\n" + text,
    "cut off": lambda text: text[: len(text) // 2],
    "empty": lambda text: b"",
    "only spaces": lambda text: b"  \n",
    "single quotes": lambda text: text.replace(b'"', b"'"),
    "more behind the end": lambda text: text + b"{}",
    "zeros behind the end": lambda text: text + bytes(8),
    "spaces around": lambda text: b" \r\n\t" + text + b"\n\n",
    "form feed": lambda text: b"\f" + text,
    "line end in a text": lambda text: text.replace(b"UrlLocal", b"Url\nLocal", 1),
    "indented": lambda text: json.dumps(json.loads(text), indent=4).encode(),
    "letters escaped": lambda text: text.replace(b"Goal", b"\\u0047oal"),
    "nested deeply": lambda text: b'{"x":' + b"[" * 5000 + b"]" * 5000 + b"," + text[1:],
    "key twice, the right last": lambda text: b'{"predictions":[],' + text[1:],
    "key twice, the right first": lambda text: text[:-1] + b',"predictions":[]}',
    "field twice": lambda text: text.replace(b'"half": "1"', b'"half": "2", "half": "1"'),
}

# What the path of a file becomes; the last ones in zips only.
_PATHS: dict[str, Callable[[str], str]] = {
    "other file name": lambda path: path.replace(RESULT_FILE, "Predictions-v2.json"),
    "file name in capitals": lambda path: path.replace(RESULT_FILE, RESULT_FILE.upper()),
    "deeper folder": lambda path: f"outputs/{path}",
    "league folder left out": lambda path: path.partition("/")[2],
    "accents apart": lambda path: unicodedata.normalize("NFD", path),
    "space behind the game": lambda path: path.replace("/results", " /results"),
    "a game's folder in capitals": lambda path: path.replace("liga", "LIGA"),
}
_ZIP_PATHS: dict[str, Callable[[str], str]] = {
    "absolute": lambda path: f"/{path}",
    "begins with ./": lambda path: f"./{path}",
    "two slashes": lambda path: path.replace("/", "//", 1),
    "backslashes": lambda path: path.replace("/", "\\"),
    "a folder of that name": lambda path: f"{path}/",
    "NUL behind": lambda path: f"{path}\0x",
}
_OTHER_FILES = {
    "log": "log.txt", "of macOS": f"__MACOSX/{GAMES[0]}/._{RESULT_FILE}", "other JSON": "a.json",
    "beside the results": f"{GAMES[0]}/Labels-v2.json", "a folder": "empty/",
    "game that is not of the split": f"l/s/x/{RESULT_FILE}", "above the archive": "../x",
    "results at the root": RESULT_FILE,
    "a copy in a deeper folder": f"old/{GAMES[0]}/{RESULT_FILE}",
}  # fmt: skip


def _in_entry(field: str, value: Any) -> Kind:
    def mutate(draw: Random, archive: Archive) -> None:
        entries = copied_entries(archive, draw)
        for entry in draw.sample(entries, draw.choice((1, 1, len(entries)))):
            entry[field] = value
            if value is ABSENT:
                del entry[field]

    return mutate


def _in_content(key: str, value: Any) -> Kind:
    def mutate(draw: Random, archive: Archive) -> None:
        content = draw.choice(archive.files)[1]
        content[key] = value
        if value is ABSENT:
            del content[key]

    return mutate


def _whole(value: Any) -> Kind:
    def mutate(draw: Random, archive: Archive) -> None:
        draw.choice(archive.files)[1] = value

    return mutate


def _entry(value: Any) -> Kind:
    def mutate(draw: Random, archive: Archive) -> None:
        entries = copied_entries(archive, draw)
        entries.insert(draw.randrange(len(entries)), value)

    return mutate


def _text(change: Callable[[bytes], bytes]) -> Kind:
    def mutate(draw: Random, archive: Archive) -> None:
        archive.change_text(draw.randrange(len(archive.files)), change)

    return mutate


def _path(change: Callable[[str], str], zipped: bool = False) -> Kind:
    def mutate(draw: Random, archive: Archive) -> None:
        archive.is_zip = archive.is_zip or zipped
        others = [file for file in archive.files if change(file[0]) != file[0]]
        for file in others if draw.random() < 0.5 else [draw.choice(others)]:
            file[0] = change(file[0])

    return mutate


def _other_file(path: str) -> Kind:
    def mutate(draw: Random, archive: Archive) -> None:
        archive.is_zip = archive.is_zip or path.endswith("/") or ".." in path
        content = archive.files[0][1] if path.endswith(RESULT_FILE) else {}
        archive.files.insert(draw.randrange(len(archive.files) + 1), [path, content])

    return mutate


def _missing_game(draw: Random, archive: Archive) -> None:
    archive.files.pop(draw.randrange(len(archive.files)))


def _halves_swapped(draw: Random, archive: Archive) -> None:
    for entry in copied_entries(archive, draw):
        entry["half"] = "2" if entry["half"] == "1" else "1"


def _shuffled(draw: Random, archive: Archive) -> None:
    draw.shuffle(copied_entries(archive, draw))


def _repeated(**changes: Any) -> Kind:
    def mutate(draw: Random, archive: Archive) -> None:
        entries = copied_entries(archive, draw)
        entries.append({**draw.choice(entries), **changes})

    return mutate


def _file_twice(emptied: bool) -> Kind:
    def mutate(draw: Random, archive: Archive) -> None:
        archive.is_zip = True
        path, content = draw.choice(archive.files)
        again = {**content, "predictions": []} if emptied else content
        archive.files.insert(draw.randrange(len(archive.files) + 1), [path, again])

    return mutate


def _emptied(draw: Random, archive: Archive) -> None:
    archive.is_zip = True
    archive.files.clear()


def _zipped(**settings: Any) -> Kind:
    def mutate(draw: Random, archive: Archive) -> None:
        archive.is_zip = True
        for name, value in settings.items():
            setattr(archive, name, value)

    return mutate


def _fields_of_zip(local: int, central: int, value: Callable[[int], int]) -> Kind:
    """Changes 16 bits of each header in a zip: at these offsets of local and central ones."""

    def change(data: bytes) -> bytes:
        changed = bytearray(data)
        for mark, offset in ((b"PK\3\4", local), (b"PK\1\2", central)):
            place = data.find(mark)
            while place >= 0:
                at = slice(place + offset, place + offset + 2)
                changed[at] = value(int.from_bytes(data[at], "little")).to_bytes(2, "little")
                place = data.find(mark, place + 4)
        return bytes(changed)

    return _zipped(damage=change)


_ZIPS: dict[str, Kind] = {
    "with a comment": _zipped(comment="résumé".encode()),
    "a program before it": _zipped(damage=lambda data: b"#!/bin/sh\n" + data),
    "bytes behind it": _zipped(damage=lambda data: data + b"\n"),
    "stored": _zipped(compression=zipfile.ZIP_STORED),
    "bzip2": _zipped(compression=zipfile.ZIP_BZIP2),
    "lzma": _zipped(compression=zipfile.ZIP_LZMA),
    "without a file": _emptied,
    "of no bytes": _zipped(damage=lambda data: b""),
    "a text": _zipped(damage=lambda data: b"results"),
    "cut off": _zipped(damage=lambda data: data[: len(data) // 2]),
    "without its last byte": _zipped(damage=lambda data: data[:-1]),
    "a flipped byte": _zipped(damage=lambda data: data[:150] + bytes([data[150] ^ 1]) + data[151:]),
    "another name before a file": _zipped(damage=lambda data: data.replace(b"liga", b"LIGA", 1)),
    "encrypted": _fields_of_zip(6, 8, lambda flags: flags | 1),
    "of unknown compression": _fields_of_zip(8, 10, lambda method: 99),
    "of another checksum": _fields_of_zip(14, 16, lambda checksum: checksum ^ 1),
    "names not told to be UTF-8": _fields_of_zip(6, 8, lambda flags: flags & ~0x800),
    "other dates": _fields_of_zip(12, 14, lambda date: 0),
    "written as a stream": _zipped(streamed=True),
}  # fmt: skip

KINDS: dict[str, Kind] = {
    "nothing": lambda draw, archive: None,
    **{f"{field}: {what}": _in_entry(field, value) for field, of in _VALUES.items()
       for what, value in of.items()},
    **{f"predictions: {what}": _in_content("predictions", each) for what, each in _LISTS.items()},
    **{f"UrlLocal: {what}": _in_content("UrlLocal", each) for what, each in _URLS.items()},
    **{f"file: {what}": _whole(each) for what, each in _WHOLES.items()},
    **{f"prediction: {what}": _entry(each) for what, each in _ENTRIES.items()},
    "prediction: twice": _repeated(),
    "prediction: twice, other confidence": _repeated(confidence="0.01"),
    "predictions: shuffled": _shuffled,
    "predictions: halves swapped": _halves_swapped,
    **{f"text: {what}": _text(change) for what, change in _TEXTS.items()},
    **{f"path: {what}": _path(change) for what, change in _PATHS.items()},
    **{f"path: {what}": _path(change, zipped=True) for what, change in _ZIP_PATHS.items()},
    **{f"another file: {what}": _other_file(path) for what, path in _OTHER_FILES.items()},
    "game missing": _missing_game,
    "file twice, the same": _file_twice(emptied=False),
    "file twice, one empty": _file_twice(emptied=True),
    **{f"zip: {what}": kind for what, kind in _ZIPS.items()},
}  # fmt: skip
