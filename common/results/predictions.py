"""Result files: `results_spotting.json` per game, and the zip that the evaluation server takes."""

import lzma
import os
import struct
import unicodedata
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from common.data.games import check_relative_path
from common.errors import UserError
from common.files import parse_json, read_bytes, write_bytes, written_whole

RESULT_FILE = "results_spotting.json"
LEGACY_RESULT_FILE = "Predictions-v2.json"

# What a file in a zip may unpack to: a hundred times the largest that was published.
MOST_UNPACKED_BYTES = 1 << 28
_BLOCK_BYTES = 1 << 12  # read at a time: of some compressions a block becomes a thousand
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, RuntimeError, EOFError,
    ValueError, OverflowError, MemoryError,
)  # fmt: skip

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


class JsonTree:
    """Files below a folder or inside a zip, read by name: {game}/{file}.

    Nothing is unpacked. Links are followed. A zip whose member names would leave a folder is
    refused. A name that is there in another Unicode form (é as one letter or as two) is found.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._archive: zipfile.ZipFile | None = None
        if root.is_file():
            self._archive = _open_zip(root)
        elif not root.is_dir():
            raise UserError(f"expected a folder or a zip file at {root}, found neither")

    def files(self) -> list[str]:
        """Paths of all files, relative to the root, with forward slashes; in a zip as they come."""
        if self._archive is not None:
            return [name for name in self._archive.namelist() if not name.endswith("/")]
        return sorted(_files_below(self.root))

    def names(self) -> list[str]:
        """Those of JSON files."""
        found = (name for name in self.files() if name.endswith(".json"))
        if self._archive is not None:
            return list(found)
        # The downloader keeps JSON of its own in .cache.
        return [name for name in found if not name.startswith(".cache/")]

    def __contains__(self, name: str) -> bool:
        return self._find(name) is not None

    def _find(self, name: str) -> str | None:
        """`name` as it is spelled here, None if it is not here."""
        spellings = [name]
        if not name.isascii():
            spellings += [unicodedata.normalize(form, name) for form in ("NFC", "NFD")]
        return next((spelling for spelling in spellings if self._has(spelling)), None)

    def _has(self, name: str) -> bool:
        if self._archive is not None:
            return name in self._archive.NameToInfo
        return (self.root / name).exists()

    def read(self, name: str) -> bytes:
        """Content of one file. Raises UserError if it is missing, damaged, or no file."""
        found = self._find(name)
        if found is None:
            raise UserError(f"expected {name} in {self.root}, found no such file")
        if self._archive is None:
            return read_bytes(self.root / found)
        try:
            return _unpacked(self._archive, found)
        except (*_DAMAGED, OSError) as error:
            if isinstance(error, UserError):
                raise
            raise UserError(
                f"{name} in {self.root} cannot be unpacked ({error or type(error).__name__}); "
                "pack it anew, with the compression deflate"
            ) from None


def _files_below(folder: Path) -> Iterator[str]:
    """Paths of files below a folder, relative to it; links are followed, but not in circles."""
    above: dict[Path, tuple[str, ...]] = {folder: (os.path.realpath(folder),)}
    for name, folders, files in os.walk(folder, followlinks=True):
        here = Path(name)
        ancestors = above.pop(here)
        yield from ((here / file).relative_to(folder).as_posix() for file in files)
        real = {each: os.path.realpath(here / each) for each in folders}
        folders[:] = [each for each in folders if real[each] not in ancestors]
        above |= {here / each: (*ancestors, real[each]) for each in folders}


def _unpacked(archive: zipfile.ZipFile, name: str) -> bytes:
    """A member's content. Raises UserError before more is unpacked than a result file can be."""
    content = bytearray()
    if archive.getinfo(name).file_size <= MOST_UNPACKED_BYTES:
        with archive.open(name) as member:
            # The size that the archive states may be false.
            while len(content) <= MOST_UNPACKED_BYTES and (block := member.read(_BLOCK_BYTES)):
                content += block
            if len(content) <= MOST_UNPACKED_BYTES:
                return bytes(content)
    raise UserError(
        f"{name} in {archive.filename} unpacks to more than {MOST_UNPACKED_BYTES >> 20} MiB, which "
        "no result or label file does; fetch or pack the archive again"
    )


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(path)
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} holds a file name that is not UTF-8, although it says so ({error}); rename "
            "the file and pack it again"
        ) from None
    except _DAMAGED as error:
        raise UserError(f"{path} is no whole zip file ({error}); write it again") from None
    for name in archive.namelist():
        check_relative_path(name.rstrip("/"), str(path))
    return archive


def folder_above(name: str, wanted: Container[str]) -> str | None:
    """What stands before a wanted path in `name`: "" if nothing, None if `name` is not wanted."""
    starts = [0, *(i + 1 for i, character in enumerate(name) if character == "/")]
    return next((name[:i] for i in starts if name[i:] in wanted), None)


def top_folder_advice(folder: str) -> str:
    """What to do about games that lie in a folder of an archive, in a sentence."""
    return (
        f"games lie in the folder {folder} of the archive; the league folders must be at its "
        f"root: zip from inside {folder}, or use common.results.predictions.write_zip"
    )


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
            NaN as Python writes it, and any confidence at all of an unknown class.
        any_confidence: let pass those that are not finite, too.

    Raises:
        UserError: not a result file, or a field is malformed; names file, entry and field.
    """
    parsed = parse_json(content, source, lenient)
    entries = parsed.get("predictions") if isinstance(parsed, dict) else None
    if not isinstance(entries, list):
        raise UserError(f'{source} has no list "predictions"; it is not a result file')
    half = _whole(_column(entries, "half", int, "1 or 2", source))
    milliseconds = _whole(_column(entries, "position", int, "whole milliseconds", source))
    number_of = defaultdict(lambda: -1, classes)
    event = _whole(_column(entries, "label", number_of.__getitem__, "a class name", source))
    known = event >= 0
    if lenient:
        confidence = _official_confidences(entries, known, source)
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
    entries: list[Any], known: NDArray[np.bool_], source: str
) -> NDArray[np.float64]:
    """As the official evaluator reads them: null is NaN, and of unknown classes none is read."""

    def number(value: Any) -> float:
        return np.nan if value is None else float(value)

    read = [e if k else {"confidence": 0} for e, k in zip(entries, known.tolist(), strict=True)]
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
