"""What programs say: one clear sentence instead of a traceback, and the log."""

import errno
import json
import logging
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

log = logging.getLogger("spotting")  # of all programs; a run sends it to screen and file

_signals: list[float] = []  # when the last one came

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130


class UserError(ValueError):
    """Input or settings are wrong; the message says what was expected, found, and what to do."""


class Interrupted(Exception):  # noqa: N818 - an event, not a mistake
    """Somebody asked the program to stop (Ctrl-C, SIGTERM) and it has saved what it had."""


@contextmanager
def needs_extra(extra: str, what: str) -> Iterator[None]:
    """Around imports of packages that only some users install.

    `with needs_extra("calibration", "drawing a top view"): import cv2` raises UserError where cv2
    cannot be imported. It stands inside the function that uses the package: at the top of a file it
    would stop programs that never get there.

    Args:
        extra: its name in pyproject.toml.
        what: the subject of the sentence, in the singular.
    """
    try:
        yield
    except ImportError as error:
        raise UserError(
            f"{what} needs a package that cannot be imported ({error}); run in the folder of "
            f"pyproject.toml: pip install -e '.[{extra}]'"
        ) from None


def run_cli(main: Callable[[], int | None]) -> None:
    """Runs a program's `main` and leaves with its exit code, or with one sentence on stderr.

    0 is success, 1 a check that found something wrong, 2 a `UserError` or a file that cannot be
    read or written, 130 an interruption. Anything else is a defect of ours: it keeps its traceback.
    """
    _signals.clear()
    before = {s: signal.signal(s, _stop) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        code = main() or 0
    except UserError as error:
        code = _complain(str(error), EXIT_USER_ERROR)
    except Interrupted as stop:
        code = _complain(str(stop), EXIT_INTERRUPTED)
    except KeyboardInterrupt as stop:
        code = _complain(f"stopped by {str(stop) or 'Ctrl-C'}", EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader (head, less) has left; say nothing, also not at interpreter shutdown.
        sys.stderr.close()
        code = EXIT_USER_ERROR
    except OSError as error:
        code = _complain(_explain_os_error(error), EXIT_USER_ERROR)
    for number, handler in before.items():
        signal.signal(number, handler)
    sys.exit(code)


def is_echo() -> bool:
    """Called for each signal to stop: whether it came within a second of another.

    Launchers and terminals send several for one wish, some milliseconds apart.
    """
    now, earlier = time.monotonic(), _signals[-1] if _signals else -math.inf
    _signals[:] = [now]
    return now - earlier < 1


def _stop(number: int, frame: FrameType | None) -> None:
    """Ends on SIGTERM as on Ctrl-C: half-written files are tidied away on the way out."""
    if not is_echo():
        raise KeyboardInterrupt("" if number == signal.SIGINT else signal.Signals(number).name)


def _complain(sentence: str, code: int) -> int:
    print(f"error: {sentence}", file=sys.stderr)
    if report := os.environ.get("TORCHELASTIC_ERROR_FILE"):
        # torchrun ends with a page of its own; so the sentence stands in it, near the end.
        told = {"py_callstack": sentence, "timestamp": str(int(time.time()))}
        with suppress(OSError):
            Path(report).write_text(
                json.dumps({"message": {"message": sentence, "extraInfo": told}})
            )
    return code


def _explain_os_error(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    advice = {
        errno.ENOSPC: "the disk is full; free some space and run the same command again",
        errno.EDQUOT: "the disk quota is used up; free some space and run the same command again",
        errno.EACCES: "permission denied; choose a folder you may read and write",
        errno.EPERM: "not permitted; choose a folder you may read and write",
        errno.EROFS: "this file system is read-only; choose another folder",
        errno.ENOENT: "no such file or folder; check the path",
        errno.ENOTDIR: "a file is where a folder should be; move it, or choose another folder",
        errno.EEXIST: "a file is where a folder should be; move it, or choose another folder",
    }.get(error.errno or 0, error.strerror or str(error))
    return f"{advice}{where}"


def counted(number: int, noun: str) -> str:
    """Number and noun: 1 game, 2 games."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
