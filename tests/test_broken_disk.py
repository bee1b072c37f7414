"""The short form of what `make proof` runs: a few of all failures that can be listed."""

import sys

import pytest
from shell import long_script


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
    assert "; 0 wrong" in long_script(repo_root, *words)
