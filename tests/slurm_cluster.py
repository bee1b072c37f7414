"""A Slurm of one controller and one node on the loopback address, of its own key and folders."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

NODE = "node1"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")
_SECONDS = 60  # until all daemons answer, or have ended
_SETTLED_SECONDS = 3  # after which a node has forgotten that it ended a job
# Debian puts the daemons where not everybody's PATH goes.
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])

# KillWait is what a job has between SIGTERM and SIGKILL; partition high preempts low.
_CONFIGURATION = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge/socket
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
KillWait={kill_wait}
MinJobAge={remembered}
InactiveLimit=0
SlurmctldTimeout=30
SlurmdTimeout=30
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=5,bf_interval=5,batch_sched_delay=0
MaxJobCount={most_jobs}
NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=low Nodes={node} Default=YES PriorityTier=1 MaxTime=INFINITE State=UP
PartitionName=high Nodes={node} PriorityTier=10 MaxTime=INFINITE PreemptMode=OFF State=UP
PartitionName=closed Nodes={node} MaxTime=INFINITE State=DOWN
PartitionName=grace Nodes={node} PriorityTier=1 GraceTime=60 State=UP
PartitionName=cancelled Nodes={node} PriorityTier=1 PreemptMode=CANCEL State=UP
"""


class CannotStart(Exception):  # noqa: N818 - a reason to skip
    """Slurm is not installed, or does not run here; the message says why."""


