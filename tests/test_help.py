"""`--help` of the commands answers before anything that starts slowly is imported."""

import pytest
from shell import python

COMMANDS = ["compare", "doctor", "download", "ensemble", "evaluate", "export",
            "extract_features", "merge_predictions", "operating_point", "pca", "relabel", "report",
            "reproduce", "spot", "synthetic", "validate_submission", "watch"]  # fmt: skip
SLOW = ("torch", "matplotlib", "rich", "sklearn", "pandas", "SoccerNet", "submitit")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_waits_for_no_slow_package(repo_root, command):
    program = f"""
import runpy, sys
sys.argv = ["common.{command}", "--help"]
try:
    runpy.run_module("common.{command}", run_name="__main__")
except SystemExit as end:
    assert not end.code
slow = sorted(set({SLOW}) & set(sys.modules))
sys.exit(f"imported: {{slow}}" if slow else 0)
"""
    done = python(repo_root, "-c", program)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"python -m common.{command}" in done.stdout
