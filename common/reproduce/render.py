"""Shows a reproduced table: on the terminal, in Markdown, as CSV."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from common.files import write_bytes
from common.reproduce.page import page
from common.reproduce.report import TableReport, class_rows

_MARKDOWN = re.compile(r"([\\`*_\[\]<>|#~&])")


def write_report(report: TableReport, folder: Path) -> list[Path]:
    """Writes <table>.md, .csv and .html into `folder`; returns their paths."""
    forms = {".md": markdown, ".csv": comma_separated, ".html": page}
    paths = [folder / f"{report.table.name}{suffix}" for suffix in forms]
    for path, form in zip(paths, forms.values(), strict=True):
        write_bytes(path, form(report).encode())
    return paths


def print_report(report: TableReport) -> None:
    """Prints it as a table."""
    table = RichTable(title=Text(report.title), title_justify="left", pad_edge=False)
    for column in report.columns:
        table.add_column(column, justify="left" if column in ("row", "verdict") else "right")
    for row in report.rows():
        table.add_row(*map(Text, row))
    whole = Console(width=1000).measure(table).maximum
    console = Console(width=max(Console().width, whole), highlight=False)
    console.print(table)
    for remark in (*report.remarks, *map(str, report.steps)):
        console.print(Text(remark), soft_wrap=True)


def markdown(report: TableReport) -> str:
    """The table, its remarks and the classes, for a README."""
    lines = [f"# {escaped(report.title)}", ""]
    lines += [line for remark in report.remarks for line in (escaped(remark), "")]
    notes = [(each.row.source, each.row.note) for each in report.outcomes]
    rows = [(*row, *more) for row, more in zip(report.rows(), notes, strict=True)]
    lines += _grid((*report.columns, "source", "note"), rows)
    lines += ["", *(f"- {escaped(str(step))}" for step in report.steps)]
    for outcome in report.outcomes:
        if outcome.row.per_class and outcome.per_class:
            lines += ["", f"## {escaped(outcome.row.name)}, by class", ""]
            lines += _grid(("class", "published", "ours", "difference"), class_rows(outcome))
    return "\n".join(lines).rstrip() + "\n"


def _grid(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    texts = [columns, ["---"] * len(columns), *([escaped(cell) for cell in row] for row in rows)]
    return ["| " + " | ".join(row) + " |" for row in texts]


def escaped(text: str) -> str:
    """`text` as Markdown shows it letter by letter, on one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def comma_separated(report: TableReport) -> str:
    """One line per row with all digits, for other programs."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((
        "table", "row", "split", "metric", "kind", "clock", "published", "published_sd", "mean",
        "sd", "n", "wanted", "best", "low", "high", "difference", "verdict", "seeds", "source",
        "note",
    ))  # fmt: skip
    for o in report.outcomes:
        low, high = o.interval or (None, None)
        writer.writerow((
            report.table.name, o.row.name, o.row.split, o.row.metric, o.row.kind, o.row.clock,
            o.row.published, o.row.spread, o.mean, o.sd, len(o.scores), o.wanted, o.best, low, high,
            None if o.other else o.difference, o.verdict, " ".join(map(str, o.scores)),
            o.row.source, o.row.note,
        ))  # fmt: skip
    return out.getvalue()
