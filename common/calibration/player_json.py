"""Box and calibration files, JSON of tens of MB per half, as arrays."""

import gc
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.calibration.pitch import image_to_pitch
from common.errors import UserError
from common.files import parse_json

SMALLEST_PICTURE, LARGEST_PICTURE = 16, 100_000  # pixels, of a side
_FARTHEST = 1_000_000  # pixels, that a box may lie from the corner of its picture
_SUREST = 1 + 1e-6  # confidence, rounded upward
_BOX, _COLOUR = 4, 3  # numbers of which each has at least
_BRIGHTEST = 255 + 1e-6  # of a colour, rounded upward
_ADVICE = "download it again if it is a released file, else mend it (format: docs/data.md, Players)"


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


def is_parsed(arrays: Mapping[str, NDArray], facts: Mapping[str, Any]) -> bool:
    """Whether arrays and picture sizes are such as `parse_players` gives, from wherever."""
    try:
        offsets, boxes, colours = (arrays[name] for name in ("offsets", "boxes", "colours"))
        inverses, confidences = arrays["inverses"], arrays["confidences"]
        pictures = [facts[f"{name}_picture"] for name in ("box", "camera")]
        return (
            offsets.dtype == np.int64
            and boxes.shape == (len(boxes), _BOX)
            and colours.shape == (len(boxes), _COLOUR)
            and inverses.shape == (len(confidences), 3, 3)
            and confidences.shape == (len(inverses),)
            and all(each.dtype.kind == "f" for each in (boxes, colours, inverses, confidences))
            and bool(offsets[0] == 0 and offsets[-1] == len(boxes))
            and bool((offsets[:-1] <= offsets[1:]).all())
            and bool((np.abs(boxes) <= _FARTHEST).all())
            and bool(((colours >= 0) & (colours <= _BRIGHTEST)).all())
            and not np.isinf(inverses).any()
            and bool((np.abs(confidences) <= _SUREST).all())
            and all(len(sides) == 2 and all(map(_is_side, sides)) for sides in pictures)
        )
    except (LookupError, TypeError, ValueError):
        return False


def _parsed(content: bytes, source: str) -> dict[str, Any]:
    parsed = _parsed_json(content, source)
    if not isinstance(parsed, dict) or not isinstance(parsed.get("predictions"), list):
        raise UserError(f'{source} has no list "predictions"; {_ADVICE}')
    return parsed


def _parsed_json(content: bytes, source: str) -> Any:
    """As `parse_json`, but with NaN and Infinity, which Python's writer leaves in JSON."""
    try:
        return parse_json(content, source)
    except UserError:
        if b"NaN" not in content and b"Infinity" not in content:
            raise
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            pass
        raise


def _require_kind(predictions: list[Any], source: str, *, boxes: bool) -> None:
    """Raises UserError for boxes in the place of calibrations, and the reverse."""
    entry = next(filter(None, predictions), None)
    first = entry[0] if isinstance(entry, list) else entry
    if not isinstance(first, dict):
        return
    kinds = ("a file of boxes", "a file of calibrations")
    expected, found = kinds if boxes else kinds[::-1]
    if ("homography" if boxes else "bboxes") in first:
        raise UserError(
            f"expected {expected} at {source}, found {found}; put the right file there, and look "
            "at the other one of this half"
        )


def _picture(content: dict[str, Any], source: str) -> list[int]:
    size = content.get("size")
    if not isinstance(size, list) or len(size) < 3 or not all(map(_is_side, size[1:3])):
        raise UserError(
            f'{source}: expected "size": [frames, height, width, …] in whole pixels, from '
            f"{SMALLEST_PICTURE} to {LARGEST_PICTURE}, found {str(size)[:80]}; {_ADVICE}"
        )
    return [int(size[1]), int(size[2])]


def _is_side(value: Any) -> bool:
    numbers = type(value) in (int, float) and SMALLEST_PICTURE <= value <= LARGEST_PICTURE
    return numbers and value == int(value)


