"""The rows of a table that a command asks for: their runs, and what those found."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from common.data.games import read_splits
from common.errors import UserError, counted
from common.reproduce.intervals import bounded
from common.reproduce.outcome import finished_folder, other_reason, outcome_of
from common.reproduce.report import TableReport
from common.reproduce.runs import (
    TableRun,
    Workspace,
    features_of,
    plan,
    runs_of,
)
from common.reproduce.tables import Row, Table
from common.results.typed_commands import typed


@dataclass(frozen=True)
class Selection:
    """Rows of a table, and how their runs differ from it.

    Attributes:
        data: data root as given; that of the workspace is absolute.
        extra: flags appended to those of each run, so that they win.
        seeds: in place of the table's.
        any_code: take finished runs of the same settings by an earlier state of the code, too.
    """

    workspace: Workspace
    data: Path
    table: Table
    rows: Sequence[Row]
    extra: Sequence[str] = ()
    seeds: Sequence[int] | None = None
    any_code: bool = False

    def runs(self) -> list[TableRun]:
        """The different runs of all rows, seed by seed."""
        return plan(self.rows, self.workspace, self.extra, self.seeds)

    def missing(self, runs: Sequence[TableRun]) -> list[TableRun]:
        """Those of the runs that have no results yet."""
        return [run for run in runs if finished_folder(run, self.any_code) is None]

    def report(self) -> TableReport:
        """The table with what finished runs found, and the intervals of their scores."""
        outcomes = [
            outcome_of(
                row,
                runs_of(row, self.workspace, self.extra, self.seeds),
                other_reason(row, self.extra, self.data),
                self.any_code,
            )
            for row in self.rows
        ]
        reasons = dict.fromkeys(
            o.other for o in outcomes if o.other and o.row.published is not None
        )
        remarks = [
            "No verdict: the published column is about SoccerNet with the table's features and "
            f"settings; here {reason}."
            for reason in reasons
        ]
        found = bounded(outcomes, self.table.order, self.data)
        return TableReport(
            self.workspace.baseline,
            self.table,
            found.outcomes,
            os.fspath(self.data),
            remarks + found.remarks,
            found.steps,
        )


def choose_table(tables: dict[str, Table], name: str | None, data: Path) -> Table:
    """The table that was asked for, or the one that suits the data."""
    own = "embedded" in tables and (data / "splits.json").is_file()
    chosen = name or ("embedded" if own else "main")
    if chosen not in tables:
        raise UserError(f"no table {chosen!r}; choose of {', '.join(tables)}")
    return tables[chosen]


def choose_rows(table: Table, names: Sequence[str] | None) -> list[Row]:
    """The rows of these names, in the order of the table; all without names."""
    known = [row.name for row in table.rows]
    unknown = next((name for name in names or () if name not in known), None)
    if unknown is not None:
        raise UserError(f"table {table.name} has no row {unknown!r}; choose of {', '.join(known)}")
    return [row for row in table.rows if names is None or row.name in names]


def describe_amount(table: Table, runs: int, missing: int) -> str:
    """How many runs there are, and how many of them are to do."""
    done = runs - missing
    return f"table {table.name}: {counted(runs, 'run')}, {done} done, {missing} to do"


def describe_commands(
    runs: Sequence[TableRun], missing: Sequence[TableRun], first: Sequence[str]
) -> list[str]:
    """Every command that is left, `first` (see `preparation`) before all, each under its name."""
    lines = []
    if first:
        lines.append(f"\n# before the first run\n{typed(first[1:], None, runs[0].workspace.root)}")
    for run in runs:
        title = f"\n# {run.label}, seed {run.seed}"
        if run in missing:
            lines.append(f"{title}: {run.state()}\n{run.command_line()}")
        else:
            lines.append(f"{title}: done")
    return lines


def check_features(run: TableRun, table: Table) -> None:
    """Raises UserError if no game of somebody's own data has the features that a run reads.

    Those of SoccerNet can be fetched, and each program says how; here the table only guesses.
    """
    data = run.workspace.data
    if not (data / "splits.json").is_file():
        return
    listed = [data / game for games in read_splits(data).values() for game in games]
    games = [game for game in listed if game.is_dir()]
    for name in features_of(run.arguments):
        if games and not any((game / f"1_{name}").is_file() for game in games):
            there = sorted({path.name[2:] for game in games for path in game.glob("1_*.npy")})
            advice = (
                f'{" and ".join(there)} there: add --extra-args "--features {there[0]}"'
                if there
                else "no 1_*.npy there, either: put features into the games' folders"
            )
            raise UserError(
                f"table {table.name} trains on features {name}, which no game in {data} has; "
                f"found {advice}"
            )
