"""The short form of two scripts of `make proof`: metric and archives, by the package and by us."""

import subprocess
import sys

import pytest
from shell import WAIT, environment

pytest.importorskip("SoccerNet.Evaluation.ActionSpotting")


@pytest.mark.parametrize(
    "words",
    [["metric_difference.py", "--cases", "200"], ["archive_difference.py", "--archives", "60"]],
    ids=lambda words: words[0],
)
def test_some_cases_are_judged_alike(repo_root, words):
    script = repo_root / "tests" / "long" / words[0]
    paths = {"PYTHONPATH": f"{repo_root}:{repo_root / 'tests'}"}
    done = subprocess.run(
        [sys.executable, script, *words[1:]], env=environment() | paths, capture_output=True,
        text=True, timeout=4 * WAIT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith("; 0 wrong")
