"""Locks on open files, where the system has fcntl (Linux, macOS) and where it has not (Windows)."""

import importlib
from types import ModuleType
from typing import IO


def taken(file: IO[bytes]) -> bool:
    """Takes the lock on an open file, for as long as it is open; False if another holds it.

    With fcntl the lock passes on to programs that inherit the file, and lasts as long as any of
    them; elsewhere it is this process's. Raises OSError where files cannot be locked.
    """
    if fcntl := _module("fcntl"):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    elif msvcrt := _module("msvcrt"):
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
    return True


def _module(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
