"""Commands that are printed to be pasted: they work from any folder."""

import os
import shlex
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
