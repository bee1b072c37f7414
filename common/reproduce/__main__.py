"""Runs a published table and prints it beside the published numbers.

    python -m common.reproduce TemporallyAwarePooling --SoccerNet_path DATA

Runs what is missing, goes on with what was interrupted, repeats nothing that is done. All of it
lies in reproduce/<baseline>/: the runs in models/, what they printed in logs/, and the table as
<table>.md, .csv and .html. docs/reproduce.md says more.
"""

import argparse
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from common.errors import UserError, counted, run_cli
from common.reproduce.cluster import begin_on_cluster
from common.reproduce.intervals import bounded
from common.reproduce.launch import begin_here, work_off
from common.reproduce.outcome import finished_folder, other_reason, outcome_of
from common.reproduce.prepare import preparation, prepare
from common.reproduce.render import print_report, write_report
from common.reproduce.report import Report
from common.reproduce.runs import Place, Run, place_of, plan, runs_of
from common.reproduce.tables import ROOT, Row, Table, find_tables, read_tables, refuse_taken
from common.training.argument_types import not_negative, positive
from common.training.flags import new_parser

LAUNCHERS = {"local": None, "slurm": "slurm", "submitit-local": "local"}


def parse_arguments() -> argparse.Namespace:
    """The flags."""
    parser = new_parser("python -m common.reproduce", __doc__ or "")
    add = parser.add_argument
    # fmt: off
    add("baseline", help="folder of a baseline: TemporallyAwarePooling, Pooling, …")
    add("--SoccerNet_path", type=Path, required=True, help="data root")
    add("--table", help="of the baseline's tables.toml; else embedded if the data have a "
        "splits.json of their own and there is such a table, else main")
    add("--tables", type=Path, metavar="FILE",
        help="tables of your own, in place of the baseline's tables.toml")
    add("--rows", nargs="+", metavar="NAME", help="only these rows")
    add("--seeds", nargs="+", type=not_negative, metavar="N", help="in place of the table's")
    add("--extra-args", type=shlex.split, default=[], metavar='"FLAGS"',
        help="appended to every run, so that they win; of a single word: --extra-args=--FLAG")
    add("--dry-run", action="store_true", help="only say what would be run")
    add("--any-code", action="store_true",
        help="take finished runs of the same settings by an earlier state of the code, too")
    add("--out", type=Path, default=Path("reproduce"), help="where runs and tables go")
    launch = parser.add_argument_group("launch").add_argument
    launch("--jobs", type=positive, metavar="N",
           help="runs at once; else 1, and on a cluster all")
    launch("--devices", nargs="+", default=[], metavar="DEVICE",
           help="deal the runs out to these (cuda:0 cuda:1); --jobs is their number if not given")
    launch("--launcher", choices=LAUNCHERS, default="local",
           help="slurm: as jobs of a cluster, with the package submitit; submitit-local: as its "
           "jobs on this machine")
    launch("--cluster", nargs="+", default=[], metavar="NAME=VALUE",
           help="parameters of submitit: slurm_partition=gpu gpus_per_node=1 timeout_min=2880")
    # fmt: on
    return parser.parse_args()


def main() -> int:
    """Plans, runs, and shows; 1 if a run failed."""
    return reproduce(parse_arguments(), ROOT)


def reproduce(args: argparse.Namespace, root: Path) -> int:
    """As the flags ask, with the baselines in the folder `root`."""
    if not args.SoccerNet_path.is_dir():
        raise UserError(
            f"expected the data folder at {args.SoccerNet_path}; check --SoccerNet_path"
        )
    refuse_taken(args.extra_args, "--extra-args", free=["--features"])
    tables = read_tables(args.tables) if args.tables else find_tables(args.baseline, root)
    table = choose_table(tables, args.table, args.SoccerNet_path)
    rows = choose_rows(table, args.rows)
    place = place_of(args.baseline, args.SoccerNet_path, args.out / args.baseline, root)
    runs = plan(rows, place, args.extra_args, args.seeds)
    missing = [run for run in runs if finished_folder(run, args.any_code) is None]
    first = preparation(table, missing)
    _tell_plan(table, runs, missing, first if args.dry_run else None)
    if args.dry_run:
        return 0
    if first:
        prepare(first, place)
    failures = _launch(args, place, missing) if missing else {}
    report = _report(args, table, rows, place)
    print_report(report)
    for path in write_report(report, args.out / args.baseline):
        print(path)
    for run, complaint in failures.items():
        print(f"failed: {run.label}, seed {run.seed}: {complaint}\n        {run.log}")
    return 1 if failures else 0


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


def _tell_plan(
    table: Table, runs: Sequence[Run], missing: Sequence[Run], first: Sequence[str] | None
) -> None:
    """Says how much there is to do, and with `first` (see `preparation`) every command."""
    done = len(runs) - len(missing)
    print(f"table {table.name}: {counted(len(runs), 'run')}, {done} done, {len(missing)} to do")
    if first:
        print(f"\n# before the first run\n{shlex.join(first)}")
    for run in runs if first is not None else ():
        state = run.state() if run in missing else "done"
        print(f"\n# {run.label}, seed {run.seed}: {state}\n{run.command_line()}")


def _launch(args: argparse.Namespace, place: Place, runs: Sequence[Run]) -> dict[Run, str]:
    kind = LAUNCHERS[args.launcher]
    if kind is None:
        jobs = args.jobs or max(1, len(args.devices))
        return work_off(runs, begin_here(jobs), jobs, args.devices)
    begin = begin_on_cluster(kind, place.folder / "jobs", place.root, args.cluster)
    return work_off(runs, begin, args.jobs or len(runs))


def _report(args: argparse.Namespace, table: Table, rows: Sequence[Row], place: Place) -> Report:
    others = {row.name: other_reason(row, args.extra_args, args.SoccerNet_path) for row in rows}
    outcomes = [
        outcome_of(row, runs_of(row, place, args.extra_args, args.seeds), others[row.name],
                   args.any_code)
        for row in rows
    ]  # fmt: skip
    reasons = dict.fromkeys(o.other for o in outcomes if o.other and o.row.published is not None)
    remarks = [
        "No verdict: the published column is about SoccerNet with the table's features and "
        f"settings; here {reason}."
        for reason in reasons
    ]
    found = bounded(outcomes, table.order, args.SoccerNet_path)
    return Report(
        args.baseline,
        table,
        found.outcomes,
        os.fspath(args.SoccerNet_path),
        remarks + found.remarks,
        found.steps,
    )


if __name__ == "__main__":
    run_cli(main)
