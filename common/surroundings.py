"""What a program finds around it, made to last: standard output and error, and a home."""

import atexit
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, cast

# The reader (head, less), the terminal or the descriptor is gone; a full disk is another matter.
_GONE = (errno.EPIPE, errno.EIO, errno.EBADF, errno.ENXIO, errno.ECONNRESET, errno.ESHUTDOWN)


class _Lasting:
    """A text stream that goes on silently when there is nobody left to write to."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with self._nobody_may_read():
            self._stream.write(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        with self._nobody_may_read():
            self._stream.flush()

    def end(self) -> None:
        """Empties the buffers, also where there is no room for what is in them."""
        try:
            self.flush()
        except OSError:
            self._send_to_nowhere()

    @contextmanager
    def _nobody_may_read(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in _GONE:
                raise
            self._send_to_nowhere()
        except ValueError:  # somebody has closed the stream
            if not self._stream.closed:
                raise

    def _send_to_nowhere(self) -> None:
        """What is still in buffers, and all that follows, goes to the null device."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, self._stream.fileno())
        except (OSError, ValueError):
            self._stream = _null()
        finally:
            os.close(nowhere)


@contextmanager
def lasting_streams() -> Iterator[None]:
    """Makes sys.stdout and sys.stderr last inside the block, and empties them at its end.

    Characters that the encoding does not know are written as \\u2026. A closed or broken stream
    costs no work: what is printed there is lost, and nothing else.
    """
    _occupy_descriptors()
    before = sys.stdout, sys.stderr
    lasting = []
    for stream in before:
        stream = stream or _null()
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
        lasting.append(_Lasting(stream))
    sys.stdout, sys.stderr = (cast(TextIO, each) for each in lasting)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for each in lasting:
            each.end()


def provide_home() -> None:
    """Gives a user without a home (a number in a container) an empty one until the program ends.

    Libraries look there for their settings and caches, and some do not start without it.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = home = tempfile.mkdtemp(prefix="home-")
        atexit.register(shutil.rmtree, home, ignore_errors=True)


def _null() -> TextIO:
    return Path(os.devnull).open("w")


def _occupy_descriptors() -> None:
    """Opens the null device where a standard stream was closed before the program began.

    Else the next file would get its number, and what a library prints would go into that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
