"""Works off runs, so many at once, here or on a cluster, until all have been tried."""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from tqdm import tqdm

from common.errors import Interrupted, counted
from common.reproduce.attempts import Attempt, holder, lock_run, other_code
from common.reproduce.progress import duration
from common.reproduce.runs import DONE, TableRun

_SECONDS = 0.2  # between two looks at the processes
_MINUTES_SHOWN = 5  # between two lines about a run, where there is no bar


class Attempted(Protocol):
    """Somebody works on a run: a process of ours, or a job in a queue."""

    run: TableRun

    def over(self) -> bool:
        """Whether the program, or the job, has ended."""
        ...

    def complaint(self) -> str:
        """Why it failed; empty if it did not."""
        ...

    def standing(self) -> str:
        """How far it is, in a few words."""
        ...

    def news(self) -> str:
        """What has happened to it since the last time, as a sentence; empty if nothing has."""
        ...

    def stop(self, why: str) -> None:
        """Asks the program, or the cluster, to end the run; does not wait.

        Args:
            why: word for the signal that stops us; empty if something failed.
        """
        ...

    def wait(self) -> None:
        """Waits until it has ended."""
        ...


# Begins a run on a device, or says why it cannot begin now.
Begin = Callable[[TableRun, str | None], Attempted | str]


def begin_here(jobs: int) -> Begin:
    """Runs as processes of this machine, of which `jobs` share its cores.

    A run that another process still works on (an earlier command that was killed leaves its
    programs alive) begins when that has ended, and not at all if it is done then.
    """

    def begin(run: TableRun, device: str | None) -> Attempted | str:
        lock = lock_run(run)
        if lock is None:
            return waits_for_holder(run)
        is_done = run.state() == DONE
        why = "" if is_done else other_code(run)
        if is_done or why:
            lock.close()
            return NotBegun(run, why)
        return Attempt(run, lock, device, jobs)

    return begin


def waits_for_holder(run: TableRun) -> str:
    """Why a run cannot begin whose lock is taken."""
    return f"waiting for {holder(run)}, which is at it"


class NotBegun:
    """A run that need not begin, for somebody else has finished it meanwhile, or must not."""

    def __init__(self, run: TableRun, why: str = "") -> None:
        self.run, self._why = run, why

    def over(self) -> bool:
        """It is."""
        return True

    def complaint(self) -> str:
        """Why it must not begin; empty if it is done."""
        return self._why

    def standing(self) -> str:
        """There is nothing at work."""
        return ""

    def news(self) -> str:
        """There are none."""
        return ""

    def stop(self, why: str) -> None:
        """There is nothing to end."""

    def wait(self) -> None:
        """There is nothing to wait for."""


def work_off(
    runs: Sequence[TableRun], begin: Begin, jobs: int, devices: Sequence[str] = ()
) -> dict[TableRun, str]:
    """Tries every run, at most `jobs` at once; returns why those failed that did.

    Args:
        devices: where runs go, in turn; empty: where the programs choose.

    Raises:
        Interrupted: after Ctrl-C or SIGTERM, when all programs have saved their state and ended.
    """
    free = [devices[number % len(devices)] if devices else None for number in range(jobs)]
    work = _Work(runs, begin, free)
    why = ""
    with tqdm(total=len(runs), unit="run", disable=None) as bar:
        try:
            while work.waiting or work.working:
                work.begin_some(bar)
                work.close_some(bar)
                work.show(bar)
                time.sleep(_SECONDS)
        except KeyboardInterrupt as stop:
            why = str(stop) or "Ctrl-C"
            raise Interrupted(
                f"stopped by {why}; {work.done} of {len(runs)} runs are done; "
                "the same command goes on"
            ) from None
        finally:
            for attempt in work.working:  # all are asked before the first is waited for
                attempt.stop(why)
            for attempt in work.working:
                attempt.wait()
    return work.failures


class _Work:
    """Runs that wait, that are at work, and that have failed."""

    def __init__(self, runs: Sequence[TableRun], begin: Begin, free: list[str | None]) -> None:
        self.waiting = list(runs)
        self.working: dict[Attempted, str | None] = {}  # and their devices
        self.failures: dict[TableRun, str] = {}
        self.done = 0
        self._begin, self._free, self._at_once = begin, free, len(free)
        self._announced: dict[TableRun, str] = {}
        self._titles = {
            run: f"run {number} of {len(runs)}: {run.label}, seed {run.seed}"
            for number, run in enumerate(runs, 1)
        }
        self._started: dict[TableRun, float] = {}
        self._seconds: list[float] = []  # of the runs that ended
        self._shown = time.monotonic()

    def begin_some(self, bar: tqdm) -> None:
        """Begins waiting runs while a device, or a turn without one, is free."""
        for run in list(self.waiting):
            if not self._free:
                break
            attempt = self._begin(run, self._free[0])
            if not isinstance(attempt, str):
                self.waiting.remove(run)
                self.working[attempt] = self._free.pop(0)
                self._started[run] = time.monotonic()
                _say(bar, f"{self._titles[run]}: begun; it prints to {run.log}")
            elif self._announced.get(run) != attempt:
                self._announced[run] = attempt
                _say(bar, f"{self._titles[run]}: {attempt}")

    def close_some(self, bar: tqdm) -> None:
        """Counts the runs that have ended, and notes why some failed."""
        for attempt in [each for each in self.working if each.over()]:
            run = attempt.run
            self._free.append(self.working.pop(attempt))
            took = time.monotonic() - self._started[run]
            if complaint := attempt.complaint():
                self.failures[run] = complaint
            else:
                self.done += 1
                self._seconds.append(took)
            how = "failed" if complaint else "done"
            why = complaint and f": {complaint}"
            _say(bar, f"{self._titles[run]}: {how} after {duration(took)}{why}")
            _say(bar, self._left())
            bar.update()

    def show(self, bar: tqdm) -> None:
        """How far the runs at work are: beside the bar, or where there is none, now and then.

        What happens to them is said at once.
        """
        for attempt in self.working:
            if news := attempt.news():
                _say(bar, f"{self._titles[attempt.run]}: {news}")
        if not bar.disable:
            bar.set_postfix_str("; ".join(map(self._state, self.working)))
        elif time.monotonic() - self._shown >= _MINUTES_SHOWN * 60:
            for attempt in self.working:
                _say(bar, self._state(attempt))
            self._shown = time.monotonic()

    def _state(self, attempt: Attempted) -> str:
        return f"{self._titles[attempt.run]}: {attempt.standing()}"

    def _left(self) -> str:
        """How long the other runs may take; nothing if there are none, or nothing to judge by."""
        others = len(self.waiting) + len(self.working)
        if not others or not self._seconds:
            return ""
        each = sum(self._seconds) / len(self._seconds)
        now = time.monotonic()
        spent = sum(min(each, now - self._started[attempt.run]) for attempt in self.working)
        left = (others * each - spent) / min(self._at_once, others)
        return f"{counted(others, 'run')} to go, about {duration(left)}"


def _say(bar: tqdm, line: str) -> None:
    """Prints a line above the bar, at once also into a file."""
    if line:
        bar.write(line)
        sys.stdout.flush()
