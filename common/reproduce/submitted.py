"""A job as the package submitit knows it."""

import re
from typing import Any

from common.reproduce.progress import progress_of
from common.reproduce.runs import TableRun


class Submitted:
    """A job as submitit knows it: a process of this machine that it has started."""

    def __init__(self, run: TableRun, job: Any) -> None:
        self.run, self._job = run, job

    def over(self) -> bool:
        """Whether the job has ended."""
        return bool(self._job.done())

    def complaint(self) -> str:
        """Why the run failed, or the job."""
        error = self._job.exception()
        if error is None:
            return str(self._job.result())
        said = last_words_of_job(str(error)) or type(error).__name__
        return f"job {self._job.job_id} failed: {said}"

    def standing(self) -> str:
        """How far its program is."""
        return str(progress_of(self.run.folder))

    def news(self) -> str:
        """Nothing: what happens to a process is in its log."""
        return ""

    def stop(self, why: str) -> None:
        """Cancels the job; what the run has saved stays."""
        self._job.cancel()

    def wait(self) -> None:
        """It ends in its own time."""


def last_words_of_job(text: str) -> str:
    """The last line of what a job said; of a traceback that submitit frames, its last."""
    framed = re.split("-{10,}", text)
    lines = (framed[-2] if len(framed) > 2 else text).strip().splitlines()
    return lines[-1].strip().removeprefix("common.errors.UserError: ") if lines else ""
