"""Several arrays in one file, mapped back into memory: a cache that costs nothing to open.

A header in JSON says where each array lies; no code is ever read from such a file.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from common.files import written_whole

_MAGIC = b"SPOTARR1"
_ALIGNMENT = 64
_KINDS = "fiu"  # numbers


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
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                return None
            length = int.from_bytes(file.read(8), "little")
            header = orjson.loads(file.read(length))
            start = _aligned(len(_MAGIC) + 8 + length)
            if os.fstat(file.fileno()).st_size != start + header["bytes"]:
                return None
        whole = np.memmap(path, np.uint8, "r") if start + header["bytes"] else np.empty(0, np.uint8)
        arrays = {
            name: _cut(whole, start + offset, np.dtype(kind), tuple(shape))
            for name, (kind, shape, offset) in header["arrays"].items()
        }
        return arrays, header["facts"]
    except (OSError, KeyError, TypeError, ValueError, orjson.JSONDecodeError):
        return None


def _cut(whole: NDArray, start: int, kind: np.dtype, shape: tuple[int, ...]) -> NDArray:
    if kind.kind not in _KINDS:
        raise ValueError(f"not an array of numbers: {kind}")
    size = kind.itemsize * int(np.prod(shape))
    return whole[start : start + size].view(np.ndarray).view(kind).reshape(shape)


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGNMENT) * _ALIGNMENT