def _boxes(
    predictions: list[Any], source: str
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Offsets [n + 1], boxes [K, 4] and colours [K, 3] of all frames."""
    _require_kind(predictions, source, boxes=True)
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
            f'{source}: prediction {number} needs "bboxes" and "colors"; {_ADVICE}'
        ) from None
    try:
        counts = np.fromiter(map(len, per_frame), np.int64, len(per_frame))
        of_colours = np.fromiter(map(len, colours), np.int64, len(colours))
        if (counts == of_colours).all():
            total = int(counts.sum())
            boxes = _table(per_frame, total, _BOX)
            tints = _table(colours, total, _COLOUR)
            if not ((tints >= 0) & (tints <= _BRIGHTEST)).all():
                raise ValueError("not in a byte")
            return np.append(0, np.cumsum(counts)), boxes, tints
    except (TypeError, ValueError, OverflowError):
        pass
    number, found = _first_odd(per_frame, colours)
    raise UserError(
        f"{source}: prediction {number}: expected as many boxes [x1, y1, x2, y2] as colours of "
        f"three numbers from 0 to 255, found {found}; {_ADVICE}"
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
    numbers = list(chain.from_iterable(flat))
    if not set(map(type, numbers)) <= {int, float}:  # of which numpy would take "1", true and null
        raise ValueError("not numbers")
    table = np.array(numbers, np.float64).reshape(rows, found)
    if not (np.abs(table) <= _FARTHEST).all():
        raise ValueError("not finite, or far away")
    return table[:, :width]


def _first_odd(boxes: list[Any], colours: list[Any]) -> tuple[int, str]:
    """Number of the first frame whose boxes or colours are no table like the others', and why."""
    widths = [_usual_length(table, least) for table, least in ((boxes, _BOX), (colours, _COLOUR))]
    for number, pair in enumerate(zip(boxes, colours, strict=True)):
        for rows, width in zip(pair, widths, strict=True):
            if not isinstance(rows, list):
                return number, repr(rows)[:80]
            for row in rows:
                if not _is_row(row, width):
                    return number, f"{str(row)[:80]} where others have {width} numbers"
                if rows is pair[1] and not all(0 <= n <= _BRIGHTEST for n in row[:_COLOUR]):
                    return number, f"the colour {str(row)[:80]}"
        if len(pair[0]) != len(pair[1]):
            return number, f"{len(pair[0])} boxes and {len(pair[1])} colours"
    return 0, "something else"


def _usual_length(table: list[Any], least: int) -> int:
    """How many numbers most rows have, of those that have enough."""
    frames = (rows for rows in table if isinstance(rows, list))
    lengths = Counter(len(row) for row in chain.from_iterable(frames) if isinstance(row, list))
    return max((n for n in lengths if n >= least), key=lambda n: lengths[n], default=least)


def _is_row(row: Any, width: int) -> bool:
    numbers = isinstance(row, list) and all(type(n) in (int, float) for n in row)
    return numbers and len(row) == width and all(abs(n) <= _FARTHEST for n in row)


def _cameras(
    predictions: list[Any], source: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Homographies [m, 3, 3], NaN where there is none, and confidences [m], -1 there.

    A frame has none if its entry is empty, or if its homography or confidence is NaN.
    """
    _require_kind(predictions, source, boxes=False)
    homographies = np.full((len(predictions), 9), np.nan)
    confidences = np.full(len(predictions), -1.0)
    for number, entry in enumerate(predictions):
        if not entry:
            continue
        try:
            camera, sure = _camera(entry)
        except (KeyError, TypeError, ValueError, OverflowError):
            raise UserError(
                f'{source}: prediction {number}: expected [{{"homography": [9 numbers], '
                f'"confidence": from 0 to 1}}] or an empty list, found {str(entry)[:80]}; '
                f"{_ADVICE}"
            ) from None
        if not any(map(math.isnan, (sure, *camera))):
            homographies[number], confidences[number] = camera, sure
    return homographies.reshape(-1, 3, 3), confidences


def _camera(entry: Any) -> tuple[list[float], float]:
    """Homography, which may be three rows of three, and confidence. Raises as `float` does."""
    camera, sure = entry[0]["homography"], entry[0]["confidence"]
    if len(camera) == 3 and all(isinstance(row, list) and len(row) == 3 for row in camera):
        camera = list(chain.from_iterable(camera))
    if len(camera) != 9 or not {type(number) for number in (sure, *camera)} <= {int, float}:
        raise ValueError("not nine numbers and one")
    if any(map(math.isinf, camera)) or abs(sure) > _SUREST:
        raise ValueError("infinite, or more than sure")
    return [float(number) for number in camera], float(sure)


def _smallest(table: NDArray[np.float64]) -> NDArray:
    """In single precision if that loses nothing, as with numbers that were written from it."""
    single = table.astype(np.float32)
    return single if np.array_equal(single, table) else table
