"""What programs say: one clear sentence instead of a traceback, and the log."""

import atexit
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from common.limits import limit_that_was_met
from common.little_memory import (
    hold_back,
    keep_reserve,
    leave_it_to_who_waits,
    let_through,
    spoken_for,
    use_reserve,
)
from common.missing import missing_package
from common.surroundings import lasting_streams, provide_home

log = logging.getLogger("spotting")  # of all programs; a run sends it to screen and file

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130

# Ctrl-C, what launchers send, and what a closed terminal does; Windows has no SIGHUP.
STOP_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


def stop_word(number: int) -> str:
    """What a signal to stop is called in all sentences: Ctrl-C, SIGTERM."""
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


class UserError(ValueError):
    """Input or settings are wrong; the message says what was expected, found, and what to do."""


class Interrupted(Exception):  # noqa: N818 - an event, not a mistake
    """Somebody asked the program to stop (`STOP_SIGNALS`) and it has saved what it had."""


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

    0 is success, 1 a check that found something wrong, 2 a `UserError`, a file that cannot be read
    or written or numbers too large for the machine, 130 an interruption. Anything else is a defect
    of ours: it keeps its traceback. Nobody need read what is printed: see `lasting_streams`.
    """
    is_program = getattr(main, "__module__", None) == "__main__"
    hold_back(STOP_SIGNALS)  # until somebody can say that they came
    if is_program and (ended := spoken_for(STOP_SIGNALS)) is not None:
        sys.exit(ended)
    keep_reserve()
    stops = _Stops()
    before = _listen_to(stops)
    provide_home()
    try:
        with lasting_streams():
            try:
                let_through(STOP_SIGNALS)
                require_working_folder()
                code = main() or 0
                sys.stdout.flush()
            except (Exception, KeyboardInterrupt) as error:
                use_reserve()
                sentence, code = _explain(error)
                if not sentence:
                    raise
                print(f"error: {sentence}", file=sys.stderr)
                _tell_launcher(sentence)
            stops.over()
    except KeyboardInterrupt:  # while the sentence was printed
        code = EXIT_INTERRUPTED
    except (MemoryError, SystemError):  # the same
        if is_program:
            leave_it_to_who_waits()
        raise
    finally:
        if is_program:
            atexit.register(_ignore_signals, before)  # while the interpreter is taken down
        else:  # somebody only calls us
            for number, handler in before.items():
                signal.signal(number, handler)
    sys.exit(code)


def require_working_folder() -> None:
    """Raises UserError if the folder that we work in was removed: libraries end badly there."""
    try:
        Path.cwd()
    except FileNotFoundError:
        raise UserError("the working folder is gone; cd to one that is there") from None


def _tell_launcher(sentence: str) -> None:
    """torchrun ends with a page of its own; so our sentence stands in it, too, near the end."""
    if report := os.environ.get("TORCHELASTIC_ERROR_FILE"):
        told = {"py_callstack": sentence, "timestamp": str(int(time.time()))}
        with suppress(OSError):
            Path(report).write_text(
                json.dumps({"message": {"message": sentence, "extraInfo": told}})
            )


def _explain(error: BaseException) -> tuple[str, int]:
    """What ended a program, in a sentence, and the exit code; no sentence for a defect of ours."""
    if isinstance(error, UserError):
        return str(error), EXIT_USER_ERROR
    if isinstance(error, Interrupted):
        return str(error), EXIT_INTERRUPTED
    if isinstance(error, KeyboardInterrupt):
        return f"stopped by {str(error) or 'Ctrl-C'}", EXIT_INTERRUPTED
    sentence = missing_package(error) or limit_that_was_met(error, sys.argv[1:])
    log.debug("where it happened", exc_info=True)
    return sentence, EXIT_USER_ERROR


_BURST_SECONDS = 1.0  # signals so near to each other are one wish


class _Stops:
    """Ends on all of them as on Ctrl-C: half-written files are tidied away on the way out.

    Launchers send several signals at once, and a second one must not disturb the tidying.
    """

    def __init__(self) -> None:
        self._over, self._last = False, -_BURST_SECONDS

    def __call__(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        burst, self._last = now - self._last < _BURST_SECONDS, now
        if burst:
            return
        if self._over:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        raise KeyboardInterrupt(stop_word(number))

    def over(self) -> None:
        """The work has ended: what comes at once is of the same wish, and later there is nothing
        to tidy if the interpreter does not come to its end.
        """
        self._over, self._last = True, time.monotonic()


def _listen_to(handler: Callable[[int, FrameType | None], None]) -> dict[int, Any]:
    """Handles signals to stop by `handler`, unless they are ignored (nohup, a job behind &)."""
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    return {
        int(number): signal.signal(number, handler)
        for number, earlier in before.items()
        if earlier is not signal.SIG_IGN
    }


def _ignore_signals(numbers: Iterable[int]) -> None:
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)


def counted(number: int, noun: str, plural: str = "") -> str:
    """Number and noun: 1 game, 2 games; 1 half, 2 halves where the plural is given."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
