"""Findings about a data folder as people read them."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from rich.table import Table

from common.doctor.checks import GameReport
from common.errors import counted

_MOST_NAMED = 3  # games with the same findings


def summary(split: str, listed: int, reports: Sequence[GameReport], framerate: float = 2) -> str:
    """One line about a split, which lists so many games."""
    errors = sum(bool(report.errors) for report in reports)
    notes = sum(bool(report.notes) for report in reports)
    spots = sum(len(report.labels) for report in reports if report.labels is not None)
    part = f"{len(reports)} of " if len(reports) < listed else ""
    line = (
        f"{split}: {part}{counted(listed, 'game')}, {errors} with errors, {notes} with notes; "
        f"{counted(spots, 'spot')}"
    )
    frames = np.array([n for report in reports for n in report.frames.values()])
    if len(frames):
        shortest, median, longest = np.quantile(frames, [0, 0.5, 1]) / framerate / 60
        dimensions = Counter(d for report in reports for d in report.dimensions.values())
        line += (
            f"; {counted(len(frames), 'half', 'halves')} of {shortest:.1f} to {longest:.1f} min "
            f"(median {median:.1f}), {dimensions.most_common(1)[0][0]} features per frame"
        )
    return line


def findings_table(reports: Sequence[GameReport], with_notes: bool = True) -> Table:
    """The games that have findings, those with errors first; alike ones share a row."""
    games: dict[tuple[str, ...], list[str]] = {}
    for report in reports:
        notes = report.notes if with_notes else []
        findings = (*(f"error: {e}" for e in report.errors), *(f"note: {n}" for n in notes))
        if findings:
            games.setdefault(findings, []).append(report.game)
    table = Table("game", "findings", pad_edge=False, show_lines=True)
    for findings, alike in sorted(games.items(), key=lambda row: row[0][0].startswith("note")):
        named = alike[:_MOST_NAMED]
        if len(alike) > len(named):
            named = [*named[:1], f"and {counted(len(alike) - 1, 'more game')}"]
        table.add_row("\n".join(named), "\n".join(findings))
    return table
