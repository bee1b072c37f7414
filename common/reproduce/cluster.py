"""Runs here, or as jobs of a cluster through the optional package submitit."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from common.errors import UserError, needs_extra
from common.reproduce.job import Job
from common.reproduce.launch import Attempted, Begin, begin_here, work_off
from common.reproduce.runs import TableRun, Workspace
from common.reproduce.slurm_jobs import SlurmJobs
from common.reproduce.submitted import Submitted

_DAY_MINUTES = 24 * 60
_SLURM = "slurm"


def begin_on_cluster(kind: str, *, folder: Path, root: Path, parameters: Sequence[str]) -> Begin:
    """Submits runs as jobs.

    Args:
        kind: slurm, or local: jobs as processes of this machine.
        folder: for submitit's own files.
        root: of the sources, which jobs import from.
        parameters: of submitit, as NAME=VALUE: slurm_partition=gpu, gpus_per_node=1.
    """
    with needs_extra("cluster", "--launcher"):
        import submitit
    # Some clusters put no job back that did not ask for it. How often is our jobs' own affair.
    own = {"slurm_additional_parameters": {"requeue": True}}
    settings = {"name": "reproduce", "timeout_min": _DAY_MINUTES, **own, **_parsed(parameters)}
    most = settings.pop("slurm_max_num_timeout", sys.maxsize)
    # Jobs inherit it: they import the code that this command was started from.
    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, [str(root), os.environ.get("PYTHONPATH", "")])
    )
    try:
        executor = submitit.AutoExecutor(folder=folder, cluster=kind, slurm_max_num_timeout=most)
        executor.update_parameters(**settings)
    except (RuntimeError, NameError, ValueError, TypeError, AssertionError) as error:
        raise UserError(f"submitit cannot submit to {kind}: {error}") from None
    if kind == _SLURM:
        return SlurmJobs(executor, folder, str(settings.get("slurm_comment", ""))).begin

    def begin(run: TableRun, device: str | None) -> Attempted | str:
        return Submitted(run, executor.submit(Job(run)))

    return begin


def _parsed(parameters: Sequence[str]) -> dict[str, int | float | str]:
    pairs = [each.partition("=") for each in parameters]
    wrong = next(("".join(pair) for pair in pairs if not pair[0] or not pair[1]), None)
    if wrong is not None:
        raise UserError(f"--cluster: expected NAME=VALUE, found {wrong!r}")
    return {name: _number_or_text(value) for name, _, value in pairs}


def _number_or_text(value: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def work_off_here_or_on_cluster(
    runs: Sequence[TableRun],
    workspace: Workspace,
    *,
    jobs: int | None,
    devices: Sequence[str],
    cluster: str | None,
    parameters: Sequence[str],
) -> dict[TableRun, str]:
    """Tries every run; returns why those failed that did.

    Args:
        jobs: runs at once; None: one per device here, all on a cluster.
        cluster: None for processes of this machine, else submitit's name of the cluster.
        parameters: of submitit, as NAME=VALUE.
    """
    if not runs:
        return {}
    if cluster is None:
        at_once = jobs or max(1, len(devices))
        return work_off(runs, begin_here(at_once), at_once, devices)
    folder = workspace.folder / "jobs"
    begin = begin_on_cluster(cluster, folder=folder, root=workspace.root, parameters=parameters)
    return work_off(runs, begin, jobs or len(runs))
