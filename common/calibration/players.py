"""Where the players of a half are in the picture, their colours, and how the camera stood.

The box and calibration files are JSON of tens of MB per half. They are parsed once into arrays and
kept in a cache file, which is mapped into memory from then on.
"""

import gc
import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.array_file import map_arrays, write_arrays
from common.calibration.pitch import image_to_pitch
from common.errors import UserError
from common.files import parse_json

log = logging.getLogger("spotting")

# Names without the number of the half, as today and in older releases.
BOX_FILES = ("player_boundingbox_maskrcnn.json", "HQ_25_player_bbox.json")
CALIBRATION_FILES = (
    "field_calib_ccbv.json",
    "field_calibration_ccbv.json",
    "HQ_25calibration.json",
)
TEACHER_FILES = ("HQ_25_teacher_calibration.json",)
CONFIDENT, TEACHER_CONFIDENT = 0.75, 0.45  # calibrations from this confidence on are used

_VERSION = 1  # of the cache file
_told: set[Path] = set()  # folders that the log has been told cannot be written to


@dataclass(frozen=True)
class Players:
    """Boxes and camera of each frame of a half, at the rate of the features.

    Frames behind the end of either list have no boxes, or no camera.
    """

    offsets: NDArray[np.int64]  # [n + 1], where the boxes of each frame begin
    boxes: NDArray  # [K, 4] x1, y1, x2, y2 in pixels of the box picture
    colours: NDArray  # [K, 3], 0…255, in the order of the file
    inverses: NDArray[np.float64]  # [m, 3, 3] from picture to pitch; NaN where there is none
    confidences: NDArray[np.float64]  # [m] of the calibration, 0…1; -1 where there is none
    box_picture: tuple[int, int]  # height, width
    camera_picture: tuple[int, int]
    digest: str = ""  # of the files

    def calibrated(self, frames: NDArray[np.int64], confident: float) -> NDArray[np.bool_]:
        """Whether the camera of each of these frames is known well enough."""
        known = frames < len(self.confidences)
        at = np.minimum(frames, len(self.confidences) - 1)
        if not len(self.confidences):
            return known
        found = (self.confidences[at] >= confident) & np.isfinite(self.inverses[at, 0, 0])
        return known & found

    def boxes_of(self, frames: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Numbers of the boxes in these frames, and for each its place among `frames`."""
        last = len(self.offsets) - 1
        begin = self.offsets[np.minimum(frames, last)]
        count = self.offsets[np.minimum(frames + 1, last)] - begin
        place = np.repeat(np.arange(len(frames)), count)
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        return np.repeat(begin, count) + within, place


def open_players(
    game_folder: Path, half: int, cache_dir: Path | None = None, teacher: bool = False
) -> Players:
    """Players of a half, from the cache file if it is there and of these files, else from JSON.

    Args:
        cache_dir: folder for cache files, laid out as the data; None keeps them beside the data.
        teacher: read the calibration of the teacher network.

    Raises:
        UserError: a file is missing or malformed.
    """
    sources = _sources(game_folder, half, teacher)
    name = f".{half}_players{'_teacher' if teacher else ''}.cache"
    cache = cache_folder(game_folder, cache_dir) / name
    stamp = [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in sources]
    found = map_arrays(cache)
    if found and found[1].get("version") == _VERSION and found[1].get("stamp") == stamp:
        return _from_arrays(*found)
    contents = [path.read_bytes() for path in sources]
    digest = [hashlib.blake2b(content, digest_size=16).hexdigest() for content in contents]
    if found and found[1].get("version") == _VERSION and found[1].get("digest") == digest:
        arrays, facts = found  # copied or touched, but the same
    else:
        with _uncollected():
            arrays, facts = parse_players(contents, [str(path) for path in sources])
    facts = {**facts, "version": _VERSION, "stamp": stamp, "digest": digest}
    try:
        write_arrays(cache, arrays, facts)
    except OSError as error:
        if cache.parent.parent not in _told:
            _told.add(cache.parent.parent)
            log.warning(
                "cannot keep %s (%s): boxes are parsed anew in each run; give --cache_dir a folder "
                "that can be written to",
                cache,
                error.strerror,
            )
        return _from_arrays(arrays, facts)
    return _from_arrays(*(map_arrays(cache) or (arrays, facts)))


def read_players(game_folder: Path, half: int) -> Players:
    """Players of a half from JSON, leaving no cache file behind. Raises as `open_players`."""
    sources = _sources(game_folder, half)
    contents = [path.read_bytes() for path in sources]
    with _uncollected():
        return _from_arrays(*parse_players(contents, [str(path) for path in sources]))


def _sources(folder: Path, half: int, teacher: bool = False) -> tuple[Path, Path]:
    """The box file and the calibration file of a half."""
    calibrations = TEACHER_FILES if teacher else CALIBRATION_FILES
    return _find(folder, half, BOX_FILES), _find(folder, half, calibrations)


def player_files(teacher: bool = False) -> tuple[str, str]:
    """Names of box and calibration file as of today, without the half's number."""
    return BOX_FILES[0], (TEACHER_FILES if teacher else CALIBRATION_FILES)[0]


def missing_player_files(game_folder: Path, halves: int, teacher: bool = False) -> list[Path]:
    """Box and calibration files that a game lacks, by their names of today."""
    calibrations = TEACHER_FILES if teacher else CALIBRATION_FILES
    return [
        game_folder / f"{half}_{names[0]}"
        for half in range(1, halves + 1)
        for names in (BOX_FILES, calibrations)
        if not any((game_folder / f"{half}_{name}").is_file() for name in names)
    ]


def parse_players(
    contents: Sequence[bytes], sources: Sequence[str]
) -> tuple[dict[str, NDArray], dict[str, Any]]:
    """Arrays and picture sizes of a box file's and a calibration file's content.

    Raises UserError naming file, frame and field of what is malformed.
    """
    box_content, camera_content = (
        _parsed(content, source) for content, source in zip(contents, sources, strict=True)
    )
    offsets, boxes, colours = _boxes(box_content["predictions"], sources[0])
    homographies, confidences = _cameras(camera_content["predictions"], sources[1])
    arrays = {
        "offsets": offsets,
        "boxes": _smallest(boxes),
        "colours": _smallest(colours),
        "inverses": image_to_pitch(homographies),
        "confidences": confidences,
    }
    facts = {
        "box_picture": _picture(box_content, sources[0]),
        "camera_picture": _picture(camera_content, sources[1]),
    }
    return arrays, facts


@contextmanager
def _uncollected() -> Iterator[None]:
    """Halves the time of a parse: millions of small lists, none of them garbage until the end."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _from_arrays(arrays: dict[str, NDArray], facts: dict[str, Any]) -> Players:
    return Players(
        arrays["offsets"],
        arrays["boxes"],
        arrays["colours"],
        arrays["inverses"],
        arrays["confidences"],
        tuple(facts["box_picture"]),
        tuple(facts["camera_picture"]),
        "".join(facts.get("digest", "")),
    )


def _find(folder: Path, half: int, names: Sequence[str]) -> Path:
    for name in names:
        if (path := folder / f"{half}_{name}").is_file():
            return path
    raise UserError(
        f"expected {folder / f'{half}_{names[0]}'}, found no such file; fetch it with python -m "
        f"common.download --features {names[0]}, or leave out --backbone_player"
    )


def cache_folder(game_folder: Path, cache_dir: Path | None) -> Path:
    """Where cache files of a game lie: beside its data, or as deep below `cache_dir`."""
    if cache_dir is None:
        return game_folder
    return cache_dir.joinpath(*game_folder.resolve().parts[-3:])  # league, season and game


def _parsed(content: bytes, source: str) -> dict[str, Any]:
    parsed = parse_json(content, source)
    if not isinstance(parsed, dict) or not isinstance(parsed.get("predictions"), list):
        raise UserError(f'{source} has no list "predictions"; download it again')
    return parsed


def _picture(content: dict[str, Any], source: str) -> list[int]:
    size = content.get("size")
    if not isinstance(size, list) or len(size) < 3 or not all(_is_positive(s) for s in size[1:3]):
        raise UserError(
            f'{source}: expected "size": [frames, height, width, …] in pixels, found {size!r}'
        )
    return [int(size[1]), int(size[2])]


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and value > 0


def _boxes(
    predictions: list[Any], source: str
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Offsets [n + 1], boxes [K, 4] and colours [K, 3] of all frames."""
    try:
        per_frame = [entry["bboxes"] for entry in predictions]
        colours = [entry["colors"] for entry in predictions]
    except (KeyError, TypeError):
        number = next(
            i
            for i, entry in enumerate(predictions)
            if not isinstance(entry, dict) or not {"bboxes", "colors"} <= entry.keys()
        )
        raise UserError(
            f'{source}: prediction {number} needs "bboxes" and "colors"; download it again'
        ) from None
    try:
        counts = np.fromiter(map(len, per_frame), np.int64, len(per_frame))
        of_colours = np.fromiter(map(len, colours), np.int64, len(colours))
        unequal = np.flatnonzero(counts != of_colours)
        if not len(unequal):
            total = int(counts.sum())
            boxes = _table(per_frame, total, 4)
            tints = _table(colours, total, 3)
            return np.append(0, np.cumsum(counts)), boxes, tints
        number = int(unequal[0])
        found = f"{counts[number]} boxes and {of_colours[number]} colours"
    except (TypeError, ValueError):
        number, found = _first_odd(per_frame, colours), "something else"
    raise UserError(
        f"{source}: prediction {number}: expected as many boxes [x1, y1, x2, y2] as colours of "
        f"three numbers, found {found}; download it again"
    )


def _table(nested: list[Any], rows: int, width: int) -> NDArray[np.float64]:
    """Lists of lists of numbers as [rows, width]; longer rows are cut. Raises ValueError."""
    if not rows:
        return np.empty((0, width))
    flat = list(chain.from_iterable(nested))
    found = len(flat[0])
    if found < width or any(map(found.__ne__, map(len, flat))):
        raise ValueError("ragged")
    # One flat list: numpy asks each of nested ones for its length and type first.
    table = np.fromiter(chain.from_iterable(flat), np.float64, rows * found).reshape(rows, found)
    if not np.isfinite(table).all():
        raise ValueError("not finite")
    return table[:, :width]


def _first_odd(boxes: list[Any], colours: list[Any]) -> int:
    """Number of the first frame whose boxes or colours are no tables of numbers."""
    for number, pair in enumerate(zip(boxes, colours, strict=True)):
        try:
            for rows, width in zip(pair, (4, 3), strict=True):
                _table([rows], len(rows), width)
        except (TypeError, ValueError):
            return number
    return 0


def _cameras(
    predictions: list[Any], source: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Homographies [m, 3, 3], NaN where an entry is empty, and confidences [m], -1 there."""
    homographies = np.full((len(predictions), 9), np.nan)
    confidences = np.full(len(predictions), -1.0)
    there = [number for number, entry in enumerate(predictions) if entry]
    try:
        cameras = [predictions[number][0] for number in there]
        if there:
            homographies[there] = np.array([c["homography"] for c in cameras], np.float64)
            confidences[there] = np.array([c["confidence"] for c in cameras], np.float64)
    except (KeyError, TypeError, ValueError):
        number = next(n for n in there if not _is_camera(predictions[n]))
        raise UserError(
            f'{source}: prediction {number}: expected [{{"homography": [9 numbers], "confidence": '
            f"number}}] or an empty list, found {str(predictions[number])[:80]}; download it again"
        ) from None
    return homographies.reshape(-1, 3, 3), confidences


def _is_camera(entry: Any) -> bool:
    try:
        np.array(entry[0]["homography"], np.float64).reshape(9)
        float(entry[0]["confidence"])
    except (KeyError, TypeError, ValueError, IndexError):
        return False
    return True


def _smallest(table: NDArray[np.float64]) -> NDArray:
    """In single precision if that loses nothing, as with numbers that were written from it."""
    single = table.astype(np.float32)
    return single if np.array_equal(single, table) else table
