"""The spots that somebody wants to read: above a threshold, in the order of time; as files, too."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np
from rich.table import Table

from common.data.features import Half
from common.errors import counted
from common.files import read_whole, write_bytes, write_json
from common.results.confidences import beyond_measure, lowest_kept, told_lowest
from common.results.operating_points import POINT_FILE, OperatingPoint, given_point
from common.results.predictions import Detections, parse_detections
from common.results.tables import print_table

UNCHOSEN = 0.5  # threshold of all classes in a run for which none were chosen


def point_of(
    run: Path,
    names: tuple[str, ...],
    threshold: float | str | None = None,
    lowest: float = 0.0,
) -> tuple[OperatingPoint, str]:
    """The thresholds from which spots are shown, and where they come from, in words.

    Args:
        run: folder that may have an operating_point.json.
        threshold: for all classes; auto: as saved; None: as saved, else `UNCHOSEN`.
        lowest: confidence that the run keeps: `lowest_kept`.
    """
    saved = (run / POINT_FILE).is_file()
    if threshold == "auto" or (threshold is None and saved):
        point = given_point("auto", None, run, names)
        return point, f"at or above the thresholds chosen on {point.chosen_on}"
    value = UNCHOSEN if threshold is None else float(threshold)
    words = f"at or above {value:g}"
    if lowest > 0 and value <= lowest:
        words += f"; {told_lowest(lowest)}"
    elif threshold is None:
        choose = f"python -m common.operating_point {quote(str(run))}"
        words += f", for no thresholds were chosen: {choose}"
    return given_point(value, None, run, names), words + beyond_measure(value)


def read_spots(path: Path, names: Sequence[str], point: OperatingPoint) -> Detections:
    """Detections of a result file at or above the thresholds, by half and time."""
    number_of = {name: number for number, name in enumerate(names)}
    found = parse_detections(read_whole(path, "detections"), str(path), number_of)
    kept = np.flatnonzero(found.confidence >= point.thresholds[found.event])
    order = kept[np.lexsort((found.event[kept], found.milliseconds[kept], found.half[kept]))]
    columns = (getattr(found, each.name)[order] for each in fields(Detections)[:4])
    return Detections(*columns)


def tell_spots(
    halves: Sequence[Half], written: Sequence[Path], names: tuple[str, ...], run: Path
) -> None:
    """Prints what was spotted in, what was written, and the spots above the run's thresholds.

    Args:
        written: files, a result file first.
        run: folder of the weights.
    """
    lengths = [f"{half.features.frames} frames of half {half.number}" for half in halves]
    print(f"{', '.join(lengths)}:", *written, sep="\n  ")
    folder = written[0].parent
    lowest = lowest_kept(folder.parent, folder.name.removeprefix("outputs_"))
    show_spots(written[0], names, *point_of(run, names, lowest=lowest))


def show_spots(path: Path, names: Sequence[str], point: OperatingPoint, title: str) -> Detections:
    """Prints the spots of a result file, or how sure its surest detection is; returns them."""
    spots = read_spots(path, names, point)
    print_spots(spots, names, title)
    if not len(spots):
        every = OperatingPoint(np.full(len(names), -np.inf), point.tolerance)
        print(_surest(read_spots(path, names, every), names))
    return spots


def clock(milliseconds: int) -> str:
    """Minutes and seconds of a half: 5025000 ms is 83:45."""
    return f"{milliseconds // 60_000:02d}:{milliseconds // 1000 % 60:02d}"


def print_spots(spots: Detections, names: Sequence[str], title: str) -> None:
    """Prints half, time, class and confidence of each, or that there is none."""
    print(f"{counted(len(spots), 'spot')} {title}")
    if not len(spots):
        return
    table = Table(pad_edge=False)
    table.add_column("half", justify="right")
    table.add_column("time", justify="right")
    table.add_column("class", no_wrap=True)
    table.add_column("confidence", justify="right")
    for half, milliseconds, name, confidence in _rows(spots, names):
        table.add_row(str(half), clock(milliseconds), name, f"{confidence:.3f}")
    print_table(table)


def write_spots(
    spots: Detections,
    names: Sequence[str],
    about: Mapping[str, Any],
    json_file: Path,
    csv_file: Path,
) -> None:
    """Writes the spots as JSON, with what else is known of them, and as CSV."""
    columns = ("half", "time", "milliseconds", "class", "confidence")
    rows = [(half, clock(ms), ms, name, sure) for half, ms, name, sure in _rows(spots, names)]
    listed = [dict(zip(columns, row, strict=True)) for row in rows]
    write_json(json_file, {**about, "spots": listed})
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    write_bytes(csv_file, text.getvalue().encode())


def _surest(found: Detections, names: Sequence[str]) -> str:
    """What somebody has to know who was shown nothing."""
    if not len(found):
        return "there are no detections at all"
    half, milliseconds, name, confidence = max(_rows(found, names), key=lambda row: row[3])
    return (
        f"the surest of {counted(len(found), 'detection')} has {confidence:.3f}: {name}, half "
        f"{half}, {clock(milliseconds)}; common.spot shows more with a lower --threshold"
    )


def _rows(spots: Detections, names: Sequence[str]) -> list[tuple[int, int, str, float]]:
    """Half, milliseconds, class and confidence of each spot."""
    labels = [names[event] for event in spots.event.tolist()]
    return list(zip(spots.half.tolist(), spots.milliseconds.tolist(), labels,
                    spots.confidence.tolist(), strict=True))  # fmt: skip
