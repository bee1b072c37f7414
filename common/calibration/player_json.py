"""Box and calibration files, JSON of tens of MB per half, as arrays."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.calibration.pitch import image_to_pitch
from common.errors import UserError
from common.files import parse_json


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


@_uncollected()
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
