"""Several arrays in one file, mapped back into memory: a cache that costs nothing to open.

A header in JSON says where each array lies; no code is ever read from such a file.
"""

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson
from numpy.typing import NDArray

from common.data.mapping import map_bytes
from common.files import open_file, written_whole

_MAGIC = b"SPOTARR1"
_ALIGNMENT = 64
# Of numbers, as numpy names them; it reads other words as a program reads, and raises all sorts.
_NUMBERS = re.compile(r"[<>|][fiu]\d+")


def write_arrays(path: Path, arrays: Mapping[str, NDArray], facts: Mapping[str, Any]) -> None:
    """Writes arrays of numbers and a few plain facts, wholly or not at all."""
    places: dict[str, tuple[str, tuple[int, ...], int]] = {}
    offset = 0
    for name, array in arrays.items():
        places[name] = (array.dtype.str, array.shape, offset)
        offset = _aligned(offset + array.nbytes)
    header = orjson.dumps({"arrays": places, "facts": dict(facts), "bytes": offset})
    start = _aligned(len(_MAGIC) + 8 + len(header))
    with written_whole(path) as temporary, temporary.open("wb") as file:
        file.write(_MAGIC + len(header).to_bytes(8, "little") + header)
        for name, array in arrays.items():
            file.seek(start + places[name][2])
            file.write(np.ascontiguousarray(array).tobytes())
        file.truncate(start + offset)


def map_arrays(path: Path) -> tuple[dict[str, NDArray], dict[str, Any]] | None:
    """Arrays, mapped read-only, and facts; None if there is no such file or it is damaged."""
    try:
        with open_file(path, "a cache") as file:
            size = os.fstat(file.fileno()).st_size
            start, header = _read_header(file, size)
            whole = map_bytes(file, size)
        arrays = {
            name: _cut(whole[start:], kind, shape, offset)
            for name, (kind, shape, offset) in header["arrays"].items()
        }
        facts = header["facts"]
    except (OSError, LookupError, AttributeError, TypeError, ValueError, OverflowError):
        return None  # a UserError is one of these
    return (arrays, facts) if isinstance(facts, dict) else None


def _read_header(file: BinaryIO, size: int) -> tuple[int, dict[str, Any]]:
    """Where the arrays begin, and what the header says. Raises ValueError or LookupError."""
    magic, length = file.read(len(_MAGIC)), int.from_bytes(file.read(8), "little")
    start = _aligned(len(_MAGIC) + 8 + length)
    if magic != _MAGIC or start > size:
        raise ValueError("not such a file, or cut off")
    header = orjson.loads(file.read(length))
    if size != start + header["bytes"]:
        raise ValueError("cut off")
    return start, header


def _cut(whole: NDArray, name: str, shape: list[int], offset: int) -> NDArray:
    if not _NUMBERS.fullmatch(name):
        raise ValueError(f"not an array of numbers: {name}")
    kind = np.dtype(name)
    size = kind.itemsize * math.prod(shape)
    if min(offset, *shape, 0) < 0 or offset + size > len(whole):
        raise ValueError("an array that reaches out of the file")
    return whole[offset : offset + size].view(kind).reshape(shape)


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGNMENT) * _ALIGNMENT
