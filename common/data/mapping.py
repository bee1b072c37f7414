"""Files mapped into memory that hold no file descriptor, however many there are.

`mmap.mmap`, and so `np.memmap`, keeps a descriptor for each map, and a process may have 256 or
1,024 of them: fewer than a large data set has halves.
"""

import ctypes
import mmap
import os
import weakref
from functools import cache
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray


def map_bytes(file: BinaryIO, size: int) -> NDArray[np.uint8]:
    """The first `size` bytes of an open file, read-only; the file may be closed afterwards.

    Raises OSError where the system refuses.
    """
    if not size:
        return np.empty(0, np.uint8)
    if _library() is None:  # Windows, whose limit is not met this way
        return np.memmap(file, np.uint8, "r", shape=(size,)).view(np.ndarray)
    return np.asarray(_Map(file.fileno(), size))


class _Map:
    """Lives as long as an array looks at it; then the memory is given back."""

    def __init__(self, descriptor: int, size: int) -> None:
        library = _library()
        address = library.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
        if address == ctypes.c_void_p(-1).value:
            number = ctypes.get_errno()
            raise OSError(number, f"cannot be mapped into memory ({os.strerror(number)})")
        # At the end of the process the system tidies up, while threads may still be reading.
        weakref.finalize(self, library.munmap, address, size).atexit = False
        self.__array_interface__ = {
            "version": 3,
            "shape": (size,),
            "typestr": "|u1",
            "data": (address, True),  # read-only
        }


@cache
def _library() -> Any:
    """The C library with its two calls declared; None where there is none of that kind."""
    if os.name != "posix":
        return None
    library = ctypes.CDLL(None, use_errno=True)
    library.mmap.restype = ctypes.c_void_p
    library.mmap.argtypes = [
        ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long,
    ]  # fmt: skip
    library.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    return library
