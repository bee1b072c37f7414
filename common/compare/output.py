"""Comparisons of runs as tables: on the screen, in Markdown, CSV and JSON."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from common.compare.paired import AVERAGE, Line
from common.errors import UserError
from common.files import write_bytes, write_json
from common.metric.average_map import TOLERANCES_SECONDS, published_factor
from common.metric.bootstrap import LEVEL, Interval
from common.results.tables import print_table

SUFFIXES = (".json", ".csv", ".md")


@dataclass(frozen=True)
class Cells:
    """A table as text. The first `names` columns hold names, the others numbers."""

    title: str
    names: int
    header: list[str]
    rows: list[list[str]]


def comparison_tables(lines: Sequence[Line], about: str, per_class: bool) -> list[Cells]:
    """The scores of all runs and, if there are several, their differences to the first one."""
    first = lines[0].run
    shown = [line for line in lines if per_class or line.event == AVERAGE]
    level = f"{100 * LEVEL:.0f} % intervals"
    if any(published_factor(line.kind, TOLERANCES_SECONDS[line.metric]) != 1 for line in shown):
        about += "; averages of unshown spots are multiplied by 17/13, as published"
    scores = _cells(f"average-mAP (%) with {level}, {about}", shown, _score, per_class)
    others = [line for line in shown if line.difference is not None]
    if not others:
        return [scores]
    title = f"difference to {first}, paired over games, with {level} and p"
    return [scores, _cells(title, others, _difference, per_class)]


def _cells(
    title: str, lines: Sequence[Line], text: Callable[[Line], str], per_class: bool
) -> Cells:
    """Runs, or classes and runs, as rows; metrics and kinds of spots as columns."""
    columns = list(dict.fromkeys((line.metric, line.kind) for line in lines))
    rows: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        row = rows.setdefault((line.event, line.run), ["-"] * len(columns))
        row[columns.index((line.metric, line.kind))] = text(line)
    # The average stands below the classes, as in the other tables.
    order = sorted(rows, key=lambda row: row[0] == AVERAGE)
    names = ["class", "run"] if per_class else ["run"]
    return Cells(
        title,
        len(names),
        names + [metric if kind == "all" else f"{metric}, {kind}" for metric, kind in columns],
        [[*row[-len(names) :], *rows[row]] for row in order],
    )


def _score(line: Line) -> str:
    return _interval(line.score)


def _difference(line: Line) -> str:
    assert line.difference is not None
    return f"{_interval(line.difference, '+')} p {line.p:.4f}"


def _interval(interval: Interval, sign: str = "") -> str:
    value, low, high = (
        f"{100 * bound:{sign}.2f}" for bound in (interval.value, interval.low, interval.high)
    )
    return f"{value} [{low}, {high}]"


def print_tables(tables: Sequence[Cells]) -> None:
    """Prints the tables as wide as they are, so that they are whole in a log file, too."""
    for cells in tables:
        table = Table(title=cells.title, title_justify="left", pad_edge=False)
        for number, name in enumerate(cells.header):
            table.add_column(name, justify="left" if number < cells.names else "right")
        for before, row in zip([None, *cells.rows], cells.rows, strict=False):
            if cells.names > 1 and before and before[0] != row[0]:
                table.add_section()
            table.add_row(*row)
        print_table(table)


def check_suffix(path: Path) -> None:
    """Raises UserError unless the file's name says in which of our forms to write it."""
    if path.suffix not in SUFFIXES:
        raise UserError(f"--output must end in {', '.join(SUFFIXES)}, found {path}")


def write_output(
    path: Path, lines: Sequence[Line], tables: Sequence[Cells], facts: Mapping[str, Any]
) -> None:
    """Writes all numbers (.json, .csv) or the tables as they are printed (.md).

    Args:
        facts: how the numbers were made, for .json.
    """
    if path.suffix == ".json":
        write_json(path, {**facts, "level": LEVEL, "lines": [asdict(line) for line in lines]})
    elif path.suffix == ".csv":
        write_bytes(path, _csv(lines).encode())
    else:
        write_bytes(path, "\n".join(map(_markdown, tables)).encode())


def _csv(lines: Sequence[Line]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = ["metric", "kind", "event", "run"]
    writer.writerow(
        [*names, "value", "low", "high", "difference", "difference_low", "difference_high", "p"]
    )
    for line in lines:
        intervals = (line.score, line.difference)
        numbers = [(i.value, i.low, i.high) if i else ("", "", "") for i in intervals]
        p = "" if line.p is None else line.p
        writer.writerow([*(getattr(line, name) for name in names), *numbers[0], *numbers[1], p])
    return text.getvalue()


def _markdown(cells: Cells) -> str:
    marks = ["---"] * cells.names + ["---:"] * (len(cells.header) - cells.names)
    rows = [cells.header, marks, *cells.rows]
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join([f"{cells.title}\n", *(f"| {' | '.join(row)} |" for row in escaped), ""])
