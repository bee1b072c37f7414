"""Label and result files as moments."""

from collections.abc import Mapping
from typing import Any

from common.data.events import EventClasses
from common.data.label_tally import classes_in_words, in_words
from common.data.labels import NO_POSITION, parse_labels
from common.errors import UserError, log
from common.files import parse_json
from common.results.predictions import parse_detections
from common.spots.moments import Moment


def parse_annotations(
    content: bytes, source: str, classes: EventClasses, told: set[str] | None = None
) -> list[Moment]:
    """Annotations of known classes in a label file's content, in its order.

    Args:
        told: labels whose loss was told before; the log names others that are of no known class
            and were not left out on purpose. None: who calls tells.

    Raises UserError as `parse_labels`, which names `source`.
    """
    known = parse_labels(content, source, classes)
    if told is not None:
        _tell_not_asked_for(source, known.unknown, classes, told)
    entries = [
        entry
        for entry in parse_json(content, source)["annotations"]
        if classes.index(entry["label"]) >= 0
    ]
    times = [
        1000 * seconds if milliseconds == NO_POSITION else milliseconds
        for seconds, milliseconds in zip(
            known.seconds.tolist(), known.milliseconds.tolist(), strict=True
        )
    ]
    columns = zip(known.half.tolist(), times, known.event.tolist(), entries, strict=True)
    return [
        Moment(
            half,
            time,
            classes.names[event],
            None,
            _text(entry, "visibility"),
            _text(entry, "team"),
            _as_written(entry["label"], classes.names[event]),
        )
        for half, time, event, entry in columns
    ]


def _as_written(label: str, name: str) -> str | None:
    return None if label == name else label


def _text(entry: dict[str, Any], key: str) -> str | None:
    value = entry.get(key)
    return value if isinstance(value, str) else None


def tell_left_out(source: str, labels: Mapping[str, int], told: set[str] | None = None) -> None:
    """Says on the log which labels are of no known class, and how often they are there.

    Args:
        told: labels that were told before, of other games; new ones are added.
    """
    new = {label: number for label, number in labels.items() if label not in (told or ())}
    if new:
        log.warning("%s: left out, of no known class: %s", source, in_words(new))
    if told is not None:
        told.update(new)


def _tell_not_asked_for(
    source: str, labels: Mapping[str, int], classes: EventClasses, told: set[str] | None
) -> None:
    asked_for = {label: n for label, n in labels.items() if label not in classes.left_out}
    tell_left_out(source, asked_for, told)


def parse_spots(
    content: bytes, source: str, classes: EventClasses, told: set[str] | None = None
) -> list[Moment]:
    """Detections of known classes in a result file's content, in its order.

    The log names the classes that are not known, but for those that are left out on purpose, and
    those that were `told`.

    Raises UserError as `parse_detections`, for a half that the game does not have, and where not
    one detection is of a known class although there are some.
    """
    number_of = {name: number for number, name in enumerate(classes.names)}
    read = parse_detections(content, source, number_of)
    if (wrong := (read.half > classes.halves)).any():
        raise UserError(
            f"{source}: expected halves 1 to {classes.halves}, found {read.half[wrong][0]}"
        )
    if read.unknown and not len(read):
        raise UserError(
            f"not one detection in {source} is of a known class: found "
            f"{in_words(read.unknown_labels)}; expected {classes_in_words(classes)}; pass "
            "--SoccerNet_path of a data set that has them, or the run's folder"
        )
    _tell_not_asked_for(source, read.unknown_labels, classes, told)
    columns = (read.half, read.milliseconds, read.event, read.confidence)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [Moment(half, ms, classes.names[event], sure) for half, ms, event, sure in rows]
