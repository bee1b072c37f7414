"""A table of two rows and two seeds, the commands that run it, and what it must come to."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from slurm_cluster import Cluster
from small_runs import bits

_SECONDS = 900  # after which what is waited for counts as never coming
_TABLE = """
[table.main]
title = "tiny"
arguments = "--proj-dim none --window_size 5 --batch_size 20 --max_num_worker 0 --device cpu \
--patience 1000 --max_epochs {epochs}"
features = ["Synthetic.npy"]
seeds = [0, 1]
split = "test"

[[table.main.row]]
name = "MaxPool"
arguments = "--pool MAX"

[[table.main.row]]
name = "MaxPool, in halves"
arguments = "--pool MAX++"
"""


class Failure(Exception):  # noqa: N818 - of what is tried, not of the trial
    """Something was not as it must be."""


class Table:
    """A table in a folder of its own.

    Attributes:
        checks: how many things were found as they must be.
    """

    def __init__(
        self,
        folder: Path,
        data: Path,
        epochs: int,
        cluster: Cluster | None = None,
        expected: dict[str, dict[str, str]] | None = None,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.cluster, self.expected, self.checks = folder, cluster, expected or {}, 0
        self._clients: list[Client] = []
        tables = folder / "tables.toml"
        tables.write_text(_TABLE.format(epochs=epochs))
        self._words = [
            sys.executable, "-u", "-m", "common.reproduce", "TemporallyAwarePooling", "--table",
            "main", "--tables", str(tables), "--SoccerNet_path", str(data), "--out", str(folder),
        ]  # fmt: skip

    @property
    def models(self) -> Path:
        """The folder of the runs."""
        return self.folder / "TemporallyAwarePooling" / "models"

    def run_here(self, *words: str) -> dict[str, dict[str, str]]:
        """Runs it without a cluster: the bits of each run, by the run's name."""
        subprocess.run([*self._words, *words], check=True, stdout=subprocess.DEVNULL)
        return self._bits()

    def client(self, *words: str) -> "Client":
        """The command that runs it on Slurm, begun."""
        assert self.cluster is not None
        words = (*self._words, "--launcher", "slurm", *words)
        out = self.folder / f"client{len(self._clients)}.out"
        self._clients.append(Client(words, self.cluster.environment, out))
        return self._clients[-1]

    def starts(self) -> int:
        """How often programs of its runs were started."""
        logs = self.folder.glob("*/logs/*.log")
        return sum(log.read_text().count("main.py --SoccerNet_path") for log in logs)

    def until_epoch(self, number: int) -> None:
        """Waits until a run has so many epochs."""

        def reached() -> bool:
            try:
                return any(
                    len(list(csv.reader(path.open(newline="")))) > number
                    for path in self.models.glob("*/curves.csv")
                )
            except FileNotFoundError:  # being replaced
                return False

        self.until(reached, self.cluster)

    def until(self, condition: Callable[[], bool], cluster: Cluster | None = None) -> None:
        """Waits. Raises Failure if it takes too long."""
        deadline = time.monotonic() + _SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise Failure(f"it never happened; {self._said()}")
            if cluster is not None:
                cluster.let_wait_no_longer()
            time.sleep(0.2)

    def require(self, condition: bool, otherwise: str) -> None:
        """Raises Failure if the condition does not hold."""
        if not condition:
            raise Failure(f"{otherwise}; {self._said()}")
        self.checks += 1

    def has_run(self, number: int, starts: int | None = None) -> None:
        """Raises Failure if these many runs are not there, with the bits of those run here."""
        found = self._bits()
        self.require(len(found) == number, f"{len(found)} of {number} runs are there")
        for name, content in found.items():
            other = [file for file in content if content[file] != self.expected[name].get(file)]
            other += sorted(self.expected[name].keys() - content.keys())
            self.require(not other, f"{name} differs in {other}")
        wanted = number if starts is None else starts
        self.require(self.starts() == wanted, f"{self.starts()} starts in place of {wanted}")

    def close(self) -> None:
        """Ends what is left of its commands and jobs."""
        for client in self._clients:
            client.kill()
        if self.cluster is not None:
            self.cluster.cancel_all()

    def _bits(self) -> dict[str, dict[str, str]]:
        return {run.name: bits(run) for run in self.models.glob("*") if run.is_dir()}

    def _said(self) -> str:
        return " | ".join(line for client in self._clients for line in client.lines()[-12:])


def _hear_signals() -> None:
    """Also those that a shell or nohup has what it runs in the background ignore."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Client:
    """The command as a process, and what it prints."""

    def __init__(self, words: tuple[str, ...], environment: dict[str, str], out: Path) -> None:
        self._out = out
        with out.open("wb") as file:
            self._process = subprocess.Popen(
                words, env=environment, cwd=out.parent, stdin=subprocess.DEVNULL, stdout=file,
                stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=_hear_signals,
            )  # fmt: skip

    def lines(self) -> list[str]:
        """What it has printed."""
        return self._out.read_text(errors="replace").splitlines()

    def says(self, words: str) -> bool:
        """Whether it has printed these words. Raises Failure if it has ended without them."""
        if any(words in line for line in self.lines()):
            return True
        if self.is_over():
            raise Failure(f"it ended without {words!r}: {self.lines()[-12:]}")
        return False

    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def ends(self, code: int) -> None:
        """Waits for its end. Raises Failure if that is another, or has a traceback."""
        try:
            found = self._process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            raise Failure(f"it does not end: {self.lines()[-12:]}") from None
        if found != code or any("Traceback" in line for line in self.lines()):
            raise Failure(f"exit code {found} in place of {code}: {self.lines()[-12:]}")

    def end_by(self, number: signal.Signals, code: int | None = None) -> None:
        """Sends a signal, and waits for the end with this code, if there is one to wait for."""
        os.kill(self._process.pid, number)
        if code is None:
            self._process.wait(_SECONDS)
        else:
            self.ends(code)

    def kill(self) -> None:
        """Ends it, if it has not ended."""
        if not self.is_over():
            self._process.kill()
            self._process.wait()
