"""Programs in forked processes: torch is imported once, a trial costs what it does itself."""

import contextlib
import gc
import importlib
import logging
import os
import pickle
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import EXIT_USER_ERROR, run_cli

_SECONDS = 300  # after which a program counts as hanging


@dataclass(frozen=True)
class Ended:
    """How a program ended, what it printed on standard error, and what was watched."""

    code: int
    complaint: str
    watched: Any = None

    @property
    def is_told(self) -> bool:
        """Whether it ended well, or in one sentence."""
        if "Traceback" in self.complaint or "Exception ignored" in self.complaint:
            return False
        sentences = sum(line.startswith("error: ") for line in self.complaint.splitlines())
        return (self.code, sentences) in ((0, 0), (EXIT_USER_ERROR, 1))


def run_in_child(
    main: Callable[[list[str]], int | None],
    words: Sequence[object],
    cwd: Path,
    before: Callable[[], Any] = lambda: None,
) -> Ended:
    """Runs a program's `main` as a shell does, in a fork of this process.

    Args:
        before: called in the child first; what it returns comes back as `watched`.
    """
    with tempfile.TemporaryFile() as complaints, tempfile.TemporaryFile() as watched:
        gc.freeze()  # else each child's collections copy what it shares with this process
        child = os.fork()
        if child == 0:
            _be_child(main, [str(word) for word in words], cwd, before, complaints, watched)
        _, status = os.waitpid(child, 0)
        complaints.seek(0)
        watched.seek(0)
        told = complaints.read().decode(errors="replace")
        content = watched.read()
        found = pickle.loads(content) if content else None
        return Ended(os.waitstatus_to_exitcode(status), told, found)


def _be_child(main: Any, words: list[str], cwd: Path, before: Any, complaints: Any, watched: Any
              ) -> None:  # fmt: skip
    code = 1
    try:
        signal.alarm(_SECONDS)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(complaints.fileno(), 2)
        os.chdir(cwd)
        sys.argv = ["main.py", *words]
        seen = before()
        try:
            run_cli(lambda: main(words))
        except SystemExit as end:
            code = int(end.code or 0)
        gc.collect()  # what complains when it is thrown away, complains now
        logging.shutdown()
        watched.write(pickle.dumps(seen))
        watched.flush()
    except BaseException:
        code = 1
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        os._exit(code)


def import_what_it_imports(main: Any, words: Sequence[object], cwd: Path) -> Ended:
    """Runs a program once, in a child, and imports here what it has imported there."""
    names: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        note = Path(folder, "modules")

        def run(argv: list[str]) -> int | None:
            code = main(argv)
            note.write_text("\n".join(sys.modules))
            return code

        ended = run_in_child(run, words, cwd)
        if note.is_file():
            names = note.read_text().splitlines()
    for name in names:
        if name not in sys.modules and not name.startswith("__"):
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    return ended
