"""Jobs of Slurm: submitted once each, found again by a later command, watched to their end."""

import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common.errors import UserError
from common.files import make_folder, take_lock
from common.reproduce.attempts import lock_run
from common.reproduce.job import Job
from common.reproduce.launch import Attempted, NotBegun, waits_for_holder
from common.reproduce.runs import DONE, TableRun
from common.reproduce.slurm import Queue, cancel
from common.reproduce.submitted import Submitted, last_words_of_job

AGAIN_SECONDS = 5.0  # until a run that somebody else has is looked at again
REFUSED_SECONDS = 60.0  # until sbatch is asked again that has refused a job
LATE_SECONDS = 15.0  # that a file of another machine may need to be seen here
_LOCK = ".submitting.lock"


class SlurmJobs:
    """Submits runs to Slurm, and finds the jobs that are at them already."""

    def __init__(self, executor: Any, folder: Path, comment: str = "") -> None:
        self._executor, self._folder, self._comment = executor, folder, comment
        self._queue = Queue()
        self._begun = False
        # By run, or None for all: why there is no job now, and until when that is believed.
        self._pauses: dict[TableRun | None, tuple[str, float]] = {}

    def begin(self, run: TableRun, device: str | None) -> Attempted | str:
        """A job for a run, or why there is none now.

        Raises UserError if Slurm refuses the first one, or does not answer.
        """
        found = self.job_for(run)
        if found is None:
            return NotBegun(run)
        if isinstance(found, str):
            return found
        self._begun = True
        job, is_ours = found
        return InQueue(run, job, is_ours, self._queue, self.job_for)

    def job_for(self, run: TableRun) -> tuple[Any, bool] | str | None:
        """A job at work and whether it was submitted here, or why there is none now.

        None if the run is done. Two commands at once submit one job: each looks for the other's
        while it has the lock.
        """
        for key in (None, run):
            why, until = self._pauses.get(key, ("", 0.0))
            if time.monotonic() < until:
                return why
        with _alone(self._folder):
            found = self._queue.at_work(_mark(run))
            if found and not found.is_settled:
                return self._pause(run, f"waiting for job {found.number}, which is ending")
            if found:
                return self._known(found.number), False
            lock = lock_run(run)
            if lock is None:
                return self._pause(run, waits_for_holder(run))
            lock.close()
            return None if run.state() == DONE else self._submitted(run)

    def _submitted(self, run: TableRun) -> tuple[Any, bool] | str:
        comment = " ".join(filter(None, [self._comment, _mark(run)]))
        self._executor.update_parameters(slurm_comment=comment)
        try:
            job = self._executor.submit(Job(run))
        except _refusals() as error:
            said = last_words_of_job(str(error)).removeprefix("sbatch: error: ")
            why = f"Slurm takes no job ({said}); see --cluster"
            if not self._begun:
                raise UserError(why) from None
            return self._pause(None, f"{why}; it is asked again every {REFUSED_SECONDS:.0f} s")
        self._queue.look_anew()
        return job, True

    def _known(self, number: str) -> Any:
        """submitit's side of a job that an earlier command has submitted."""
        import submitit

        return submitit.SlurmJob(self._folder, number)

    def _pause(self, run: TableRun | None, why: str) -> str:
        seconds = AGAIN_SECONDS if run else REFUSED_SECONDS
        self._pauses[run] = why, time.monotonic() + seconds
        return why


class InQueue(Submitted):
    """A job of Slurm. Its state is squeue's, its result the file that it leaves.

    submitit would ask sacct, which many clusters do not have, and up to ten minutes late.
    """

    def __init__(
        self,
        run: TableRun,
        job: Any,
        is_ours: bool,
        queue: Queue,
        again: Callable[[TableRun], tuple[Any, bool] | str | None],
    ) -> None:
        super().__init__(run, job)
        self._is_ours, self._queue, self._again = is_ours, queue, again
        self._told = self._refusal = ""
        self._gone_since: float | None = None

    def over(self) -> bool:
        """Whether the job has left a result, or Slurm has ended it without one."""
        if self._job.paths.result_pickle.exists():
            return True
        job = self._queue.job(self._job.job_id)
        if self._queue.complaint or (job is not None and not job.has_ended):
            self._gone_since = None
            return False
        if job is not None and job.state == "PREEMPTED":
            return self._is_refused_anew()
        if job is not None and job.why_no_result:
            return True
        next(self._job.paths.folder.iterdir(), None)  # a look that network file systems hear of
        self._gone_since = self._gone_since or time.monotonic()
        return time.monotonic() - self._gone_since > LATE_SECONDS

    def _is_refused_anew(self) -> bool:
        """Submits the run anew, whose partition puts no preempted job back; whether that fails."""
        try:
            found = self._again(self.run)
        except UserError as error:
            self._refusal = str(error)
            return True
        if isinstance(found, tuple):
            self._job, self._is_ours = found
        return found is None

    def complaint(self) -> str:
        """Why the run failed, or the job."""
        if self._job.paths.result_pickle.exists():
            return super().complaint()
        if self.run.state() == DONE:
            return ""
        if self._refusal:
            return self._refusal
        job = self._queue.job(self._job.job_id)
        log = self._job.paths.stderr
        said = last_words_of_job(log.read_text(errors="replace")) if log.is_file() else ""
        why = job.why_no_result if job else ""
        why = why or f"it left no result; its last words: {said or 'none'}"
        return f"job {self._job.job_id} has ended: {why}"

    def standing(self) -> str:
        """How far its program is, or how the job is if it does not run."""
        job = self._queue.job(self._job.job_id)
        at_work = job is None or job.state == "RUNNING"
        return super().standing() if at_work else str(job)

    def news(self) -> str:
        """That it runs, waits, or that squeue does not answer, the first time in a row."""
        job = self._queue.job(self._job.job_id)
        now = f"squeue does not answer ({self._queue.complaint})" if self._queue.complaint else ""
        now = now or (str(job) if job and job.is_settled else self._told)
        told, self._told = self._told, now
        return now if now != told else ""

    def stop(self, why: str) -> None:
        """Cancels the job, unless it is another command's, or only the terminal was closed."""
        number = self._job.job_id
        if not self._is_ours or why == "SIGHUP":
            print(f"job {number} goes on; scancel {number} ends it", file=sys.stderr)
        elif complaint := cancel(number):
            print(f"job {number} could not be cancelled: {complaint}", file=sys.stderr)


def _refusals() -> tuple[type[Exception], ...]:
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    return FailedJobError, FailedSubmissionError, OSError


def _mark(run: TableRun) -> str:
    """What the comment of a run's jobs ends with: by it they are found again."""
    return f"reproduce-{hashlib.sha256(str(run.folder).encode()).hexdigest()[:16]}"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Has the submissions of a folder alone inside the block."""
    make_folder(folder)
    with (folder / _LOCK).open("ab") as file:
        while take_lock(file) is False:
            time.sleep(0.1)
        yield
