"""Fewer values for a frame: an average and a PCA, kept in one .npz file.

    reduced = (rows - average - mean) @ components.T

`average` is that of the features, `mean` what the PCA subtracts besides: close to 0 where it was
fitted on rows from which the average was already taken.
"""

import hashlib
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.errors import UserError
from common.files import kind_of_content, open_file, written_whole

_NAMES = ("average", "mean", "components")
_MOST_VALUES = 1 << 26  # of an array; the published PCA has a million
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # numpy's; others unpack kB to GB at once


@dataclass(frozen=True)
class Reduction:
    """An affine map of rows of features.

    Attributes:
        average: [D].
        mean: [D].
        components: [E, D], one direction a row.
    """

    average: NDArray
    mean: NDArray
    components: NDArray

    def __post_init__(self) -> None:
        """Raises UserError unless the three fit and are finite; they become float32."""
        for name in _NAMES:
            with np.errstate(over="ignore"):
                values = np.ascontiguousarray(getattr(self, name), np.float32)
            if not np.isfinite(values).all():
                raise UserError(f"a PCA's {name} holds NaN or infinity; make the PCA again")
            object.__setattr__(self, name, values)
        D = self.average.shape[-1:]
        shapes = [getattr(self, name).shape for name in _NAMES]
        if shapes[:2] != [D, D] or len(shapes[2]) != 2 or shapes[2][1:] != D or 0 in shapes[2]:
            raise UserError(
                "expected a PCA's average [D], mean [D] and components [E, D], found shapes "
                f"{', '.join(map(str, shapes))}; make the PCA again"
            )

    @property
    def dimension(self) -> int:
        """E, the values that are left of a row."""
        return len(self.components)

    @property
    def digest(self) -> str:
        """What tells it from another reduction."""
        digest = hashlib.sha256()
        for name in _NAMES:
            digest.update(getattr(self, name).tobytes())
        return digest.hexdigest()

    def __call__(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Reduced rows: [n, D] -> [n, E]. Raises UserError for rows of another D."""
        if rows.shape[1:] != self.average.shape:
            raise UserError(
                f"this PCA reduces rows of {len(self.average)} values, found {rows.shape[1:]}; it "
                "belongs to other features"
            )
        return (rows.astype(np.float32) - self.average - self.mean) @ self.components.T


def write_reduction(path: Path, reduction: Reduction) -> None:
    """Writes the .npz file that `read_reduction` reads, wholly or not at all."""
    with written_whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **{name: getattr(reduction, name) for name in _NAMES})


def read_reduction(path: Path) -> Reduction:
    """The reduction of an .npz file. Raises UserError if there is none, or it is something else."""
    with open_file(path, "an average and a PCA (.npz)") as file:
        head = file.read(512)
        file.seek(0)
        if head.startswith(b"\x93NUMPY"):
            raise UserError(
                f"expected an average and a PCA (.npz) at {path}, found an array (.npy), as of "
                "features; give what python -m common.pca makes (its task apply takes that first)"
            )
        try:
            with zipfile.ZipFile(file) as archive:
                arrays = [_read_array(archive, name) for name in _NAMES]
        except MemoryError:
            raise
        except Exception as error:  # the readers of zips and of numpy's headers raise all sorts
            found = kind_of_content(head)
            raise UserError(
                f"{path} does not hold an average and a PCA ({found}; {type(error).__name__}); "
                "make it with python -m common.pca"
            ) from None
    try:
        return Reduction(*arrays)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _read_array(archive: zipfile.ZipFile, name: str) -> NDArray:
    """One array of the archive, its size known before it is read. Raises whatever is wrong."""
    if archive.getinfo(f"{name}.npy").compress_type not in _METHODS:
        raise ValueError("not as numpy packs arrays")
    with archive.open(f"{name}.npy") as member:
        version = np.lib.format.read_magic(member)
        if version != (1, 0):
            raise ValueError("not as numpy writes arrays of numbers")
        shape, columns_first, kind = np.lib.format.read_array_header_1_0(member)
        values = math.prod(shape)
        if kind.kind != "f" or min(shape, default=0) < 0 or values > _MOST_VALUES:
            raise ValueError("not an array of real numbers, or too large")
        content = member.read(values * kind.itemsize)
    return np.frombuffer(content, kind, values).reshape(shape, order="F" if columns_first else "C")
