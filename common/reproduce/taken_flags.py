"""Whether the baseline's program takes the flags of its runs, asked before any of them begins."""

import json
import subprocess
import sys
from collections.abc import Sequence

from common.errors import EXIT_USER_ERROR, UserError
from common.reproduce.runs import TableRun, environment

# In a process of its own: these packages call no baseline. It waits for no heavy import, and prints
# a line for each list of words that was taken.
_READS_FLAGS = """
import json, sys
from importlib import import_module
from common.errors import run_cli

def main():
    read = import_module(sys.argv[1]).parse_arguments
    for words in json.load(sys.stdin):
        read(words)
        print("taken", flush=True)

run_cli(main)
"""


def check_flags(runs: Sequence[TableRun], extra: Sequence[str]) -> None:
    """Raises UserError with what the program says of the first run whose flags it does not take.

    A program without the function `parse_arguments` is not asked.

    Args:
        extra: flags that the command has appended to those of the table.
    """
    if not runs or "\ndef parse_arguments(" not in runs[0].workspace.program.read_text():
        return
    space = runs[0].workspace
    different = list({run.arguments: run for run in runs}.values())
    words = [["--SoccerNet_path", str(space.data), *run.arguments] for run in different]
    done = subprocess.run(
        [sys.executable, "-c", _READS_FLAGS, f"{space.baseline}.main"],
        input=json.dumps(words),
        cwd=space.root,
        env=environment(space.root, 1),
        capture_output=True,
        text=True,
    )
    if done.returncode != EXIT_USER_ERROR:
        return
    run = different[done.stdout.count("taken\n")]
    said = done.stderr.rpartition("error: ")[2].strip()
    raise UserError(
        f"{space.baseline}/main.py does not take the flags of {run.label}: {said}; correct "
        f"{'--extra-args or ' if extra else ''}the table (nothing was run or written)"
    )
