"""One `.npy` file, mapped into memory. Its header is read with suspicion and never evaluated."""

import math
import re
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.data.mapping import map_bytes
from common.errors import UserError
from common.files import kind_of_content, open_file

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 1 << 16  # bytes; that of a table takes a hundred
_HEAD_BYTES = 512
# The header is a Python dictionary; these are the only forms of its three entries for numbers.
_TYPE = re.compile(r"""['"]descr['"]\s*:\s*['"]([<>|=]?[a-zA-Z]\d{0,6})['"]""")
_ORDER = re.compile(r"""['"]fortran_order['"]\s*:\s*(True|False)\b""")
_SHAPE = re.compile(
    r"""['"]shape['"]\s*:\s*\(\s*((?:\d{1,18}L?\s*,\s*){0,31}(?:\d{1,18}L?\s*)?)\)"""
)


class MappedArray(NamedTuple):
    """An array of numbers, read-only, and the size of its file in bytes when it was opened."""

    values: NDArray
    file_bytes: int


def map_array(path: Path) -> MappedArray:
    """Maps the array of a `.npy` file, of any shape.

    Raises:
        UserError: no file, none of the format, not numbers, or not as long as its header says.
        OSError: the system refuses to open or to map it.
    """
    with open_file(path, "features") as file:
        size = file.seek(0, 2)
        file.seek(0)
        kind, shape, columns_first = _read_header(file, path)
        start = file.tell()
        needed = start + kind.itemsize * math.prod(shape)
        if 0 in shape:
            raise UserError(f"{path} holds no rows (shape {shape}); extract the features again")
        if needed != size:
            raise _damaged(path, f"its header promises {needed} bytes, there are {size}")
        whole = map_bytes(file, size)
    values = whole[start:].view(kind).reshape(shape, order="F" if columns_first else "C")
    return MappedArray(values, size)


def _read_header(file: BinaryIO, path: Path) -> tuple[np.dtype, tuple[int, ...], bool]:
    """Type, shape and whether the first axis runs fastest; leaves the file where values begin."""
    head = file.read(_HEAD_BYTES)
    version = head[len(_MAGIC) : len(_MAGIC) + 2]
    if not head.startswith(_MAGIC) or version not in (b"\x01\x00", b"\x02\x00", b"\x03\x00"):
        raise _damaged(path, f"it is {kind_of_content(head)}")
    begin = len(_MAGIC) + 2 + (2 if version == b"\x01\x00" else 4)
    length = int.from_bytes(head[len(_MAGIC) + 2 : begin], "little")
    file.seek(begin)
    text = file.read(min(length, _LONGEST_HEADER)).decode("latin-1")
    kind, order, shape = (pattern.findall(text) for pattern in (_TYPE, _ORDER, _SHAPE))
    if len(text) < length or len(order) != 1 or len(shape) != 1:
        raise _damaged(path, "its header is not whole")
    sizes = tuple(map(int, re.findall(r"\d+", shape[0])))
    return _number_type(kind, text, path), sizes, order[0] == "True"


def _number_type(found: list[str], header: str, path: Path) -> np.dtype:
    """The type of the values. Raises UserError unless they are real numbers."""
    try:
        kind = np.dtype(found[0]) if len(found) == 1 else None
    except (TypeError, ValueError):
        kind = None
    if kind is None or kind.kind not in "fiu":
        held = f"values of type {found[0]}" if len(found) == 1 else "values of no plain type"
        raise UserError(
            f"{path} must hold one array of numbers [frames, features], found {held}; save it "
            "as float32"
        )
    return kind


def _damaged(path: Path, what: str) -> UserError:
    return UserError(
        f"{path} is cut off or is not a .npy array ({what}); download or extract it again"
    )
