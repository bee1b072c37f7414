"""Annotation files: a strict reader that returns arrays."""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from common.data.events import EventClasses
from common.errors import UserError
from common.files import parse_json, read_whole

TimeField = Literal["gameTime", "position"]

NO_POSITION = -1
_FARTHEST = 2**53  # milliseconds: far behind every half, and still an array entry
_GAME_TIME = re.compile(r"([0-9]) - ([0-9]{2,3}):([0-5][0-9])")


@dataclass(frozen=True)
class Labels:
    """The annotated spots of one game, in file order, one array entry per spot.

    Spots of classes that the data set does not know are left out and counted in `unknown`.
    """

    half: NDArray[np.int64]  # 1, 2, …
    seconds: NDArray[np.int64]  # gameTime inside the half, whole seconds
    milliseconds: NDArray[np.int64]  # position inside the half, NO_POSITION without one
    event: NDArray[np.int64]  # class number
    visible: NDArray[np.bool_]  # False only for "not shown"
    unknown: dict[str, int]  # label -> number of spots left out

    def __len__(self) -> int:
        return len(self.half)

    def frames(self, framerate: float, time: TimeField = "gameTime") -> NDArray[np.int64]:
        """Feature row of each spot, from the whole-second clock or from the position in ms.

        A spot without a position keeps its gameTime. The float expression is the published
        evaluator's; at 25 fps it differs from exact integer arithmetic now and then.
        """
        whole = (framerate * self.seconds).astype(np.int64)
        if time == "gameTime":
            return whole
        exact = (framerate * (self.milliseconds / 1000)).astype(np.int64)
        return np.where(self.milliseconds != NO_POSITION, exact, whole)


def read_labels(path: Path, classes: EventClasses) -> Labels:
    """Spots of a label file. Raises UserError naming file, annotation and field."""
    return parse_labels(read_whole(path, "the annotations"), str(path), classes)


def parse_labels(
    content: bytes, source: str, classes: EventClasses, lenient: bool = False
) -> Labels:
    """Spots of a label file's content; `source` names the file in errors.

    `lenient` reads as the official evaluator does: clocks by their first and last digits, any
    position; spots of a half that the game does not have are dropped. Otherwise these are errors.
    """
    parsed = parse_json(content, source, lenient)
    annotations = parsed.get("annotations") if isinstance(parsed, dict) else None
    if lenient and annotations in ({}, ""):  # it goes through them, and finds nothing
        annotations = []
    if not isinstance(annotations, list):
        raise UserError(f'{source} has no list "annotations"; it is not a label file')
    class_of_label: dict[str, int] = {}
    unknown: dict[str, int] = {}
    rows = []
    halves = range(1, classes.halves + 1)
    for number, annotation in enumerate(annotations):
        read = _as_official(annotation, classes) if lenient else None
        half, seconds, milliseconds, label, visible = read or _parse_annotation(
            annotation, number, source
        )
        if label not in class_of_label:
            class_of_label[label] = classes.index(label)
        if (event := class_of_label[label]) < 0:
            unknown[label] = unknown.get(label, 0) + 1
        else:
            rows.append((half, seconds, milliseconds, event, visible))
        if half not in halves and not lenient:
            expected = f"a half from 1 to {classes.halves}, the most that a game has"
            raise _field_error(source, number, "gameTime", expected, annotation["gameTime"])
    columns = np.array([row for row in rows if row[0] in halves], np.int64).reshape(-1, 5).T
    half_of, clock, position, event_of, shown = columns
    return Labels(half_of, clock, position, event_of, shown.astype(bool), unknown)


_Annotation = tuple[int, int, int, str, bool]  # half, seconds, milliseconds, label, visible


def _as_official(annotation: Any, classes: EventClasses) -> _Annotation | None:
    """An annotation as the official evaluator reads it; None where it would fail."""
    try:
        clock, label = annotation["gameTime"], annotation["label"]
        half, minutes, seconds = int(clock[0]), int(clock[-5:-3]), int(clock[-2:])
        milliseconds = NO_POSITION
        if "position" in annotation:
            milliseconds = max(-_FARTHEST, min(int(annotation["position"]), _FARTHEST))
            # One before the first millisecond is read as two before it: the same frame.
            milliseconds -= milliseconds == NO_POSITION
        if not isinstance(label, str):  # is of no class, unless it cannot be looked up
            if classes.substring_match or not isinstance(label, Hashable):
                return None
            label = f"{label!r}, not a text"
        visible = annotation.get("visibility") != "not shown"
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError):
        return None
    return half, 60 * minutes + seconds, milliseconds, label, visible


def _parse_annotation(annotation: Any, number: int, source: str) -> _Annotation:
    if not isinstance(annotation, dict):
        raise _field_error(source, number, "entry", "an object", annotation)
    label = annotation.get("label")
    if not isinstance(label, str):
        raise _field_error(source, number, "label", "a class name", label)
    game_time = annotation.get("gameTime")
    clock = _half_and_seconds(game_time) if isinstance(game_time, str) else None
    if clock is None:
        raise _field_error(source, number, "gameTime", '"half - MM:SS"', game_time)
    milliseconds = NO_POSITION
    if "position" in annotation:
        milliseconds = _parse_position(annotation["position"], number, source)
    visible = annotation.get("visibility") != "not shown"
    return *clock, milliseconds, label, visible


@lru_cache(maxsize=1 << 14)  # a half has few distinct times, a data set many annotations
def _half_and_seconds(game_time: str) -> tuple[int, int] | None:
    match = _GAME_TIME.fullmatch(game_time)
    if match is None:
        return None
    half, minutes, seconds = map(int, match.groups())
    return half, 60 * minutes + seconds


def _parse_position(value: Any, number: int, source: str) -> int:
    try:
        milliseconds = whole_number(value)
    except (TypeError, ValueError, OverflowError):
        milliseconds = -1
    if milliseconds < 0 or isinstance(value, bool) or (isinstance(value, float) and value < 0):
        raise _field_error(source, number, "position", "whole milliseconds from 0 on", value)
    return min(milliseconds, _FARTHEST)


def whole_number(value: Any) -> int:
    """What int() makes of a value of a JSON file; a text may also be a whole number as "10000.0".

    Raises what int() raises.
    """
    try:
        return int(value)
    except ValueError:
        if not isinstance(value, str) or not float(value).is_integer():
            raise
        return int(float(value))


def _field_error(source: str, number: int, field: str, expected: str, found: Any) -> UserError:
    return UserError(
        f"{source}: annotation {number}, field {field}: expected {expected}, found {found!r}; "
        "correct or download the file again"
    )
