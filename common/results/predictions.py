"""Result files: `results_spotting.json` per game, and the zip that the evaluation server takes."""

import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from common.errors import UserError
from common.files import parse_json, write_bytes, written_whole
from common.results.json_tree import JsonTree

RESULT_FILE = "results_spotting.json"
LEGACY_RESULT_FILE = "Predictions-v2.json"

_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the same results make the same archive, byte for byte


@dataclass(frozen=True)
class Detections:
    """Detections of one game, one array entry each, in file order."""

    half: NDArray[np.int64]  # 1, 2, …
    milliseconds: NDArray[np.int64]  # position inside the half
    event: NDArray[np.int64]  # class number
    confidence: NDArray[np.float64]
    unknown: int = 0  # entries left out because their class is not known
    unknown_labels: dict[str, int] = field(default_factory=dict)  # label -> entries left out

    def __len__(self) -> int:
        return len(self.half)

    def frames(self, framerate: float = 2) -> NDArray[np.int64]:
        """Frame of each detection, as the evaluator finds it."""
        return milliseconds_to_frame(self.milliseconds, framerate)


def milliseconds_to_frame(milliseconds: NDArray[np.int64], framerate: float) -> NDArray[np.int64]:
    """Frame of positions in ms, by the evaluator's float expression."""
    return (framerate * (milliseconds / 1000)).astype(np.int64)


