"""What a job of a cluster does: one try at a run, that survives being moved to another node."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from common.errors import EXIT_INTERRUPTED, UserError
from common.reproduce.attempts import Attempt, lock_run, other_code
from common.reproduce.progress import progress_of
from common.reproduce.runs import DONE, TableRun
from common.reproduce.slurm import requeue, state_of

_WAIT_SECONDS = 1.0
_ECHO_SECONDS = 5.0  # within which a signal that the program has heard reaches its job, too
_FRUITLESS = 4  # times in a row that a job is put back within one epoch, before it is given up


class Job:
    """A job. If it is preempted or out of time it goes back into the queue, and resumes its run."""

    def __init__(self, run: TableRun, epochs: int = -1, fruitless: int = 0) -> None:
        self.run = run
        self._epochs, self._fruitless = epochs, fruitless  # when it was put back
        self._attempt: Attempt | None = None
        self._leaving = False

    def __call__(self) -> str:
        """Finishes the run; returns why it failed, or nothing."""
        if _number():
            signal.signal(signal.SIGTERM, self._leave)
        while (lock := lock_run(self.run)) is None:
            self._sleep()
        with lock:
            if self.run.state() == DONE:
                return ""
            if complaint := other_code(self.run):
                return complaint
            with _for_the_job_alone():
                self._attempt = Attempt(self.run, lock)
            try:
                while not self._attempt.over():
                    time.sleep(_WAIT_SECONDS)
                self._await_echo(self._attempt)
            except KeyboardInterrupt:
                self._end(self._attempt)
            return self._attempt.complaint()

    def checkpoint(self) -> Any:
        """Called by submitit before the job has to go; the next one resumes the run.

        Raises UserError if job after job gets to the end of no epoch.
        """
        from submitit.helpers import DelayedSubmission

        if self._attempt is not None:
            self._end(self._attempt)
        epochs = progress_of(self.run.folder).epochs
        fruitless = self._fruitless + 1 if epochs == self._epochs else 0
        if fruitless >= _FRUITLESS:
            raise UserError(
                f"put back {fruitless + 1} times within one epoch; give more to --cluster "
                "timeout_min="
            )
        return DelayedSubmission(Job(self.run, epochs, fruitless))

    def _leave(self, number: int, frame: FrameType | None) -> None:
        """Slurm takes the node: the program saves its state."""
        self._leaving = True
        if self._attempt is not None:
            self._attempt.stop()

    def _await_echo(self, attempt: Attempt) -> None:
        """Slurm tells program and job to end, and the job may hear of it last.

        A job that has to go leaves no result: it may be put back into the queue, and who waits for
        it would take it for ended.
        """
        deadline = time.monotonic() + _ECHO_SECONDS
        while _number() and attempt.was_told_to_end() and time.monotonic() < deadline:
            self._sleep()
        self._sleep(0.0)

    def _sleep(self, seconds: float = _WAIT_SECONDS) -> None:
        """Waits a while; if the job has to go, it goes. Raises SystemExit.

        In a time of grace a job that ends by itself is not put back, so it puts itself back.
        """
        while self._leaving:
            state = state_of(_number())
            if state == "RUNNING":
                requeue(_number())
            elif state:
                sys.exit(EXIT_INTERRUPTED)
            time.sleep(_ECHO_SECONDS)
        time.sleep(seconds)

    @staticmethod
    def _end(attempt: Attempt) -> None:
        attempt.stop()
        attempt.wait()


@contextmanager
def _for_the_job_alone() -> Iterator[None]:
    """What is started inside never hears the signal that submitit's jobs ask Slurm for.

    Slurm sends it to all that runs in a job, and a program that does not know it would be killed by
    it before it has saved its state.
    """
    name = f"SIG{os.environ.get('SUBMITIT_PREEMPT_SIGNAL', 'USR2')}"
    signals = {getattr(signal, name)} if _number() else set()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals) if signals else set()
    try:
        yield
    finally:
        if signals:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _number() -> str:
    """Of the job of Slurm that this process is; empty if it is none."""
    slurm = os.environ.get("SUBMITIT_EXECUTOR") == "slurm"
    return os.environ.get("SLURM_JOB_ID", "") if slurm else ""