class Cluster:
    """Slurm's daemons, each the child of this process; `started` makes one and ends it.

    Attributes:
        environment: for commands that talk to it.
    """

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        self.folder = folder
        self.environment = os.environ | {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": _PATH}
        self._daemons: list[subprocess.Popen[bytes]] = []
        self._waiting: dict[str, float] = {}  # jobs that were put back, and since when they wait
        self._settings = settings

    def start(self) -> None:
        """Starts munge, the controller and the node. Raises CannotStart with what they said."""
        missing = [name for name in PROGRAMS if shutil.which(name, path=_PATH) is None]
        if missing:
            raise CannotStart(f"{missing[0]} is not installed (slurm-wlm and munge of Debian)")
        self._write_configuration()
        munge = self.folder / "munge"
        self._daemon("munged", "--foreground", "--force", f"--socket={munge / 'socket'}",
                     f"--key-file={munge / 'key'}", f"--seed-file={munge / 'seed'}",
                     f"--pid-file={munge / 'pid'}", f"--log-file={munge / 'log'}")  # fmt: skip
        self.until((munge / "socket").exists, "munged")
        self._daemon("slurmctld", "-D", "-i", "-f", str(self.folder / "slurm.conf"))
        self.start_node()

    def start_node(self) -> None:
        """Starts the node, and waits until the controller has it."""
        self._daemon("slurmd", "-D", "-N", NODE, "-f", str(self.folder / "slurm.conf"))
        self.until(lambda: self.node_state() in ("idle", "mixed", "allocated"), "the node")

    def kill_node(self) -> None:
        """The node's daemon and its jobs are gone, as if the machine had lost its power."""
        daemon = self._daemons.pop()
        daemon.kill()
        daemon.wait()
        self._kill_jobs()

    def _kill_jobs(self) -> None:
        """Kills what jobs of this Slurm, and of no other, have started.

        Slurm's own first, which would tell the controller that the others have ended.
        """
        steps, others = [], []
        ours = f"SLURM_CONF={self.folder / 'slurm.conf'}".encode()
        for process in Path("/proc").iterdir():
            if not process.name.isdecimal() or process.name == str(os.getpid()):
                continue
            with suppress(OSError):  # it has just ended
                given = (process / "environ").read_bytes().split(b"\0")
                is_step = b"slurmstepd" in (process / "cmdline").read_bytes()
                if ours in given and (is_step or any(b"SLURM_JOB_ID=" in each for each in given)):
                    (steps if is_step else others).append(int(process.name))
        for number in steps + others:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)

    def let_wait_no_longer(self) -> None:
        """Jobs that were put back, which Slurm lets wait for two minutes, may start soon.

        Not at once: a node that still ends what ran before refuses the job, for good.
        """
        now = time.monotonic()
        parts = [line.partition(" ") for line in self.jobs("%A %r")]
        waiting = [number for number, _, reason in parts if reason == "BeginTime"]
        self._waiting = {number: self._waiting.get(number, now) for number in waiting}
        for number, since in self._waiting.items():
            if now - since > _SETTLED_SECONDS:
                self.run("scontrol", "update", f"JobId={number}", "StartTime=now", check=False)

    def cancel_all(self) -> None:
        """Cancels all jobs, and waits for their ends."""
        for number in self.jobs():
            self.run("scancel", number, check=False)
        self.until(lambda: not self.jobs(), "the end of all jobs")

    def stop(self) -> None:
        """Cancels all jobs, then ends the daemons, the node's first."""
        if len(self._daemons) == 3:
            with suppress(CannotStart, subprocess.CalledProcessError):
                self.cancel_all()
        for daemon in reversed(self._daemons):
            daemon.terminate()
            try:
                daemon.wait(_SECONDS)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self._kill_jobs()

    def run(self, *words: object, check: bool = True) -> str:
        """What one of Slurm's commands prints. Raises CalledProcessError if it fails."""
        done = subprocess.run(
            [str(word) for word in words], env=self.environment, capture_output=True, text=True
        )
        if check:
            done.check_returncode()
        return done.stdout.strip()

    def node_state(self) -> str:
        """Of the node, as sinfo says it."""
        return self.run("sinfo", "-h", "-p", "low", "-o", "%t", check=False)

    def jobs(self, form: str = "%A") -> list[str]:
        """The jobs that wait or run, oldest first, as squeue says them."""
        return self.run("squeue", "-h", "-S", "i", "-o", form).splitlines()

    def _write_configuration(self) -> None:
        munge = self.folder / "munge"
        for each in (munge, self.folder / "state", self.folder / "spool"):
            each.mkdir(parents=True)
        self.folder.chmod(0o755)
        munge.chmod(0o711)
        key = munge / "key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        settings = {"cpus": 2, "kill_wait": 30, "remembered": 300, "most_jobs": 100}
        text = _CONFIGURATION.format_map(
            {
                "host": socket.gethostname().partition(".")[0],
                "controller_port": _free_port(),
                "node_port": _free_port(),
                "user": self._user(),
                "folder": self.folder,
                "node": NODE,
                **settings,
                **self._settings,
            }
        )
        (self.folder / "slurm.conf").write_text(text)

    @staticmethod
    def _user() -> str:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name

    def _daemon(self, name: str, *words: str) -> None:
        with (self.folder / f"{name}.out").open("ab") as out:
            program = shutil.which(name, path=_PATH) or name
            self._daemons.append(
                subprocess.Popen(
                    [program, *words],
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    start_new_session=True,
                )
            )

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Waits for something. Raises CannotStart if it never happens, or a daemon ends."""
        deadline = time.monotonic() + _SECONDS
        while not condition():
            ended = next((each for each in self._daemons if each.poll() is not None), None)
            if ended is not None or time.monotonic() > deadline:
                raise CannotStart(f"{what} does not come up: {self._last_words()}")
            time.sleep(0.1)

    def _last_words(self) -> str:
        lines = []
        for path in sorted(self.folder.glob("*.out")):
            told = path.read_text(errors="replace").strip().splitlines()
            lines += [f"{path.stem}: {line}" for line in told[-3:]]
        return "; ".join(lines) or "no word"


@contextmanager
def started(folder: Path, **settings: object) -> Iterator[Cluster]:
    """Slurm at work while the block runs. Raises CannotStart.

    Args:
        folder: new or empty, of a short path: sockets have at most 107 characters.
        settings: cpus of the node, kill_wait and remembered in seconds, most_jobs.
    """
    cluster = Cluster(folder, settings)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
