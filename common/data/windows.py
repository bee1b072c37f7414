"""Sums and maxima over sliding windows, in log2(length) passes instead of `length`."""

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:  # numpy's users do not wait for torch
    from torch import Tensor

Array = TypeVar("Array", np.ndarray, "Tensor")


def window_max(rows: Array, length: int) -> Array:
    """Maximum of each window of `length` rows, stride 1: [T, …] -> [T - length + 1, …]."""
    if isinstance(rows, np.ndarray):
        return _slide(rows, length, np.maximum, overlap=True)
    return _slide(rows, length, type(rows).maximum, overlap=True)


def window_sum(rows: "Tensor", length: int) -> "Tensor":
    """Sum of each window of `length` rows, stride 1: [T, …] -> [T - length + 1, …].

    Windows are added up in a tree, so that no error runs along the half as in a running sum.
    """
    return _slide(rows, length, operator.add, overlap=False)


def _slide(rows: Any, length: int, combine: Callable[..., Any], overlap: bool) -> Any:
    """Builds windows of 1, 2, 4, … rows and joins those that make up `length`."""
    if not 1 <= length <= len(rows):
        raise ValueError(f"window of {length} rows over {len(rows)} rows")
    count = len(rows) - length + 1
    power, size = rows, 1  # power[t] covers rows t…t + size - 1
    out, covered = None, 0  # out[t] covers rows t…t + covered - 1
    while True:
        if length & size and not overlap:
            part = power[covered : covered + count]
            out = part if out is None else combine(out, part)
            covered += size
        if 2 * size > length:
            break
        power = combine(power[:-size], power[size:])
        size *= 2
    if overlap:  # two windows of the largest power cover all, rows in both do no harm
        return combine(power[:count], power[length - size : length - size + count])
    assert out is not None
    return out
