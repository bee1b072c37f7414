"""Under a limit of the address space some libraries end a program without a word: it is spoken for.

The loader of shared libraries aborts, OpenMP leaves, C++ throws where nobody catches. No `except`
sees that; the process that started the program does.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from types import FrameType

_BY_ABORT = 127  # what the loader of libraries leaves with
_RESERVE_BYTES = 8 << 20  # for the sentence, and all that takes memory on the way to it
_ABORTS = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS) if os.name == "posix" else ()
_PR_SET_PDEATHSIG = 1
_EXIT_USER_ERROR = 2  # as in `common.errors`, which imports this file
_reserve: list[bytearray] = []


def address_space() -> int | None:
    """How many bytes this program may address (ulimit -v); None if as many as it likes."""
    if sys.platform == "win32":
        return None
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def told_of_limit() -> str:
    """The limit, in words for an error; nothing without one."""
    limit = address_space()
    return "" if limit is None else f" (ulimit -v allows {limit >> 20} MiB)"


def keep_reserve() -> None:
    """Under a limit, sets memory aside for what is to be said where there is none left."""
    if address_space() is not None:
        with suppress(MemoryError):
            _reserve.append(bytearray(_RESERVE_BYTES))


def use_reserve() -> None:
    """Gives back what was set aside."""
    _reserve.clear()


def leave_it_to_who_waits() -> None:
    """Under a limit, ends this process, so that the one which waits for it says why.

    For want of memory, in the child of `spoken_for` alone.
    """
    if address_space() is not None:
        os._exit(_BY_ABORT)


def hold_back(signals: Iterable[int]) -> None:
    """Has signals wait, where the system can, until `let_through`."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)


def let_through(signals: Iterable[int]) -> None:
    """Has signals arrive that were held back, and those that come from now on."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)


def spoken_for(stop_signals: Iterable[int]) -> int | None:
    """Under a limit, has a child process do the work, and says what that could not say itself.

    Signals to stop are handed on to the child; if this process dies it does, too (on Linux). They
    should be held back (`hold_back`) while this is called, and until the child listens: one that
    came between would end one of the two without a word.

    Returns:
        None where the work is to be done: in the child, or here without a limit. In the process
        that waited for the child, the exit code.
    """
    if address_space() is None:
        return None
    waiting = os.getpid()
    child = os.fork()
    if child == 0:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != waiting:  # it died before that
                os.kill(os.getpid(), signal.SIGKILL)
        return None

    def hand_on(number: int, frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.kill(child, number)

    for number in stop_signals:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, hand_on)
    let_through(stop_signals)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code != _BY_ABORT and -code not in _ABORTS:
        return code if code >= 0 else 128 - code
    print(
        f"error: a library ended without a word, for want of memory as a rule{told_of_limit()}; "
        "allow more, or give less data at once",
        file=sys.stderr,
    )
    return _EXIT_USER_ERROR
