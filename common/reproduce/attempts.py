"""One try at a run: its process, its log, its lock and its record."""

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from common.errors import EXIT_INTERRUPTED, UserError
from common.files import take_lock
from common.reproduce.progress import progress_of
from common.reproduce.runs import DONE, TableRun, environment, read_record, write_record
from common.reproduce.sources import code_digest, commit

LOCK = ".reproduce.lock"
GRACE_SECONDS = 120  # a program that is told to stop saves its state first


class Attempt:
    """The process that trains and tests a run.

    It holds a lock on the run's folder until the program itself has ended, whatever becomes of the
    process that started it: two commands never train in one folder.
    """

    def __init__(
        self, run: TableRun, lock: IO[bytes], device: str | None = None, jobs: int = 1
    ) -> None:
        self.run = run
        self._command, self._lock = run.command(device), lock
        self._started = time.monotonic()
        run.log.parent.mkdir(parents=True, exist_ok=True)
        with run.log.open("ab") as log:
            log.write(f"\n{time.strftime('%Y-%m-%d %H:%M:%S')} {run.command_line()}\n".encode())
            log.flush()
            # Ctrl-C reaches only us (a session of its own); we tell the program once.
            self._process = subprocess.Popen(
                self._command,
                cwd=run.workspace.folder,
                env=environment(run.workspace.root, jobs),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(lock.fileno(),) if os.name == "posix" else (),
            )
        self._before = float(read_record(run.folder).get("seconds", 0.0))
        write_record(
            run,
            state="started",
            command=self._command,
            commit=commit(run.workspace.root),
            pid=self._process.pid,
            host=socket.gethostname(),
        )

    def over(self) -> bool:
        """Whether the program has ended; if so, it is in the record."""
        code = self._process.poll()
        if code is None:
            return False
        if not self._lock.closed:
            seconds = self._before + time.monotonic() - self._started
            state = {0: DONE, EXIT_INTERRUPTED: "stopped"}.get(code, "failed")
            if code == 0 and self.run.lacks(self.run.folder):
                state = "failed"
            write_record(self.run, state=state, exit_code=code, seconds=round(seconds, 1))
            self._lock.close()
        return True

    def complaint(self) -> str:
        """Why it failed, in a sentence; empty if it did not."""
        code = self._process.returncode
        if code:
            return f"exit code {code}: {last_words(self.run.log)}"
        split = self.run.lacks(self.run.folder)
        return split and f"it ended well and left no results of {split} in {self.run.folder}"

    def was_told_to_end(self) -> bool:
        """Whether the program ended by a signal, or because of one."""
        code = self._process.returncode
        return code is not None and (code < 0 or code == EXIT_INTERRUPTED)

    def standing(self) -> str:
        """How far the program is."""
        return str(progress_of(self.run.folder))

    def news(self) -> str:
        """Nothing: what happens to a program is in its log."""
        return ""

    def stop(self, why: str = "") -> None:
        """Asks the program to save its state and to end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self) -> None:
        """Waits until it has ended; ends it if it takes too long, or at a second Ctrl-C."""
        try:
            self._process.wait(GRACE_SECONDS)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            if os.name == "posix":
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()
            self._process.wait()
        self.over()


def lock_run(run: TableRun) -> IO[bytes] | None:
    """The lock on a run's folder, or None while another process holds it."""
    run.folder.mkdir(parents=True, exist_ok=True)
    lock = (run.folder / LOCK).open("ab")
    taken = take_lock(lock)
    if taken:
        return lock
    lock.close()
    if taken is None:
        raise UserError(
            f"{run.folder} cannot be locked; give --out on a file system that knows locks"
        )
    return None


def other_code(run: TableRun) -> str:
    """Why a run must not begin now: its program is not the one it was planned with; else empty.

    Raises OSError where the program cannot be read.
    """
    with suppress(FileNotFoundError, SyntaxError):  # somebody is just writing it
        if code_digest(run.workspace.program, run.workspace.root) == run.workspace.code:
            return ""
    return "its code was changed since the command was given; the same command runs it anew"


def holder(run: TableRun) -> str:
    """Who works on a run whose lock is taken."""
    record = read_record(run.folder)
    return f"process {record.get('pid', '?')} on {record.get('host', '?')}"


def last_words(log: Path) -> str:
    """What a program ended with: all from its last "error: " on, else its last line."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-40:]
    errors = [number for number, line in enumerate(lines) if line.startswith("error: ")]
    last = lines[errors[-1] if errors else -1 :]
    return " ".join(line.strip() for line in last).removeprefix("error: ")
