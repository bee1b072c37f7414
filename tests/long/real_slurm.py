"""A table on a real Slurm of this machine: jobs and commands are disturbed; the numbers must stay.

    PYTHONPATH=.:tests python tests/long/real_slurm.py [--only NAME …]

Slurm (slurm-wlm and munge of Debian) runs on the loopback address, from a folder of its own.
Without it nothing is tried, and the reason is printed.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from client_of_slurm import Failure, Table
from slurm_cluster import CannotStart, Cluster, started
from small_runs import make_data

from common.errors import EXIT_INTERRUPTED, EXIT_USER_ERROR

OUT_OF_TIME = "out of time"
LONGER = 5  # times as many epochs, so that a run takes more than a job of a minute
MIDDLE = 5  # epochs after which a run is disturbed
ONE = ("--rows", "MaxPool", "--seeds", "0")
TWO = ("--rows", "MaxPool")


def whole_table(cluster: Cluster, table: Table) -> None:
    """Two rows of two seeds."""
    client = table.client()
    client.ends(0)
    table.has_run(4)
    table.client().ends(0)
    table.require(not cluster.jobs(), "what is done is submitted again")


def put_back(cluster: Cluster, table: Table) -> None:
    """Twice, by scontrol requeue."""
    client = table.client(*ONE)
    for life in (1, 2):
        table.until_epoch(MIDDLE * life)
        cluster.run("scontrol", "requeue", *cluster.jobs())
        table.until(lambda life=life: table.starts() > life, cluster)
    client.ends(0)
    table.has_run(1, starts=3)


def preempted(cluster: Cluster, table: Table, partition: str, starts: int = 2) -> None:
    """By a job of a partition of higher priority that takes all of the node."""
    client = table.client(*ONE, "--cluster", f"slurm_partition={partition}")
    table.until_epoch(MIDDLE)
    cluster.run("sbatch", "-p", "high", "-n", "2", "-o", "/dev/null", "--wrap", "sleep 2")
    table.until(lambda: table.starts() == starts, cluster)
    client.ends(0)
    table.has_run(1, starts=starts)


def cancelled(cluster: Cluster, table: Table) -> None:
    """One of two jobs, by scancel; then the same command again."""
    client = table.client(*TWO)
    table.until_epoch(MIDDLE)
    number = cluster.jobs()[0]
    cluster.run("scancel", number)
    client.ends(1)
    told = [line for line in client.lines() if line.startswith("failed: ")]
    table.require(len(told) == 1, f"{len(told)} runs are told as failed")
    table.require(f"job {number} has ended: it was cancelled" in told[0], told[0])
    table.client(*TWO).ends(0)
    table.has_run(2, starts=3)


def client_is_lost(cluster: Cluster, table: Table, number: signal.Signals) -> None:
    """The command is killed, or its terminal closed; the same command finds the jobs."""
    client = table.client(*TWO)
    table.until_epoch(MIDDLE)
    before = cluster.jobs()
    client.end_by(number)
    table.require(cluster.jobs() == before, "jobs went with the command")
    table.client(*TWO).ends(0)
    table.has_run(2)


def client_is_stopped(cluster: Cluster, table: Table, number: signal.Signals) -> None:
    """The command is asked to stop: its jobs end, and the same command goes on."""
    client = table.client(*ONE)
    table.until_epoch(MIDDLE)
    client.end_by(number, EXIT_INTERRUPTED)
    table.until(lambda: not cluster.jobs(), cluster)
    table.client(*ONE).ends(0)
    table.has_run(1, starts=2)


def out_of_time(cluster: Cluster, table: Table) -> None:
    """Each job may take a minute, which is less than the run takes."""
    short = ("timeout_min=1", "slurm_signal_delay_s=20")
    client = table.client(*ONE, "--cluster", *short)
    table.until(client.is_over, cluster)
    client.ends(0)
    table.require(table.starts() > 1, "no job ran out of time")
    table.has_run(1, starts=table.starts())


def refused(cluster: Cluster, table: Table) -> None:
    """A partition that is not there: no job. One that is closed: a job that waits."""
    client = table.client("--cluster", "slurm_partition=nowhere")
    client.ends(EXIT_USER_ERROR)
    told = [line for line in client.lines() if line.startswith("error: ")]
    table.require(len(told) == 1 and "Invalid partition name" in told[0], str(told))
    client = table.client(*ONE, "--cluster", "slurm_partition=closed")
    table.until(lambda: client.says("waits (PartitionDown)"), cluster)
    client.end_by(signal.SIGINT, EXIT_INTERRUPTED)


def refused_later(cluster: Cluster, table: Table) -> None:
    """After the first job of the table the partition takes no more for a while."""
    client = table.client("--rows", "MaxPool", "--jobs", "1")
    table.until_epoch(MIDDLE)
    cluster.run("scontrol", "update", "PartitionName=low", "State=DRAIN")
    try:
        table.until(lambda: client.says("Slurm takes no job"), cluster)
    finally:
        cluster.run("scontrol", "update", "PartitionName=low", "State=UP")
    client.ends(0)
    table.has_run(2)


def node_is_lost(cluster: Cluster, table: Table) -> None:
    """The node and all on it is gone, and comes back when Slurm has noticed."""
    client = table.client(*ONE)
    table.until_epoch(MIDDLE)
    cluster.kill_node()
    cluster.run("scontrol", "update", "NodeName=node1", "State=DOWN", "Reason=gone")
    table.until(lambda: cluster.jobs("%T") == ["PENDING"])
    cluster.start_node()
    client.ends(0)
    table.has_run(1, starts=2)


def two_at_once(cluster: Cluster, table: Table) -> None:
    """Two commands on one table."""
    for client in [table.client(*TWO), table.client(*TWO)]:
        client.ends(0)
    table.has_run(2)


TRIALS: dict[str, Callable[[Cluster, Table], None]] = {
    "a table": whole_table,
    "put back twice": put_back,
    "preempted": lambda *both: preempted(*both, "low"),
    "preempted in a time of grace": lambda *both: preempted(*both, "grace"),
    "preempted and not put back": lambda *both: preempted(*both, "cancelled"),
    "one of two jobs is cancelled": cancelled,
    "the command is killed": lambda *both: client_is_lost(*both, signal.SIGKILL),
    "the terminal is closed": lambda *both: client_is_lost(*both, signal.SIGHUP),
    "Ctrl-C": lambda *both: client_is_stopped(*both, signal.SIGINT),
    "SIGTERM": lambda *both: client_is_stopped(*both, signal.SIGTERM),
    "two commands at once": two_at_once,
    "refused": refused,
    "refused later": refused_later,
    "the node is lost": node_is_lost,
    OUT_OF_TIME: out_of_time,
}


def try_all(names: Sequence[str], scratch: Path, epochs: int) -> int:
    """Disturbs a table in each way of `names`; returns how often it ended otherwise."""
    data = scratch / "data"
    if not data.exists():
        make_data(scratch)
    lengths = {name: (LONGER if name == OUT_OF_TIME else 1) * epochs for name in names}
    expected = {
        length: Table(scratch / f"here{length}", data, length).run_here(
            *(() if length == epochs else ONE)
        )
        for length in {*lengths.values()}
    }
    wrong = 0
    trials = Path(tempfile.mkdtemp(dir=scratch, prefix=""))
    with started(trials / "slurm", kill_wait=10) as cluster:
        for number, name in enumerate(names):
            began = time.monotonic()
            length = lengths[name]
            table = Table(trials / str(number), data, length, cluster, expected[length])
            try:
                TRIALS[name](cluster, table)
                end = "0 wrong"
            except (Failure, CannotStart, subprocess.CalledProcessError) as failure:
                end, wrong = f"1 wrong: {failure}", wrong + 1
            finally:
                table.close()
            print(f"{name}: {table.checks} checks in {time.monotonic() - began:.0f} s; {end}",
                  flush=True)  # fmt: skip
    return wrong


def main() -> int:
    """Tries all; returns 1 if anything was not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=[""], metavar="NAME",
                        help="parts of the names of trials")  # fmt: skip
    parser.add_argument("--epochs", type=int, default=400, help="of each run [400]")
    parser.add_argument("--keep", type=Path, help="work in this folder, and leave it")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # Slurm's daemons end with us
    names = [name for name in TRIALS if any(part in name for part in args.only)]
    with tempfile.TemporaryDirectory(prefix="sl") as folder:
        try:
            scratch = (args.keep or Path(folder)).resolve()
            return 1 if try_all(names, scratch, args.epochs) else 0
        except CannotStart as reason:
            print(f"not tried: {reason}; 0 wrong")
            return 0


if __name__ == "__main__":
    sys.exit(main())
