"""The average and the PCA that the original kept in pickles, read without running anything.

A pickle is a program, and Python's own reader runs it. Here its instructions are only listed
(`pickletools.genops` executes none) and followed by hand, as far as arrays, numbers, plain
containers and the attributes of a PCA need them. No class or function that a file names is ever
looked up: a name is a text that is compared with a short list.
"""

import io
import math
import pickletools
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.errors import UserError
from common.files import open_file
from common.video.reduction import Reduction

_MOST_BYTES = 1 << 28
_KINDS = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")
_ORDERS = {"<": "<", ">": ">", "=": "<", "|": "|"}  # "=": where it was written; all have "<"
_BAD = (ValueError, LookupError, TypeError, AttributeError, OverflowError, struct.error,
        RecursionError, MemoryError)  # fmt: skip


def read_published(average: Path, pca: Path) -> Reduction:
    """The reduction of `average_512_TF2.pkl` and `pca_512_TF2.pkl`.

    Raises:
        UserError: a file is missing, would do anything but build arrays and a PCA, or holds another
            thing; the PCA whitens.
    """
    first = read_pickle(average)
    if not isinstance(first, _Array):
        raise UserError(f"{average} holds no array; expected the average of the features [D]")
    second = read_pickle(pca)
    if not isinstance(second, _Record):
        raise UserError(f"{pca} holds no PCA; give the average first and the PCA second")
    if second.attributes.get("whiten"):
        raise UserError(f"{pca} holds a PCA that whitens; expected one that does not")
    parts = [second.attributes.get(name) for name in ("mean_", "components_")]
    arrays = [part.values for part in (first, *parts) if isinstance(part, _Array)]
    if len(arrays) < 3 or any(array.dtype.kind != "f" for array in arrays):
        raise UserError(f"{pca}: expected mean_ and components_ as arrays of real numbers; is the "
                        "PCA fitted?")  # fmt: skip
    try:
        return Reduction(*arrays)
    except UserError as error:
        raise UserError(f"{average} and {pca}: {error}") from None


def read_pickle(path: Path) -> Any:
    """What a pickle of arrays, numbers or a PCA holds. Raises UserError for anything else."""
    with open_file(path, "a pickle") as file:
        content = file.read(_MOST_BYTES + 1)
    try:
        if len(content) > _MOST_BYTES:
            raise ValueError("larger than any PCA")
        return _follow(content)
    except _BAD as error:
        reason = str(error).partition("\n")[0][:200] or type(error).__name__
        raise UserError(
            f"{path} is not read: it is no pickle of only an array or a PCA ({reason}). Nothing of "
            "it was run; python -m common.pca recover needs no pickle"
        ) from None


class _Name(NamedTuple):
    """A class or function that a file names: a text, never the thing itself."""

    text: str


class _Mark:
    """Where a tuple, list or dictionary begins on the stack."""


class _Kind:
    """Type of numbers, as "f4", and their byte order."""

    def __init__(self, code: object) -> None:
        text = code if isinstance(code, str) else ""
        self.order = _ORDERS.get(text[:1], "")
        self.code = text[1:] if self.order else text
        self.order = self.order or "<"
        if self.code not in _KINDS:
            raise ValueError("an array of other things than numbers")

    def set_state(self, state: Any) -> None:
        self.order = _ORDERS[state[1]]

    def values(self, data: object, count: int) -> NDArray:
        """A new array [count] of the bytes."""
        data = data.encode("latin-1") if isinstance(data, str) else data  # from Python 2
        kind = np.dtype(self.order.replace("|", "") + self.code)
        if not isinstance(data, bytes | bytearray) or len(data) != count * kind.itemsize:
            raise ValueError("an array with more or fewer bytes than its shape says")
        return np.frombuffer(data, kind).copy()


class _Array:
    """An array that is filled when its state is set."""

    values: NDArray = np.empty(0)

    def set_state(self, state: Any) -> None:
        _, shape, kind, columns_first, data = state
        self.fill(data, kind, shape, "F" if columns_first else "C")

    def fill(self, data: object, kind: _Kind, shape: Any, order: Any) -> "_Array":
        if not all(type(size) is int and size >= 0 for size in shape) or len(shape) > 4:
            raise ValueError("an array of an impossible shape")
        self.values = kind.values(data, math.prod(shape)).reshape(shape, order=order)
        return self


