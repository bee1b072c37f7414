"""Cache files of arrays that tell whether they are still as they were written, and of which files.

A cache is looked at as a whole, which takes 3 ms for 9 MB. Of the files it is made of, which are
ten times as large, only pieces are: the system notes when one is written to.
"""

import hashlib
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from common.data.array_file import map_arrays, write_arrays

_PIECE_BYTES, _PIECES = 1 << 16, 16  # that are looked at of what is larger than all of them


def write_sealed(path: Path, arrays: Mapping[str, NDArray], facts: Mapping[str, Any]) -> None:
    """As `write_arrays`, with a digest of facts, names, types, shapes and contents."""
    write_arrays(path, arrays, {**facts, "seal": _seal(arrays, facts)})


def map_sealed(path: Path) -> tuple[dict[str, NDArray], dict[str, Any]] | None:
    """As `map_arrays`, but None for what `write_sealed` did not write like this."""
    found = map_arrays(path)
    if found is None or not isinstance(found[1], dict):
        return None
    arrays, facts = found[0], dict(found[1])
    return (arrays, facts) if facts.pop("seal", None) == _seal(arrays, facts) else None


def _seal(arrays: Mapping[str, NDArray], facts: Mapping[str, Any]) -> str:
    digest = hashlib.blake2b(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS), digest_size=16)
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        # What must be found are accidents: a checksum does, and is five times as fast as a digest.
        digest.update(zlib.crc32(array.reshape(-1).view(np.uint8).data).to_bytes(4, "little"))
    return digest.hexdigest()


def _pieces(size: int) -> list[tuple[int, int]]:
    """All of so many bytes, or pieces from the first to the last of them."""
    if size <= _PIECES * _PIECE_BYTES:
        return [(0, size)]
    starts = np.linspace(0, size - _PIECE_BYTES, _PIECES).astype(int).tolist()
    return [(start, start + _PIECE_BYTES) for start in starts]


def stamp(path: Path) -> list[Any]:
    """What changes with a file: name, size, times, and a digest of pieces of its content.

    Size and time of modification alone can stay the same: copies and archives set that time.
    """
    state, digest = path.stat(), hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        for start, stop in _pieces(state.st_size):
            file.seek(start)
            digest.update(file.read(stop - start))
    times = [state.st_mtime_ns, state.st_ctime_ns]  # the second is set by the system alone
    return [path.name, state.st_size, *times, digest.hexdigest()]
