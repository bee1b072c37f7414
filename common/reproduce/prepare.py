"""What a table wants done with the data before its first run."""

import subprocess
import sys
from collections.abc import Sequence

from common.errors import UserError
from common.reproduce.runs import TableRun, Workspace, environment, features_of
from common.reproduce.tables import Table


def preparation(table: Table, runs: Sequence[TableRun]) -> list[str]:
    """The words that start the table's `prepare`, for the data and features of its runs."""
    if not table.prepare or not runs:
        return []
    workspace = runs[0].workspace
    return [
        sys.executable, "-m", *table.prepare, "--SoccerNet_path", str(workspace.data),
        "--features", *features_of(runs[0].arguments),
    ]  # fmt: skip


def prepare(words: Sequence[str], workspace: Workspace) -> None:
    """Runs it; what is prepared already costs it nothing. Raises UserError if it fails."""
    code = subprocess.run(words, env=environment(workspace.root, 1)).returncode
    if code:
        raise UserError(f"{words[2]} ended with exit code {code}; the table needs it first")
