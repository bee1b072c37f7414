"""Annotations and result files of many games on the evaluator's time line."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.data.events import EventClasses
from common.data.label_tally import LabelTally, classes_in_words, in_words, other_version
from common.data.labels import TimeField, parse_labels
from common.errors import UserError, counted, log
from common.metric.matching import Spots
from common.results.json_tree import JsonTree, folder_above, top_folder_advice
from common.results.predictions import RESULT_FILE, Detections, parse_detections

EVALUATION_FRAMERATE = 2  # whatever the framerate of the features
HALF_MINUTES = 120  # later spots count at the end of the half
_LEAST_FRAMERATE, _MOST_FRAMERATE = 0.1, 1000

_said: set[str] = set()  # remarks: runs that are compared have the same annotations


@dataclass(frozen=True)
class Reading:
    """How annotations and result files are read. The defaults are those of today's evaluator.

    Attributes:
        label_file: name of the games' annotations; None: that of the classes.
        prediction_file: name of the games' detections.
        framerate: frames per second of the time line that both are put on: 2 is that of
            SoccerNet-v2, 25 that of the ball actions.
        gt_time: "position" (milliseconds, as today) or "gameTime" (whole seconds, as in 2021).
        allow_missing: games without a result file count as games without detections.
        lenient: let pass what the official evaluator lets pass.

    Raises UserError for a framerate or a clock that there is not.
    """

    label_file: str | None = None
    prediction_file: str = RESULT_FILE
    framerate: float = EVALUATION_FRAMERATE
    gt_time: TimeField = "position"
    allow_missing: bool = False
    lenient: bool = False

    def __post_init__(self) -> None:
        rate = self.framerate
        numeric = isinstance(rate, int | float | np.number)
        if not (numeric and _LEAST_FRAMERATE <= rate <= _MOST_FRAMERATE):
            raise UserError(
                f"--framerate must be frames per second from {_LEAST_FRAMERATE} to "
                f"{_MOST_FRAMERATE}, found {rate!r}"
            )
        if self.gt_time not in ("position", "gameTime"):
            raise UserError(f"--gt-time must be position or gameTime, found {self.gt_time!r}")


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
        UserError: no games, missing games (with their list; with `allow_missing` if all are),
            malformed files, or no annotation or detection of a known class although there are some,
            or a file that is in a zip twice (unless `lenient`).
    """
    if not games:
        raise UserError("there are no games to evaluate; check --split and splits.json")
    file = reading.prediction_file
    if not reading.lenient:
        label_file = reading.label_file or classes.label_file
        labels.require_one_of_each(f"{game}/{label_file}" for game in games)
        predictions.require_one_of_each(f"{game}/{file}" for game in games)
    missing = [game for game in games if f"{game}/{file}" not in predictions]
    if missing and not (reading.allow_missing and len(missing) < len(games)):
        raise UserError(_missing_sentence(missing, file, predictions, len(games)))
    targets = read_targets(labels, games, classes, reading)
    absent = set(missing)
    present = [None if game in absent else game for game in games]
    return targets, read_detections(predictions, present, classes, reading)


def labelled_games(tree: JsonTree, games: Sequence[str], file: str) -> list[str]:
    """Those of the games that have a file of annotations; says on the log how many have not."""
    labelled = [game for game in games if f"{game}/{file}" in tree]
    if 0 < len(labelled) < len(games):
        unlabelled = next(game for game in games if game not in labelled)
        _say(
            f"{len(games) - len(labelled)} of {counted(len(games), 'game')} in {tree.root} have no "
            f"{file}, such as {unlabelled}: scores are of the other {len(labelled)}"
        )
    return labelled


def _say(sentence: str) -> None:
    """Puts a remark on the log, once."""
    if sentence not in _said:
        _said.add(sentence)
        log.warning("%s", sentence)


def read_targets(
    tree: JsonTree, games: Sequence[str], classes: EventClasses, reading: Reading = AS_TODAY
) -> Spots:
    """Annotated spots of all games; value +1 if visible, -1 if not shown.

    Raises UserError if there are annotations and not one is of a known class, unless
    `reading.lenient`.
    """
    parts = []
    tally = LabelTally(f"{counted(len(games), 'game')} in {tree.root}", classes)
    file, framerate = reading.label_file or classes.label_file, reading.framerate
    for number, game in enumerate(_with_progress(games, "labels")):
        source = f"{tree.root}/{game}/{file}"
        read = parse_labels(tree.read(f"{game}/{file}"), source, classes, reading.lenient)
        tally.add(read)
        sign = np.where(read.visible, 1.0, -1.0)
        half = number * classes.halves + read.half - 1
        parts.append(Spots(half, read.frames(framerate, reading.gt_time), read.event, sign))
    if not reading.lenient:
        tally.require_known_class()
    for remark in tally.remarks():
        _say(remark)
    return _joined(parts, framerate, f"annotations of {tally.where}")