def frame_to_milliseconds(
    frames: NDArray[np.int64], framerate: float, published: bool = False
) -> NDArray[np.int64]:
    """Position of feature rows in ms.

    The published writer truncates, so that a reader finds the frame before at 5, 10 or 25 fps now
    and then; ours writes the first millisecond from which the evaluator finds the frame again. At 1
    and 2 fps both are the same.
    """
    if published:
        return (frames / framerate * 1000).astype(np.int64)
    milliseconds = (-(-1000 * frames // framerate)).astype(np.int64)  # rounded up
    # The evaluator's floats may stay just below the frame: 25 * (1160 / 1000) < 29.
    return milliseconds + (milliseconds_to_frame(milliseconds, framerate) < frames)


def format_game(
    game: str | None,
    detections: Sequence[tuple[int, NDArray[np.int64], NDArray[np.int64], NDArray]],
    names: Sequence[str],
    framerate: float,
    published: bool = False,
) -> bytes:
    """Text of a result file: all values strings, four spaces of indent, fixed key order.

    Args:
        game: its path; None leaves it out, as the original does for videos outside the data set.
        detections: per half (half, frames, classes, confidences), in the order to be written.
        names: class names.
        published: positions as the original wrote them, see `frame_to_milliseconds`.
    """
    quoted = [orjson.dumps(name).decode() for name in names]
    entries = []
    for half, frames, events, confidences in detections:
        seconds = (frames // framerate).astype(np.int64)
        columns = zip(
            (seconds // 60).tolist(),
            (seconds % 60).tolist(),
            events.tolist(),
            frame_to_milliseconds(frames, framerate, published).tolist(),
            # Confidences are widened first: the published files print float32 scores as float64.
            map(repr, confidences.astype(np.float64).tolist()),
            strict=True,
        )
        entries += [
            "        {\n"
            f'            "gameTime": "{half} - {minute}:{second}",\n'
            f'            "label": {quoted[event]},\n'
            f'            "position": "{position}",\n'
            f'            "half": "{half}",\n'
            f'            "confidence": "{confidence}"\n'
            "        }"
            for minute, second, event, position, confidence in columns
        ]
    body = "[\n" + ",\n".join(entries) + "\n    ]" if entries else "[]"
    url = "" if game is None else f'    "UrlLocal": {orjson.dumps(game).decode()},\n'
    return f'{{\n{url}    "predictions": {body}\n}}'.encode()


def write_game(folder: Path, game: str, content: bytes, file_name: str = RESULT_FILE) -> Path:
    """Writes a game's result file below `folder`, wholly or not at all; returns its path."""
    path = folder / game / file_name
    write_bytes(path, content)
    return path


def write_zip(path: Path, folder: Path, games: Iterable[str], file_name: str = RESULT_FILE) -> None:
    """Packs the result files of exactly these games; others that lie in `folder` stay out."""
    with written_whole(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for game in games:
            member = zipfile.ZipInfo(str(PurePosixPath(game, file_name)), _ZIP_TIME)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            archive.writestr(member, (folder / game / file_name).read_bytes())


def parse_detections(
    content: bytes,
    source: str,
    classes: dict[str, int],
    lenient: bool = False,
    *,
    any_confidence: bool = False,
) -> Detections:
    """Detections of a result file's content.

    Classes that `classes` (name -> number) does not hold are left out and counted.

    Args:
        source: names the file in errors.
        lenient: keep what the official evaluator lets pass: any half, position and confidence,
            NaN as Python writes it, and any confidence at all where it reads none (NaN, if it is no
            number): of an unknown class, or in a half other than 1 and 2.
        any_confidence: let pass those that are not finite, too.

    Raises:
        UserError: not a result file, or a field is malformed; names file, entry and field.
    """
    parsed = parse_json(content, source, lenient)
    entries = parsed.get("predictions") if isinstance(parsed, dict) else None
    if lenient and entries in ({}, ""):  # it goes through them, and finds nothing
        entries = []
    if not isinstance(entries, list):
        raise UserError(f'{source} has no list "predictions"; it is not a result file')
    half = _whole(_column(entries, "half", int, "1 or 2", source))
    milliseconds = _whole(_column(entries, "position", int, "whole milliseconds", source))
    number_of = defaultdict(lambda: -1, classes)
    event = _whole(_column(entries, "label", number_of.__getitem__, "a class name", source))
    known = event >= 0
    if lenient:
        in_a_half = (half == 1) | (half == 2)  # those that the official evaluator knows
        confidence = _official_confidences(entries, known & in_a_half, source)
    else:
        confidence = _confidences(entries, source)
        _refuse(half < 1, entries, "half", "1 or 2", source)
        _refuse(milliseconds < 0, entries, "position", "milliseconds from 0 on", source)
        if not any_confidence:
            wrong = ~np.isfinite(confidence)
            _refuse(wrong, entries, "confidence", "a finite number", source)
    return Detections(
        half[known],
        milliseconds[known],
        event[known],
        confidence[known],
        unknown=int((~known).sum()),
        unknown_labels={} if known.all() else _unknown_labels(entries, classes),
    )


def _unknown_labels(entries: list[Any], classes: dict[str, int]) -> dict[str, int]:
    labels = map(itemgetter("label"), entries)
    return dict(Counter(str(label) for label in labels if label not in classes))


def _confidences(entries: list[Any], source: str) -> NDArray[np.float64]:
    """The column of confidences, by way of JSON: its numbers are read faster than by float()."""
    try:
        numbers = orjson.loads(f"[{','.join(map(itemgetter('confidence'), entries))}]")
        if len(numbers) == len(entries) and set(map(type, numbers)) <= {int, float}:
            return np.array(numbers, np.float64)
    except (KeyError, TypeError, ValueError):
        pass  # not all of them strings, or not all plain decimals ("nan")
    return _column(entries, "confidence", float, "a number", source)


def _official_confidences(
    entries: list[Any], counted: NDArray[np.bool_], source: str
) -> NDArray[np.float64]:
    """As the official evaluator reads them: null is NaN, and what does not count is not read."""

    def number(value: Any) -> float:
        return np.nan if value is None else float(value)

    nothing = {"confidence": None}
    read = [
        e if c or _converts(e, "confidence", number) else nothing
        for e, c in zip(entries, counted.tolist(), strict=True)
    ]
    return _column(read, "confidence", number, "a number", source)


def _column(
    entries: list[Any],
    field: str,
    convert: Callable[[Any], Any],
    expected: str,
    source: str,
) -> NDArray[np.float64]:
    """One field of all entries as an array."""
    try:
        return np.array(list(map(convert, map(itemgetter(field), entries))), np.float64)
    except (KeyError, TypeError, ValueError, OverflowError):
        number, entry = next(
            (n, e) for n, e in enumerate(entries) if not _converts(e, field, convert)
        )
        found = entry.get(field) if isinstance(entry, dict) else entry
        raise _entry_error(source, number, field, expected, found) from None


def _whole(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """As integers; what float64 cannot count is far behind every game and stays so."""
    return np.clip(values, -(2**53), 2**53).astype(np.int64)


def _converts(entry: Any, field: str, convert: Callable[[Any], Any]) -> bool:
    try:
        float(convert(entry[field]))
    except (KeyError, TypeError, ValueError, OverflowError):
        return False
    return True


def _refuse(wrong: NDArray, entries: list[Any], field: str, expected: str, source: str) -> None:
    if wrong.any():
        number = int(np.argmax(wrong))
        raise _entry_error(source, number, field, expected, entries[number][field])


def _entry_error(source: str, number: int, field: str, expected: str, found: Any) -> UserError:
    return UserError(
        f"{source}: prediction {number}, field {field}: expected {expected}, found {found!r}"
    )


def guess_file_name(tree: JsonTree) -> str:
    """Name of the files in a tree's game folders: the published one if it is there, else any."""
    names = [name.rpartition("/")[2] for name in tree.names() if "/" in name]
    for wanted in (RESULT_FILE, LEGACY_RESULT_FILE, *names[:1]):
        if wanted in names:
            return wanted
    raise UserError(f"expected result files ({RESULT_FILE}) in {tree.root}, found no JSON file")