class _Record:
    """A PCA: its attributes and nothing else."""

    def __init__(self) -> None:
        self.attributes: dict[Any, Any] = {}

    def set_state(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise ValueError("a PCA of other things than attributes")
        self.attributes.update(state)


_PCA = ("sklearn.decomposition._pca PCA", "sklearn.decomposition.pca PCA")


def _call(name: str, arguments: Any) -> Any:
    """What the call of a name would build, of the few that arrays and a PCA are made of."""
    module, _, function = name.replace("numpy._core", "numpy.core").partition(" ")
    if name in _PCA:
        return _Record()
    if name in ("copyreg _reconstructor", "copy_reg _reconstructor"):
        if arguments[0].text in _PCA:
            return _Record()
    elif (module, function) == ("numpy.core.multiarray", "_reconstruct"):
        return _Array()
    elif (module, function) == ("numpy.core.numeric", "_frombuffer"):
        return _Array().fill(*arguments)
    elif (module, function) == ("numpy.core.multiarray", "scalar"):
        kind, data = arguments
        return kind.values(data, 1)[0].item()
    elif (module, function) == ("numpy", "dtype"):
        return _Kind(arguments[0])
    elif (module, function) == ("_codecs", "encode"):
        return arguments[0].encode("latin-1")
    elif function == "bytes" and arguments == ():  # so old protocols write an empty one
        return b""
    raise ValueError(f"it calls {name.replace(' ', '.')}")


_NAMES = (
    *_PCA, "copyreg _reconstructor", "copy_reg _reconstructor", "numpy dtype", "numpy ndarray",
    "_codecs encode", "builtins object", "__builtin__ object",
    "builtins bytes", "__builtin__ bytes",
    *(f"numpy.{core}.{name}" for core in ("core", "_core")
      for name in ("multiarray _reconstruct", "multiarray scalar", "numeric _frombuffer")),
)  # fmt: skip


def _name(text: str) -> _Name:
    if text not in _NAMES:
        raise ValueError(f"it names {text.replace(' ', '.')}")
    return _Name(text)


class _Stack:
    """The values that the instructions push and take, and those noted for later."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.noted: dict[int, Any] = {}

    def push(self, value: Any) -> None:
        self.values.append(value)

    def pop(self) -> Any:
        return self.values.pop()

    def since_mark(self) -> list[Any]:
        taken = []
        while not isinstance(value := self.values.pop(), _Mark):
            taken.append(value)
        return taken[::-1]

    def last(self, count: int) -> tuple[Any, ...]:
        if len(self.values) < count:
            raise ValueError("a tuple of more than there is")
        taken = tuple(self.values[len(self.values) - count :])
        del self.values[len(self.values) - count :]
        return taken

    def note(self, place: int | None = None) -> None:
        self.noted[len(self.noted) if place is None else place] = self.values[-1]

    def set_items(self, items: list[Any]) -> None:
        self._top(dict).update(_paired(items))

    def extend(self, items: list[Any]) -> None:
        self._top(list).extend(items)

    def call(self) -> None:
        arguments, name = self.pop(), self.pop()
        if not isinstance(name, _Name) or not isinstance(arguments, tuple):
            raise ValueError("it calls what is no name")
        self.push(_call(name.text, arguments))

    def set_state(self) -> None:
        state = self.pop()
        built = self.values[-1]
        if not isinstance(built, _Kind | _Array | _Record):
            raise ValueError("it sets the state of what has none")
        built.set_state(state)

    def _top(self, kind: type) -> Any:
        if type(self.values[-1]) is not kind:
            raise ValueError("it fills what is no container")
        return self.values[-1]


def _paired(items: list[Any]) -> dict[Any, Any]:
    """A dictionary of keys and values in turn."""
    return dict(zip(items[::2], items[1::2], strict=True))


_VALUES = frozenset((
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE",
    "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
))  # fmt: skip
_STEPS: Mapping[str, Callable[[_Stack, Any], None]] = {
    **dict.fromkeys(_VALUES, lambda stack, value: stack.push(value)),
    **dict.fromkeys(("PROTO", "FRAME"), lambda stack, _: None),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), lambda stack, place: stack.note(place)),
    **dict.fromkeys(
        ("GET", "BINGET", "LONG_BINGET"), lambda stack, place: stack.push(stack.noted[place])
    ),
    **dict.fromkeys(("REDUCE", "NEWOBJ"), lambda stack, _: stack.call()),
    "MEMOIZE": lambda stack, _: stack.note(),
    "NONE": lambda stack, _: stack.push(None),
    "NEWTRUE": lambda stack, _: stack.push(True),
    "NEWFALSE": lambda stack, _: stack.push(False),
    "MARK": lambda stack, _: stack.push(_Mark()),
    "EMPTY_TUPLE": lambda stack, _: stack.push(()),
    "EMPTY_LIST": lambda stack, _: stack.push([]),
    "EMPTY_DICT": lambda stack, _: stack.push({}),
    "TUPLE": lambda stack, _: stack.push(tuple(stack.since_mark())),
    "TUPLE1": lambda stack, _: stack.push(stack.last(1)),
    "TUPLE2": lambda stack, _: stack.push(stack.last(2)),
    "TUPLE3": lambda stack, _: stack.push(stack.last(3)),
    "LIST": lambda stack, _: stack.push(stack.since_mark()),
    "DICT": lambda stack, _: stack.push(_paired(stack.since_mark())),
    "APPEND": lambda stack, _: stack.extend(list(stack.last(1))),
    "APPENDS": lambda stack, _: stack.extend(stack.since_mark()),
    "SETITEM": lambda stack, _: stack.set_items(list(stack.last(2))),
    "SETITEMS": lambda stack, _: stack.set_items(stack.since_mark()),
    "GLOBAL": lambda stack, name: stack.push(_name(name)),
    "STACK_GLOBAL": lambda stack, _: stack.push(_name(" ".join(stack.last(2)))),
}


def _follow(content: bytes) -> Any:
    """The value that the instructions build. Raises one of `_BAD`."""
    stack = _Stack()
    for opcode, argument, _ in pickletools.genops(io.BytesIO(content)):
        if opcode.name == "STOP":
            return stack.pop()
        if opcode.name == "BUILD":
            stack.set_state()
        elif step := _STEPS.get(opcode.name):
            step(stack, argument)
        else:
            raise ValueError(f"it has the instruction {opcode.name}")
    raise ValueError("it has no end")
