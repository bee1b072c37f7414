"""What a reader of foreign bytes is, and the rule that it is held to."""

import logging
import os
import re
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import UserError

GAME = "league/season/game"
_sentences: list[str] = []  # that `told` has heard since reading began


@dataclass(frozen=True)
class Reader:
    """A reader of one kind of file.

    Attributes:
        read: reads the content in all ways in which programs do. It works in the folder, and finds
            there what an earlier input has left.
        seeds: contents that programs write, or that are known to be read; from an empty folder.
        words: what contents are made of beside what the seeds show.
        needs: packages without which it ends in a sentence at once, and its seeds fail.
    """

    read: Callable[[bytes, Path], None]
    seeds: Callable[[Path], Sequence[bytes]]
    words: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


def told(call: Callable[..., Any], *values: Any, **named: Any) -> Any:
    """What a call returns; None where it ends in the one sentence that a reader may end in."""
    try:
        return call(*values, **named)
    except UserError as error:
        _sentences.append(str(error))
        return None


def put(path: Path, content: bytes) -> Path:
    """Writes a file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def given(*contents: bytes) -> Callable[[Path], Sequence[bytes]]:
    """Seeds that need no folder."""
    return lambda folder: contents


def fault_of(reader: Reader, content: bytes, folder: Path) -> str:
    """What else than a UserError leaves a reader, and where; empty if nothing does.

    Numpy's warnings count, too: they would stand on the screen beside the sentence.
    """
    before = Path.cwd()
    os.chdir(folder)
    _sentences.clear()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            told(reader.read, content, folder)
    except Exception as error:
        return f"{type(error).__name__} in {_place(error)}"
    finally:
        os.chdir(before)
    return ""


def outcome_of(reader: Reader, content: bytes, folder: Path) -> str:
    """The kinds of sentences that reading ends in: without quotations, paths and numbers."""
    fault = fault_of(reader, content, folder)
    kinds = (re.sub(r"""'[^']*'|"[^"]*"|/\S+|\d+""", "", each) for each in _sentences)
    return " ".join([fault, *dict.fromkeys(kinds)])


def _place(error: BaseException) -> str:
    """The innermost frame of the project, by file and function."""
    root = str(Path(__file__).resolve().parents[2])
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename.startswith(root)]
    last = ours[-1] if ours else frames[-1]
    return f"{last.filename.removeprefix(root).lstrip('/')}, {last.name}"


class _Formatting(logging.Handler):
    """Makes the text of each remark, and keeps none."""

    def emit(self, record: logging.LogRecord) -> None:
        record.getMessage()


@contextmanager
def unheard() -> Iterator[None]:
    """Remarks on the log are put together, as for a screen, and not shown."""
    log = logging.getLogger("spotting")
    before = log.handlers, log.propagate
    log.handlers, log.propagate = [_Formatting()], False
    try:
        yield
    finally:
        log.handlers, log.propagate = before
