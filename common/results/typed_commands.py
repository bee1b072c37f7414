"""Commands that are printed to be pasted: from any folder, or short where they were printed."""

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # of this code


def typed(words: Sequence[str], folder: Path | None = None, root: Path = ROOT) -> str:
    """A call of Python with these words as a shell takes it, with this Python and this code.

    Args:
        words: behind "python"; their paths are absolute, or start in `folder`.
        folder: where to start it; None: anywhere. It is made if need be.
        root: where its modules are.
    """
    paths: list[Path | str] = [
        root,
        *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)),
    ]
    path = os.pathsep.join(dict.fromkeys(str(Path(each).resolve()) for each in paths))
    line = f"PYTHONPATH={shlex.quote(path)} {shlex.join([sys.executable or 'python', *words])}"
    if folder is None:
        return line
    start = shlex.quote(str(folder.resolve()))
    return f"{'' if folder.is_dir() else f'mkdir -p {start} && '}cd {start} && {line}"


def typed_here(words: Sequence[str]) -> str:
    """As `typed`, but short where `python` in this shell and folder is this Python with this code.

    Absolute paths below the working folder then start in it.
    """
    if not _python_is_this():
        return typed(words)
    here = f"{Path.cwd()}{os.sep}"
    return shlex.join(["python", *(word.removeprefix(here) for word in words)])


def _python_is_this() -> bool:
    """Whether `python -m` finds what runs now: nothing but the folder or an installation gave it.

    That is so where we were started by `-m` ourselves, and no PYTHONPATH stood before the command.
    """
    started = getattr(sys.modules["__main__"], "__spec__", None)
    if os.environ.get("PYTHONPATH") or getattr(sys.flags, "safe_path", False) or not started:
        return False
    found, own = shutil.which("python"), Path(sys.executable)
    if found is None or not Path(started.origin or "").is_relative_to(ROOT):
        return False
    # Both names of an environment are links to the Python that it was made with, as may be others.
    return own.samefile(found) and own.parent.samefile(Path(found).parent)
