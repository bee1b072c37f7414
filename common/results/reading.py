"""Annotations and result files of many games on the evaluator's time line."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.data.events import EventClasses
from common.data.labels import TimeField, parse_labels
from common.errors import UserError
from common.metric.matching import Spots
from common.results.predictions import RESULT_FILE, Detections, JsonTree, parse_detections

EVALUATION_FRAMERATE = 2  # whatever the framerate of the features
HALF_MINUTES = 120  # later spots count at the end of the half


@dataclass(frozen=True)
class Reading:
    """How annotations and result files are read. The defaults are those of today's evaluator.

    Attributes:
        label_file: name of the games' annotations; None: that of the classes.
        prediction_file: name of the games' detections.
        framerate: frames per second of the time line that both are put on.
        gt_time: "position" (milliseconds, as today) or "gameTime" (whole seconds, as in 2021).
        allow_missing: games without a result file count as games without detections.
        lenient: let pass what the official evaluator lets pass.
    """

    label_file: str | None = None
    prediction_file: str = RESULT_FILE
    framerate: int = EVALUATION_FRAMERATE
    gt_time: TimeField = "position"
    allow_missing: bool = False
    lenient: bool = False


AS_TODAY = Reading()


def read_games(
    labels: JsonTree,
    predictions: JsonTree,
    games: Sequence[str],
    classes: EventClasses,
    reading: Reading = AS_TODAY,
) -> tuple[Spots, Spots]:
    """Annotated spots and detections of all games.

    Raises:
        UserError: no games, missing games (with their list), malformed files.
    """
    if not games:
        raise UserError("there are no games to evaluate; check --split and splits.json")
    file = reading.prediction_file
    missing = [game for game in games if f"{game}/{file}" not in predictions]
    if missing and not reading.allow_missing:
        raise UserError(_missing_sentence(missing, file, predictions.root))
    targets = read_targets(labels, games, classes, reading)
    absent = set(missing)
    present = [None if game in absent else game for game in games]
    return targets, read_detections(predictions, present, classes, reading)


def read_targets(
    tree: JsonTree, games: Sequence[str], classes: EventClasses, reading: Reading = AS_TODAY
) -> Spots:
    """Annotated spots of all games; value +1 if visible, -1 if not shown."""
    parts = []
    file, framerate = reading.label_file or classes.label_file, reading.framerate
    for number, game in enumerate(_with_progress(games, "labels")):
        source = f"{tree.root}/{game}/{file}"
        read = parse_labels(tree.read(f"{game}/{file}"), source, classes, reading.lenient)
        sign = np.where(read.visible, 1.0, -1.0)
        half = number * classes.halves + read.half - 1
        parts.append(Spots(half, read.frames(framerate, reading.gt_time), read.event, sign))
    return _joined(parts, framerate)


def read_detections(
    tree: JsonTree,
    games: Sequence[str | None],
    classes: EventClasses,
    reading: Reading = AS_TODAY,
) -> Spots:
    """Detections of all games; a game that is None has none."""
    number_of = {name: number for number, name in enumerate(classes.names)}
    parts = []
    file, framerate, lenient = reading.prediction_file, reading.framerate, reading.lenient
    for number, game in enumerate(_with_progress(games, "predictions")):
        if game is None:
            continue
        source = f"{tree.root}/{game}/{file}"
        read = parse_detections(tree.read(f"{game}/{file}"), source, number_of, lenient)
        inside = _inside(read, classes, source, lenient)
        half = number * classes.halves + read.half - 1
        spots = Spots(half, read.frames(framerate), read.event, read.confidence)
        parts.append(spots.select(inside))
    return _joined(parts, framerate)


def _missing_sentence(missing: list[str], file: str, root: Path) -> str:
    shown = "".join(f"\n  {game}" for game in missing[:10])
    more = f"\n  and {len(missing) - 10} more" if len(missing) > 10 else ""
    return (
        f"{root} has no {file} for {len(missing)} of the games; add them, or pass --allow-missing "
        f"to count them as without detections:{shown}{more}"
    )


def _inside(
    read: Detections, classes: EventClasses, source: str, lenient: bool
) -> NDArray[np.bool_]:
    """Which detections lie in a half that the game has."""
    if classes.substring_match and read.unknown:
        raise UserError(
            f"{source} holds labels other than {', '.join(classes.names)}; for SoccerNet-v2 "
            "results pass --version 2"
        )
    inside = (read.half >= 1) & (read.half <= classes.halves)
    if not (lenient or inside.all()):
        wrong = int(read.half[~inside][0])
        raise UserError(f"{source}: expected halves 1 to {classes.halves}, found half {wrong}")
    if (read.milliseconds < -HALF_MINUTES * 60_000).any():
        raise UserError(f"{source} holds a position {HALF_MINUTES} minutes before its half")
    return inside


def _joined(parts: list[Spots], framerate: int) -> Spots:
    """All games' spots, held on the evaluator's time line of 120 minutes a half."""
    empty = np.empty(0, np.int64)
    parts = [*parts, Spots(empty, empty, empty, empty.astype(float))]
    half, frame, event, value = (
        np.concatenate([getattr(part, field) for part in parts])
        for field in ("half", "frame", "event", "value")
    )
    frames = HALF_MINUTES * 60 * framerate
    frame = np.where(frame < 0, frame + frames, frame)  # lenient only: as Python indices do
    return Spots(half, np.minimum(frame, frames - 1), event, value)


def _with_progress(games: Sequence[Any], what: str) -> Any:
    if not sys.stderr.isatty():  # also tqdm's own rule, but importing it takes a tenth of a second
        return games
    from tqdm import tqdm

    return tqdm(games, desc=f"reading {what}", unit="game", delay=1, leave=False)
