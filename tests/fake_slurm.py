"""Commands of Slurm for the tests of `common.reproduce`: they keep a list of jobs and run none."""

import os
import pickle
from pathlib import Path

_COMMANDS = {
    "srun": "exit 1",
    "squeue": """
        if [ -e broken ]; then echo 'slurm_load_jobs error: Unable to contact' >&2; exit 1; fi
        case "$*" in *--jobs=*) cat warned;; *) cat queue;; esac""",
    "sbatch": """
        if [ -e refuse ]; then cat refuse >&2; exit 1; fi
        sleep 0.1
        number=$(( $(wc -l < queue) + 1 ))
        comment=$(sed -n "s/^#SBATCH --comment=//p" "$1" | tr -d "'")
        grep -q '^#SBATCH --requeue$' "$1" || exit 3
        echo "$number|PENDING||Priority|$comment" >> queue
        echo "Submitted batch job $number" """,
    "scancel": """
        if [ -e broken ]; then echo 'scancel: error: Unable to contact' >&2; exit 1; fi
        sed -i "s/^$1|[A-Z]*/$1|CANCELLED/" queue""",
    "scontrol": "true",
}


class FakeSlurm:
    """A folder with the commands, and what they know: squeue's lines, and how they were called."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bin = folder, folder / "bin"
        self.bin.mkdir(parents=True)
        (folder / "queue").touch()
        (folder / "warned").touch()
        for name, body in _COMMANDS.items():
            script = self.bin / name
            first = f"#!/bin/sh\ncd '{folder}' && echo \"{name} $*\" >> calls\n"
            script.write_text(first + body + "\n")
            script.chmod(0o755)

    @property
    def path(self) -> str:
        """PATH with these commands before all others."""
        return f"{self.bin}{os.pathsep}{os.environ['PATH']}"

    def states(self) -> list[str]:
        """Of the jobs, in the order of their numbers from 1 on."""
        return [line.split("|")[1] for line in self._lines()]

    def set(self, number: int, state: str, nodes: str = "", reason: str = "None") -> None:
        """What squeue is to say of a job."""
        lines = self._lines()
        comment = lines[number - 1].split("|")[4]
        lines[number - 1] = f"{number}|{state}|{nodes}|{reason}|{comment}"
        (self.folder / "queue").write_text("".join(f"{line}\n" for line in lines))

    def finish(self, jobs: Path, number: int, result: tuple[str, str] = ("success", "")) -> None:
        """A job leaves its result in the folder of submitit's files."""
        (jobs / f"{number}_0_result.pkl").write_bytes(pickle.dumps(result))

    def file(self, name: str, content: str = "") -> None:
        """`broken`: nothing answers; `refuse`: what sbatch says instead of taking a job."""
        (self.folder / name).write_text(content)

    def calls(self, name: str) -> list[str]:
        """The words that a command was called with, one line per call."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.is_file() else []
        return [line.removeprefix(f"{name} ") for line in lines if line.startswith(f"{name} ")]

    def _lines(self) -> list[str]:
        return (self.folder / "queue").read_text().splitlines()
