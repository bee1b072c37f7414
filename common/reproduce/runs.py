"""What a table needs to be run, what of it is done, and where it lies."""

import hashlib
import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from common.errors import UserError
from common.files import read_json, write_json
from common.reproduce.sources import code_digest
from common.reproduce.tables import Row
from common.results.typed_commands import typed
from common.training.checkpoints import LAST_FILE
from common.training.flags import new_parser

RECORD = "reproduce.json"
DONE, STOPPED, NEW = "done", "to be resumed", "new"


@dataclass(frozen=True)
class Workspace:
    """What all runs of a command share: program, its code, data, and the folder of runs."""

    baseline: str
    data: Path
    folder: Path  # the runs lie in its models/
    code: str  # digest of the program's sources
    games: str  # digest of the data's own splits and classes
    root: Path  # of the sources

    @property
    def program(self) -> Path:
        """The baseline's main.py, which trains and tests."""
        return self.root / self.baseline / "main.py"


def workspace_of(baseline: str, *, data: Path, folder: Path, root: Path) -> Workspace:
    """The workspace of a baseline. Raises UserError if its program is not there."""
    if not (root / baseline / "main.py").is_file():
        raise UserError(f"expected the program {root / baseline / 'main.py'}, found none")
    code = code_digest(root / baseline / "main.py", root)
    own = [data / name for name in ("splits.json", "classes.json")]
    games = hashlib.sha256(b"\0".join(path.read_bytes() if path.is_file() else b"" for path in own))
    return Workspace(baseline, data.resolve(), folder.resolve(), code, games.hexdigest(), root)


@dataclass(frozen=True)
class TableRun:
    """One training and test: settings, seed, code and data decide what it is, and nothing else.

    `label` only makes the folder's name readable: two rows with the same settings share a run.

    Attributes:
        results: folder below the run's and split of what it must leave to be finished.
    """

    workspace: Workspace
    arguments: tuple[str, ...]  # those of the table and the command, without seed and name
    seed: int
    label: str
    results: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    @property
    def settings(self) -> str:
        """Digest of the settings: what a run is, apart from the code that ran it."""
        baseline, data, games = self.workspace.baseline, self.workspace.data, self.workspace.games
        content = [baseline, self.arguments, self.seed, str(data), games]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:10]

    @property
    def key(self) -> str:
        """Digest of settings and code."""
        return f"{self.settings}-{self.workspace.code[:10]}"

    @property
    def folder(self) -> Path:
        """Where the run lies, or will."""
        models = self.workspace.folder / "models"
        there = sorted(models.glob(f"*_seed{self.seed}_{self.key}"))
        label = re.sub(r"[^A-Za-z0-9+.-]+", "-", self.label).strip("-.")[:40]
        return there[0] if there else models / f"{label}_seed{self.seed}_{self.key}"

    @property
    def log(self) -> Path:
        """What its program prints, one attempt after the other."""
        return self.workspace.folder / "logs" / f"{self.folder.name}.log"

    def state(self) -> str:
        """DONE, STOPPED (it can be resumed), or NEW."""
        if self.finished_in(self.folder):
            return DONE
        return STOPPED if any(self.folder.rglob(LAST_FILE)) else NEW

    def lacks(self, folder: Path) -> str:
        """The first split that has left neither scores nor an archive there; empty if all have."""
        for part, split in self.results:
            names = f"results_{split}.json", f"results_spotting_{split}.zip"
            if not any((folder / part / name).is_file() for name in names):
                return split
        return ""

    def finished_in(self, folder: Path) -> bool:
        """Whether a program has ended well there and its results are still there."""
        return read_record(folder).get("state") == DONE and not self.lacks(folder)

    def command(self, device: str | None = None) -> list[str]:
        """The words that start the run in `workspace.folder`, or take it up where it stopped."""
        return [
            sys.executable,
            str(self.workspace.program),
            "--SoccerNet_path",
            str(self.workspace.data),
            *self.arguments,
            *(("--device", device) if device else ()),
            "--seed",
            str(self.seed),
            "--model_name",
            self.folder.name,
            # Without a checkpoint to go on from, what an attempt left is of no use.
            "--resume" if self.state() == STOPPED else "--overwrite",
        ]

    def command_line(self) -> str:
        """The command as a shell takes it, from any folder, as often as one likes.

        So it never replaces a run: a program that finds one says so.
        """
        words = [word for word in self.command()[1:] if word != "--overwrite"]
        return typed(words, self.workspace.folder, self.workspace.root)

    def earlier(self) -> Path | None:
        """The newest finished run with the same settings by any code; None if there is none."""
        found = self.workspace.folder.glob(f"models/*_seed{self.seed}_{self.settings}-*")
        done = [path for path in found if self.finished_in(path)]
        return max(done, key=lambda path: (path / RECORD).stat().st_mtime, default=None)


def read_record(folder: Path) -> dict[str, Any]:
    """What is known of the run in a folder; nothing if it never began.

    Raises UserError, naming the file, if it is not what `write_record` wrote.
    """
    path = folder / RECORD
    content = read_json(path) if path.is_file() else {}
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no record of a run; remove it to start that run anew")
    seconds = content.get("seconds", 0)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 1e9:
        raise UserError(
            f"{path}: expected seconds from 0 on, found {seconds!r}; correct or remove the file"
        )
    return content


def write_record(run: TableRun, **entries: Any) -> None:
    """Adds entries to the record of a run."""
    folder = run.folder
    always = {
        "key": run.key,
        "baseline": run.workspace.baseline,
        "arguments": list(run.arguments),
        "seed": run.seed,
        "SoccerNet_path": str(run.workspace.data),
        "code": run.workspace.code,
    }
    write_json(folder / RECORD, {**read_record(folder), **always, **entries})


def arguments_of(row: Row, extra: Sequence[str]) -> tuple[str, ...]:
    """Flags of a row's runs; those of the command come last and so win."""
    return ("--features", *row.features, *row.arguments, "--gt-time", row.clock, *extra)


def runs_of(
    row: Row, workspace: Workspace, extra: Sequence[str], seeds: Sequence[int] | None = None
) -> list[TableRun]:
    """The runs of a row, one per seed."""
    arguments = arguments_of(row, extra)
    results = ((row.part, row.split),)
    return [TableRun(workspace, arguments, seed, row.name, results) for seed in seeds or row.seeds]


def plan(
    rows: Sequence[Row],
    workspace: Workspace,
    extra: Sequence[str],
    seeds: Sequence[int] | None,
) -> list[TableRun]:
    """The different runs of the rows: seed by seed, so that a part of it is already a table."""
    different: dict[str, TableRun] = {}
    for row in rows:
        for run in runs_of(row, workspace, extra, seeds):
            earlier = different.setdefault(run.key, run)
            results = dict.fromkeys(earlier.results + run.results)
            different[run.key] = replace(earlier, results=tuple(results))
    return sorted(different.values(), key=lambda run: run.seed)


def features_of(arguments: Sequence[str]) -> list[str]:
    """The feature files that a run's flags name: the last ones given."""
    parser = new_parser("", "")
    parser.add_argument("--features", nargs="+", default=[])
    return parser.parse_known_args(arguments)[0].features


def environment(root: Path, jobs: int) -> dict[str, str]:
    """Of a run's process: this code goes before any installed one, and cores are shared out."""
    env = dict(os.environ)
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), env.get("PYTHONPATH", "")]))
    if jobs > 1:
        env.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // jobs)))
    return env
