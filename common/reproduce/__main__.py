"""Runs a published table and prints it beside the published numbers.

    python -m common.reproduce TemporallyAwarePooling --SoccerNet_path DATA

Runs what is missing, goes on with what was interrupted, repeats nothing that is done. All of it
lies in reproduce/<baseline>/: the runs in models/, what they printed in logs/, and the table as
<table>.md, .csv and .html. docs/reproduce.md says more.
"""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

from common.errors import UserError, run_cli
from common.reproduce.tables import ROOT, find_tables, read_tables, refuse_taken
from common.training.argument_types import place, seed, whole
from common.training.flags import new_parser

LAUNCHERS = {"local": None, "slurm": "slurm", "submitit-local": "local"}


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags in `argv`, or in the command line."""
    parser = new_parser(
        "python -m common.reproduce",
        __doc__ or "",
        usage="%(prog)s BASELINE --SoccerNet_path DATA [flags]",
    )
    add = parser.add_argument
    # fmt: off
    add("baseline", help="folder of a baseline: TemporallyAwarePooling, Pooling, …")
    add("--SoccerNet_path", type=place, required=True, help="data root")
    add("--table", help="of the baseline's tables.toml; else embedded if the data have a "
        "splits.json of their own and there is such a table, else main")
    add("--tables", type=place, metavar="FILE",
        help="tables of your own, in place of the baseline's tables.toml")
    add("--rows", nargs="+", metavar="NAME", help="only these rows")
    add("--seeds", nargs="+", type=seed, metavar="N", help="in place of the table's")
    add("--extra-args", type=_words, default=[], metavar='"FLAGS"',
        help="appended to every run, so that they win; of a single word: --extra-args=--FLAG")
    add("--dry-run", action="store_true", help="only say what would be run")
    add("--any-code", action="store_true",
        help="take finished runs of the same settings by an earlier state of the code, too")
    add("--out", type=place, default=Path("reproduce"), help="where runs and tables go [reproduce]")
    launch = parser.add_argument_group("launch").add_argument
    launch("--jobs", type=whole(1, 1024), metavar="N",
           help="runs at once; else 1, and on a cluster all")
    launch("--devices", nargs="+", default=[], metavar="DEVICE",
           help="deal the runs out to these (cuda:0 cuda:1); --jobs is their number if not given")
    launch("--launcher", choices=LAUNCHERS, default="local",
           help="local: here; slurm: as jobs of a cluster, with the package submitit; "
           "submitit-local: as its jobs on this machine [local]")
    launch("--cluster", nargs="+", default=[], metavar="NAME=VALUE",
           help="parameters of submitit: slurm_partition=gpu gpus_per_node=1 timeout_min=2880")
    # fmt: on
    return parser.parse_args(argv)


def _words(text: str) -> list[str]:
    """An argparse type: flags in one word, as a shell would part them."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"expected flags as in a shell, found {text} ({str(error).lower()}); close what is open"
        ) from None


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Plans, runs, and shows; 1 if a run failed. The baselines are those in the folder `root`."""
    args = parse_arguments(argv)
    # Behind the flags, for these import torch.
    from common.reproduce.cluster import work_off_here_or_on_cluster
    from common.reproduce.prepare import preparation, prepare
    from common.reproduce.render import print_report, write_report
    from common.reproduce.runs import workspace_of
    from common.reproduce.selection import (
        Selection,
        check_features,
        choose_rows,
        choose_table,
        describe_amount,
        describe_commands,
    )
    from common.reproduce.taken_flags import check_flags

    data, folder = args.SoccerNet_path, args.out / args.baseline
    if not data.is_dir():
        raise UserError(f"expected the data folder at {data}; check --SoccerNet_path")
    refuse_taken(args.extra_args, "--extra-args", free=["--features"])
    tables = read_tables(args.tables) if args.tables else find_tables(args.baseline, root)
    table = choose_table(tables, args.table, data)
    rows = choose_rows(table, args.rows)
    workspace = workspace_of(args.baseline, data=data, folder=folder, root=root)
    selection = Selection(workspace, data, table, rows, args.extra_args, args.seeds, args.any_code)
    runs = selection.runs()
    missing = selection.missing(runs)
    check_flags(missing, args.extra_args)
    for run in missing:
        check_features(run, table)
    first = preparation(table, missing)
    print(describe_amount(table, len(runs), len(missing)))
    if args.dry_run:
        print(*describe_commands(runs, missing, first), sep="\n")
        return 0
    if first:
        prepare(first, workspace)
    failures = work_off_here_or_on_cluster(
        missing,
        workspace,
        jobs=args.jobs,
        devices=args.devices,
        cluster=LAUNCHERS[args.launcher],
        parameters=args.cluster,
    )
    report = selection.report()
    print_report(report)
    for path in write_report(report, folder):
        print(path)
    for run, complaint in failures.items():
        print(f"failed: {run.label}, seed {run.seed}: {complaint}\n        {run.log}")
    return 1 if failures else 0


if __name__ == "__main__":
    run_cli(main)
