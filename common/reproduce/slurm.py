"""What Slurm says of this user's jobs: `squeue` is asked once for all, now and then."""

import os
import subprocess
import time
from dataclasses import dataclass

from common.errors import UserError

LOOK_SECONDS = 10.0  # between two looks into the queue: one controller serves many users
_ANSWER_SECONDS = 60.0
# A job is asked for by the comment that it was submitted with, which Slurm keeps through requeues.
_FORMAT = "%A|%T|%N|%r|%k"
# Reasons to wait that pass by themselves; all others are worth a word.
_ORDINARY = ("None", "Priority", "Resources", "BeginTime", "Cleaning", "Dependency", "Prolog")
# States that jobs end in, and why they leave no result then, where the state tells.
_ENDED = {
    "BOOT_FAIL": "its node did not start",
    "CANCELLED": "it was cancelled",
    "COMPLETED": "",
    "DEADLINE": "it came to its deadline",
    "FAILED": "",
    "NODE_FAIL": "its node failed",
    "OUT_OF_MEMORY": "its memory did not suffice; give more to --cluster mem_gb=",
    "PREEMPTED": "it was preempted, and its partition puts no job back",
    "REVOKED": "another cluster took it",
    "TIMEOUT": "its time was over before it had saved its state",
}
_PASSING = ("COMPLETING", "SIGNALING", "STAGE_OUT")  # after which it waits again, or has ended


@dataclass(frozen=True)
class QueuedJob:
    """A line of squeue: what it calls states and reasons, and the comment of the submission."""

    number: str
    state: str
    nodes: str
    reason: str
    comment: str

    @property
    def has_ended(self) -> bool:
        """Whether it neither waits nor runs, nor will."""
        return self.state in _ENDED

    @property
    def is_settled(self) -> bool:
        """Whether it waits or runs, and is not about to do otherwise."""
        return self.state not in (*_ENDED, *_PASSING)

    @property
    def why_no_result(self) -> str:
        """Why it will leave no result, as a sentence; empty if its state does not tell."""
        return _ENDED.get(self.state, "")

    def __str__(self) -> str:
        """Such as "job 12 waits", "job 12 waits (PartitionDown)", "job 12 runs on node7"."""
        if self.state == "RUNNING":
            return f"job {self.number} runs on {self.nodes}"
        if self.state in ("PENDING", "REQUEUED"):
            why = "" if self.reason in _ORDINARY else f" ({self.reason})"
            return f"job {self.number} waits{why}"
        return f"job {self.number} is {self.state.lower().replace('_', ' ')}"


class Queue:
    """This user's jobs, those that ended a short while ago among them.

    Attributes:
        complaint: what squeue said instead of an answer, the last time; else empty.
    """

    def __init__(self) -> None:
        self.complaint = ""
        self._jobs: dict[str, QueuedJob] = {}
        self._looked = -LOOK_SECONDS

    def job(self, number: str) -> QueuedJob | None:
        """The job of a number; None if Slurm knows no such job (any more)."""
        self._look()
        return self._jobs.get(number)

    def at_work(self, comment: str) -> QueuedJob | None:
        """The job with a comment that waits or runs, asked for anew; None if there is none.

        Raises UserError if squeue does not answer.
        """
        self.look_anew()
        if self.complaint:
            raise UserError(f"Slurm does not tell of its jobs ({self.complaint}); try again later")
        mine = [job for job in self._jobs.values() if job.comment.endswith(comment)]
        return next((job for job in mine if not job.has_ended), None)

    def look_anew(self) -> None:
        """Asks squeue, however short ago it was asked."""
        self._looked = -LOOK_SECONDS
        self._look()

    def _look(self) -> None:
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        words = ["squeue", "--noheader", "--states=all", f"--user={os.getuid()}", "-o", _FORMAT]
        said = _said(words)
        self._looked = time.monotonic()
        self.complaint = said.complaint
        if not said.complaint:
            parts = [line.split("|", 4) for line in said.lines if line.count("|") >= 4]
            self._jobs = {each[0]: QueuedJob(*each) for each in parts}


def cancel(number: str) -> str:
    """Cancels a job; what scancel complains of, empty if it does not."""
    return _said(["scancel", number]).complaint


def state_of(number: str) -> str:
    """squeue's word for a job: RUNNING in a time of grace, too; empty if it does not answer."""
    said = _said(["squeue", "--noheader", f"--jobs={number}", "-o", "%T"])
    return said.lines[0] if said.lines else ""


def requeue(number: str) -> str:
    """Puts a job back into the queue, which ends it; what scontrol complains of."""
    return _said(["scontrol", "requeue", number]).complaint


@dataclass(frozen=True)
class _Said:
    """What a command of Slurm printed, and what it complained of if it failed."""

    lines: tuple[str, ...]
    complaint: str


def _said(words: list[str]) -> _Said:
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, errors="replace", timeout=_ANSWER_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return _Said((), str(error))
    told = done.stderr.strip().splitlines() or [f"exit code {done.returncode} of {words[0]}"]
    return _Said(tuple(done.stdout.splitlines()), told[-1] if done.returncode else "")
