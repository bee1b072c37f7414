"""A disk that is watched: each call of a program is counted, may fail, and can be recorded.

It stands between Python and the system, in a process that was forked for one program: opening,
renaming, removing and making folders by Python's audit events, which raise in the place of the
call; reading and writing by files of our own below Python's buffers; fsync and mmap by name.
"""

import builtins
import ctypes
import errno
import io
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.data import mapping

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_EVENTS = {"os.rename": "rename", "os.remove": "remove", "os.mkdir": "mkdir", "os.rmdir": "rmdir"}
_open = builtins.open


def _path_of(descriptor: int) -> str:
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())


@dataclass(frozen=True)
class Fault:
    """The call that fails, counted from 0; with `lasting` all of its kind from there on do, too."""

    call: int
    number: int  # of errno
    lasting: bool = False


@dataclass
class WatchedDisk:
    """What a program asks of the files below `root`.

    Attributes:
        calls: kind and path of each call, in order.
        record: what the calls did, for `crash_states`: only if `recording`.
    """

    root: Path
    fault: Fault | None = None
    recording: bool = False
    calls: list[tuple[str, str]] = field(default_factory=list)
    record: list[tuple[Any, ...]] = field(default_factory=list)
    files: int = 0  # opened so far

    def install(self) -> None:
        """Watches from now on, until the process ends."""
        sys.addaudithook(self._hear)
        builtins.open = io.open = self._watched_open  # type: ignore[assignment]
        os.fsync = self._watched(os.fsync, "fsync", "sync")
        library = mapping._library()
        mapping._library = lambda: _Library(library, self)  # type: ignore[assignment]

    def covers(self, path: object) -> bool:
        """Whether a path lies below the root."""
        return self._inside(path) is not None

    def ask(self, kind: str, path: str) -> None:
        """Counts a call; raises OSError if it is the one that fails."""
        number = len(self.calls)
        self.calls.append((kind, path))
        if self.fault is None or number < self.fault.call:
            return
        same = kind == self.calls[self.fault.call][0]
        if number == self.fault.call or (self.fault.lasting and same):
            raise OSError(self.fault.number, os.strerror(self.fault.number), path)

    def note(self, *what: Any) -> None:
        """Records what a call does."""
        if self.recording:
            self.record.append(what)

    def _inside(self, path: object, folder: int = -1) -> str | None:
        """A path as an absolute one if it lies below the root."""
        if not isinstance(path, str | bytes | os.PathLike):
            return None
        text = os.fsdecode(path)
        if folder is not None and folder >= 0:
            text = str(Path(_path_of(folder), text))
        text = str(Path(text).absolute())
        return text if text.startswith(f"{self.root}/") else None

    def _hear(self, event: str, details: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = details
            if (inside := self._inside(path)) is not None:
                self.ask("open" if flags & _WRITING else "open to read", inside)
        elif event in _EVENTS:
            inside = self._inside(details[0], details[-1])
            if inside is None:
                return
            self.ask(_EVENTS[event], inside)
            second = self._inside(details[1], details[-1]) if event == "os.rename" else None
            self.note(_EVENTS[event], inside, *([second] if second else []))

    def _watched(self, call: Callable, kind: str, noted: str) -> Callable:
        def watched(descriptor: int) -> None:
            path = self._inside(_path_of(descriptor))
            if path is not None:
                self.ask(kind, path)
            call(descriptor)
            if path is not None:
                self.note(noted, path)

        return watched

    def _watched_open(
        self, file: Any, mode: str = "r", buffering: int = -1, encoding: str | None = None,
        errors: str | None = None, newline: str | None = None, closefd: bool = True,
        opener: Any = None,
    ) -> Any:  # fmt: skip
        """As Python's own `open`, of files of ours below the root."""
        if not self.covers(file):
            return _open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw = _WatchedFile(self, file, mode, opener)
        if buffering == 0:
            return raw
        wide = io.BufferedRandom if "+" in mode else io.BufferedWriter
        binary = wide(raw) if set(mode) & set("wax+") else io.BufferedReader(raw)
        if "b" in mode:
            return binary
        text = io.TextIOWrapper(binary, encoding, errors, newline, line_buffering=buffering == 1)
        text.mode = mode  # type: ignore[misc]
        return text


class _WatchedFile(io.FileIO):
    """A file below Python's buffers: each call of it is one of the system."""

    def __init__(self, disk: WatchedDisk, path: Any, mode: str, opener: Any) -> None:
        super().__init__(path, mode.replace("b", "").replace("t", ""), opener=opener)
        self._disk, self._path = disk, str(Path(os.fsdecode(path)).absolute())
        disk.files += 1
        self._number = disk.files
        if set(mode) & set("wax+"):
            disk.note("open", self._number, self._path, "w" in mode)

    def write(self, data: Any) -> int:
        try:
            self._disk.ask("write", self._path)
        except OSError as error:
            if error.errno != errno.EINTR:  # which says that nothing was written
                view = memoryview(data).cast("B")
                super().write(view[: len(view) // 2])  # what a full disk still took
            raise
        written = super().write(data)
        start = self.tell() - written
        self._disk.note("write", self._number, start, bytes(memoryview(data).cast("B")[:written]))
        return written

    def truncate(self, size: int | None = None) -> int:
        self._disk.ask("truncate", self._path)
        size = super().truncate(size)
        self._disk.note("truncate", self._number, size)
        return size

    def readinto(self, buffer: Any) -> int:
        self._disk.ask("read", self._path)
        return super().readinto(buffer)

    def readall(self) -> bytes:
        self._disk.ask("read", self._path)
        return super().readall()

    def close(self) -> None:
        was_open = not self.closed
        super().close()
        if was_open and self.__dict__.get("_disk") and self.mode != "rb":
            self._disk.ask("close", self._path)  # where network file systems tell of a full disk


class _Library:
    """The C library, whose mmap is watched."""

    def __init__(self, library: Any, disk: WatchedDisk) -> None:
        self._disk, self._mmap = disk, library.mmap
        self.munmap = library.munmap

    def mmap(self, address: Any, size: int, protection: int, flags: int, descriptor: int,
             offset: int) -> int | None:  # fmt: skip
        path = _path_of(descriptor)
        if self._disk.covers(path):
            try:
                self._disk.ask("mmap", path)
            except OSError as error:
                ctypes.set_errno(error.errno or 0)
                return ctypes.c_void_p(-1).value
        return self._mmap(address, size, protection, flags, descriptor, offset)
