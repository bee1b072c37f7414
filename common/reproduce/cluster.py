"""Runs here, or as jobs of a cluster through the optional package submitit."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.errors import UserError, needs_extra
from common.reproduce.attempts import Attempt, lock_run
from common.reproduce.launch import Attempted, Begin, begin_here, work_off
from common.reproduce.runs import DONE, TableRun, Workspace

_DAY_MINUTES = 24 * 60
_WAIT_SECONDS = 1.0


class Job:
    """What a job does. A job that is preempted or out of time goes back into the queue."""

    def __init__(self, run: TableRun) -> None:
        self.run = run
        self.attempt: Attempt | None = None

    def __call__(self) -> str:
        """Finishes the run; returns why it failed, or nothing."""
        while (lock := lock_run(self.run)) is None:
            time.sleep(_WAIT_SECONDS)
        with lock:
            if self.run.state() == DONE:
                return ""
            self.attempt = Attempt(self.run, lock)
            try:
                while not self.attempt.over():
                    time.sleep(_WAIT_SECONDS)
            except KeyboardInterrupt:
                self._end(self.attempt)
            return self.attempt.complaint()

    def checkpoint(self) -> Any:
        """Called by submitit before the job has to go; the next one resumes the run."""
        from submitit.helpers import DelayedSubmission

        if self.attempt is not None:
            self._end(self.attempt)
        return DelayedSubmission(Job(self.run))

    @staticmethod
    def _end(attempt: Attempt) -> None:
        attempt.stop()
        attempt.wait()


class Submitted:
    """A job in the queue or at work."""

    def __init__(self, run: TableRun, job: Any) -> None:
        self.run, self._job = run, job

    def over(self) -> bool:
        """Whether the cluster has ended the job."""
        return bool(self._job.done())

    def complaint(self) -> str:
        """Why the run failed, or the job."""
        error = self._job.exception()
        if error is None:
            return str(self._job.result())
        last = (str(error).strip() or type(error).__name__).splitlines()[-1]
        return f"job {self._job.job_id} failed: {last}"

    def stop(self) -> None:
        """Cancels the job; what the run has saved stays."""
        self._job.cancel()

    def wait(self) -> None:
        """The cluster ends it in its own time."""


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
    settings = {"name": "reproduce", "timeout_min": _DAY_MINUTES, **_parsed(parameters)}
    # Jobs inherit it: they import the code that this command was started from.
    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, [str(root), os.environ.get("PYTHONPATH", "")])
    )
    try:
        executor = submitit.AutoExecutor(folder=folder, cluster=kind)
        executor.update_parameters(**settings)
    except (RuntimeError, NameError, ValueError, TypeError) as error:
        raise UserError(f"submitit cannot submit to {kind}: {error}") from None

    def begin(run: TableRun, device: str | None) -> Attempted | None:
        return Submitted(run, executor.submit(Job(run)))

    return begin


def _parsed(parameters: Sequence[str]) -> dict[str, int | str]:
    pairs = [each.partition("=") for each in parameters]
    wrong = next(("".join(pair) for pair in pairs if not pair[0] or not pair[1]), None)
    if wrong is not None:
        raise UserError(f"--cluster: expected NAME=VALUE, found {wrong!r}")
    return {name: int(value) if value.isdigit() else value for name, _, value in pairs}


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
