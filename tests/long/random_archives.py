"""A data set of three games, and right archives of results for it."""

import copy
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from common.results.predictions import RESULT_FILE

GAMES = ["liga/2016-2017/M\u00e1laga", "liga/2016-2017/b", "league/2014-2015/c"]
NAMES = ("Goal", "Corner")
_BARE = "@bare@"


def bare(text: str) -> str:
    """Stands for what a file holds without quotation marks."""
    return _BARE + text + _BARE


def write_data(root: Path) -> dict[str, list[dict]]:
    """Writes annotations, splits.json and classes.json; returns the annotations of each game."""
    draw = Random(0)
    annotations = {game: [
        _annotation(half, name, milliseconds, draw.choice(("visible", "not shown")))
        for half in (1, 2) for name in NAMES
        for milliseconds in range(0, 90_000, draw.randint(20_000, 30_000))
    ] for game in GAMES}  # fmt: skip
    for game, spots in annotations.items():
        (root / game).mkdir(parents=True)
        (root / game / "Labels-v2.json").write_text(json.dumps({"annotations": spots}))
    (root / "splits.json").write_text(json.dumps({"test": GAMES}))
    (root / "classes.json").write_text(json.dumps(NAMES))
    return annotations


def _annotation(half: int, name: str, milliseconds: int, visibility: str) -> dict:
    return {
        "gameTime": f"{half} - {_clock(milliseconds)}",
        "label": name,
        "position": str(milliseconds),
        "visibility": visibility,
    }


def _clock(milliseconds: int) -> str:
    minutes, seconds = divmod(milliseconds // 1000, 60)
    return f"{minutes:02}:{seconds:02}"


class Archive:
    """Result files with their paths, and how they are packed: a right archive until it is changed.

    Each file is a list of its path and its content, which is JSON, or its bytes.
    """

    def __init__(self, draw: Random, annotations: dict[str, list[dict]]) -> None:
        self.files: list[list[Any]] = [
            [f"{game}/{RESULT_FILE}", {"UrlLocal": game, "predictions": _found(draw, spots)}]
            for game, spots in annotations.items()
        ]
        self.is_zip = draw.random() < 0.7
        self.comment = b""
        self.compression = zipfile.ZIP_DEFLATED
        self.streamed = False
        self.damage: Callable[[bytes], bytes] = bytes

    def change_text(self, number: int, change: Callable[[bytes], bytes]) -> None:
        """Changes the bytes of a file."""
        self.files[number][1] = change(_text(self.files[number][1]))

    def write(self, above: Path) -> Path:
        """Writes the folder or the zip; returns where."""
        if self.is_zip:
            path = above / "results.zip"
            path.write_bytes(self.damage(self._packed()))
            return path
        for name, content in self.files:
            path = above / "results" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_text(content))
        (above / "results").mkdir(exist_ok=True)
        return above / "results"

    def _packed(self) -> bytes:
        packed = io.BytesIO()
        target = _Stream(packed) if self.streamed else packed
        with zipfile.ZipFile(target, "w", self.compression) as archive:
            archive.comment = self.comment
            for name, content in self.files:
                info = zipfile.ZipInfo("name", (2020, 1, 1, 0, 0, 0))
                info.filename, info.compress_type = name, self.compression  # with NUL and slashes
                archive.writestr(info, _text(content))
        return packed.getvalue()


class _Stream:
    """A file that is written to its end only, as a pipe is."""

    def __init__(self, file: io.BytesIO) -> None:
        self.write, self.flush = file.write, file.flush


def _found(draw: Random, spots: list[dict]) -> list[dict]:
    """A detection near most spots, and as many more; no two are of one class in one frame."""
    entries, cells = [], set()
    for spot in spots:
        near = int(spot["position"]) + draw.randint(0, 2500)
        for milliseconds in (near, draw.randrange(100_000))[draw.random() < 0.2 :]:
            half, frame = spot["gameTime"][0], milliseconds // 500
            if (half, spot["label"], frame) in cells:
                continue
            cells.add((half, spot["label"], frame))
            minutes, seconds = divmod(milliseconds // 1000, 60)
            entries.append({
                "gameTime": f"{half} - {minutes}:{seconds}",
                "label": spot["label"],
                "position": str(milliseconds),
                "half": half,
                "confidence": repr(draw.random()),
            })  # fmt: skip
    return entries


def _text(content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    text = json.dumps(content)
    return text.replace(f'"{_BARE}', "").replace(f'{_BARE}"', "").encode()


def copied_entries(archive: Archive, draw: Random) -> list[Any]:
    """The predictions of one file, which may be changed without those of a copy of the file."""
    content = draw.choice(archive.files)[1]
    content["predictions"] = copy.deepcopy(content["predictions"])
    return content["predictions"]
