"""The short form of what `make proof` runs: a few of all failures that can be listed."""

import subprocess
import sys

import pytest
from shell import WAIT, environment


@pytest.mark.skipif(sys.platform != "linux", reason="needs fork, /proc and limits as on Linux")
@pytest.mark.parametrize(
    "words",
    [
        ["every_call_fails.py", "--only", "go on", "--every", "200"],
        ["every_crash.py", "--only", "go on", "--every", "40"],
        ["little_memory.py", "--steps", "1"],
    ],
    ids=lambda words: words[0],
)
def test_some_of_all_failures_end_well(repo_root, words):
    script = repo_root / "tests" / "long" / words[0]
    paths = {"PYTHONPATH": f"{repo_root}:{repo_root / 'tests'}"}
    done = subprocess.run(
        [sys.executable, script, *words[1:]], env=environment() | paths, capture_output=True,
        text=True, timeout=4 * WAIT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "; 0 wrong" in done.stdout
