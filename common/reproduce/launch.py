"""Works off runs, so many at once, here or on a cluster, until all have been tried."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from tqdm import tqdm

from common.errors import Interrupted
from common.reproduce.attempts import Attempt, holder, lock_run
from common.reproduce.runs import DONE, Run

_SECONDS = 0.2  # between two looks at the processes


class Attempted(Protocol):
    """Somebody works on a run: a process of ours, or a job in a queue."""

    run: Run

    def over(self) -> bool:
        """Whether it has ended."""
        ...

    def complaint(self) -> str:
        """Why it failed; empty if it did not."""
        ...

    def stop(self) -> None:
        """Ends it cleanly."""
        ...


# Begins a run on a device, or None if it cannot begin now.
Begin = Callable[[Run, str | None], Attempted | None]


def begin_here(jobs: int) -> Begin:
    """Runs as processes of this machine, of which `jobs` share its cores.

    A run that another process still works on (an earlier command that was killed leaves its
    programs alive) begins when that has ended, and not at all if it is done then.
    """

    def begin(run: Run, device: str | None) -> Attempted | None:
        lock = lock_run(run)
        if lock is None:
            return None
        if run.state() == DONE:
            lock.close()
            return Finished(run)
        return Attempt(run, lock, device, jobs)

    return begin


class Finished:
    """A run that somebody else has finished meanwhile."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def over(self) -> bool:
        """It has ended."""
        return True

    def complaint(self) -> str:
        """It did not fail."""
        return ""

    def stop(self) -> None:
        """There is nothing to end."""


def work_off(
    runs: Sequence[Run], begin: Begin, jobs: int, devices: Sequence[str] = ()
) -> dict[Run, str]:
    """Tries every run, at most `jobs` at once; returns why those failed that did.

    Args:
        devices: where runs go, in turn; empty: where the programs choose.

    Raises:
        Interrupted: after Ctrl-C or SIGTERM, when all programs have saved their state and ended.
    """
    waiting, told = list(runs), set[Run]()
    free: list[str | None] = [devices[n % len(devices)] if devices else None for n in range(jobs)]
    working: dict[Attempted, str | None] = {}
    failures: dict[Run, str] = {}
    with tqdm(total=len(runs), unit="run", disable=None) as bar:
        try:
            while waiting or working:
                for run in list(waiting):
                    if not free:
                        break
                    if (attempt := begin(run, free[0])) is not None:
                        waiting.remove(run)
                        working[attempt] = free.pop(0)
                    elif run not in told:
                        told.add(run)
                        bar.write(f"{run.folder.name}: waiting for {holder(run)}, which is at it")
                for attempt in [each for each in working if each.over()]:
                    free.append(working.pop(attempt))
                    if complaint := attempt.complaint():
                        failures[attempt.run] = complaint
                    name = f"{attempt.run.label}, seed {attempt.run.seed}"
                    bar.write(f"{name}: {complaint or 'done'}")
                    bar.update()
                bar.set_postfix_str(", ".join(map(_where, working)), refresh=False)
                time.sleep(_SECONDS)
        except KeyboardInterrupt as stop:
            _stop(working)
            raise Interrupted(
                f"stopped by {str(stop) or 'Ctrl-C'}; {bar.n} of {len(runs)} runs are done; the "
                "same command goes on"
            ) from None
        except BaseException:
            _stop(working)
            raise
    return failures


def _stop(working: dict[Attempted, str | None]) -> None:
    for attempt in working:
        attempt.stop()


def _where(attempt: Attempted) -> str:
    """Seed and epoch of a run, as far as its curves tell."""
    folder = attempt.run.folder
    curves = folder / "curves.csv"
    epochs = curves.read_bytes().count(b"\n") - 1 if curves.is_file() else 0
    return f"{attempt.run.label} seed {attempt.run.seed}: {epochs} epochs"