def read_detections(
    tree: JsonTree,
    games: Sequence[str | None],
    classes: EventClasses,
    reading: Reading = AS_TODAY,
) -> Spots:
    """Detections of all games; a game that is None has none.

    Raises UserError if there are detections and not one is of a known class, unless
    `reading.lenient`.
    """
    number_of = {name: number for number, name in enumerate(classes.names)}
    parts: list[Spots] = []
    unknown: Counter[str] = Counter()
    file, framerate, lenient = reading.prediction_file, reading.framerate, reading.lenient
    for number, game in enumerate(_with_progress(games, "predictions")):
        if game is None:
            continue
        source = f"{tree.root}/{game}/{file}"
        read = parse_detections(tree.read(f"{game}/{file}"), source, number_of, lenient)
        unknown.update(read.unknown_labels)
        inside = _inside(read, classes, source, lenient)
        half = number * classes.halves + read.half - 1
        spots = Spots(half, read.frames(framerate), read.event, read.confidence)
        parts.append(spots.select(inside))
    for label in classes.left_out:  # on purpose
        unknown.pop(label, None)
    _tell_unknown(tree, sum(map(len, parts)), unknown, classes, lenient)
    found = _joined(parts, framerate, f"detections in {tree.root}")
    _tell_confidences(tree, found.value)
    return found


def _tell_confidences(tree: JsonTree, confidence: NDArray[np.float64]) -> None:
    """Says how many confidences the metric's thresholds from 0 to 1 do not tell apart."""
    below, above = int((confidence < 0).sum()), int((confidence > 1).sum())
    if below or above:
        _say(
            f"of {counted(len(confidence), 'detection')} in {tree.root}, {below} have a confidence "
            f"below 0 and do not count, {above} have one above 1 and count as if all had 1; write "
            "confidences from 0 to 1"
        )


def _tell_unknown(
    tree: JsonTree, known: int, unknown: Counter[str], classes: EventClasses, lenient: bool
) -> None:
    """Says how many detections do not count. Raises UserError if none does."""
    if unknown and not (known or lenient):
        raise UserError(
            f"not one detection in {tree.root} is of a known class: found {in_words(unknown)}; "
            f"expected {classes_in_words(classes)}{other_version(unknown, classes)}"
        )
    if unknown:
        _say(
            f"{counted(unknown.total(), 'detection')} in {tree.root} left out, of no known class: "
            f"{in_words(unknown)}"
        )
    elif not known:
        _say(f"there is not a single detection in {tree.root}")


def _missing_sentence(missing: list[str], file: str, tree: JsonTree, games: int) -> str:
    shown = "".join(f"\n  {game}" for game in missing[:10])
    more = f"\n  and {len(missing) - 10} more" if len(missing) > 10 else ""
    wanted = {f"{game}/{file}" for game in missing}
    above = next(filter(None, (folder_above(name, wanted) for name in tree.files())), None)
    advice = "add them, or pass --allow-missing to count them as without detections"
    if len(missing) == games:
        advice = "check the path, the name of the files and the split"
    if above is not None:
        advice = top_folder_advice(above, tree.root)
    return f"{tree.root} has no {file} for {len(missing)} of the games; {advice}:{shown}{more}"


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
    return inside


def _joined(parts: list[Spots], framerate: float, what: str) -> Spots:
    """All games' spots, held on the evaluator's time line of 120 minutes a half."""
    empty = np.empty(0, np.int64)
    parts = [*parts, Spots(empty, empty, empty, empty.astype(float))]
    half, frame, event, value = (
        np.concatenate([getattr(part, field) for part in parts])
        for field in ("half", "frame", "event", "value")
    )
    frames = int(HALF_MINUTES * 60 * framerate + 1e-6)  # 7200 * 1.13 is just below 8136
    if (frame < -frames).any():
        raise UserError(f"{what}: a position lies {HALF_MINUTES} minutes before its half")
    if late := int((frame >= frames).sum()):
        _say(
            f"{late} of {len(frame)} {what} lie behind {HALF_MINUTES} minutes, where the time line "
            "of the evaluator ends: they all count in its last frame, as one"
        )
    frame = np.where(frame < 0, frame + frames, frame)  # lenient only: as Python indices do
    return Spots(half, np.minimum(frame, frames - 1), event, value)


def _with_progress(games: Sequence[Any], what: str) -> Any:
    if not sys.stderr.isatty():  # also tqdm's own rule, but importing it takes a tenth of a second
        return games
    from tqdm import tqdm

    return tqdm(games, desc=f"reading {what}", unit="game", delay=1, leave=False)
