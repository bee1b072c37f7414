"""Frame features: memory-mapped rows of a half, from one file or from several side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.data.npy_file import MappedArray, map_array
from common.errors import UserError

# Backbones with a longer temporal context give a few rows less (C3D 1, I3D 5 of 5400); files that
# differ by more than this share belong to other videos or other framerates.
_LENGTH_TOLERANCE = 0.01


Halves = int | Callable[[Path], int]  # how many a game has, or what tells it from its folder


@dataclass(frozen=True)
class HalfFeatures:
    """Rows of one half, [T, D], left on disk until they are asked for."""

    paths: tuple[Path, ...]
    arrays: tuple[NDArray, ...]  # memory maps [T_i, D_i], joined along D
    frames: int  # T, the shortest T_i
    file_bytes: tuple[int, ...] = ()  # sizes of the files when they were mapped; () in memory

    @classmethod
    def of_rows(cls, rows: NDArray, name: str = "features in memory") -> "HalfFeatures":
        """A half whose rows [T, D] are in memory; `name` stands for their file in errors."""
        return cls((Path(name),), (rows,), len(rows))

    @property
    def dimension(self) -> int:
        """D, the sum over the files."""
        return sum(array.shape[1] for array in self.arrays)

    def rows(self, start: int, stop: int) -> NDArray[np.float32]:
        """Rows start…stop-1 as a new float32 array [stop - start, D].

        Raises UserError naming the file: its first bad row when a value is not finite, or that it
        has shrunk.
        """
        self.check_whole()
        out = np.empty((stop - start, self.dimension), np.float32)
        self.copy_rows(start, stop, out)
        check_finite(out, self, start)
        return out

    def check_whole(self) -> None:
        """Raises UserError if a file has another size than when it was mapped.

        To read behind the end of a mapped file would end the process, without a word.
        """
        for path, size in zip(self.paths, self.file_bytes, strict=False):
            try:
                found = path.stat().st_size
            except FileNotFoundError:
                continue  # what is mapped lives on without a name
            if found != size:
                raise UserError(
                    f"{path} had {size} bytes when it was opened and now has {found}; leave "
                    "features alone while a program reads them, and start it again"
                )

    def copy_rows(self, start: int, stop: int, out: NDArray[np.float32]) -> None:
        """Copies rows start…stop-1 into `out` [stop - start, D], unchecked."""
        column = 0
        with np.errstate(over="ignore"):  # beyond float32 is infinity, of which the check tells
            for array in self.arrays:
                width = array.shape[1]
                out[:, column : column + width] = array[start:stop]
                column += width


class Half(NamedTuple):
    """A half of a game: the game's folder, the half's number from 1 on, and its features."""

    folder: Path
    number: int
    features: HalfFeatures


def check_finite(rows: NDArray[np.float32], half: HalfFeatures, first_row: int) -> None:
    """Raises UserError if `rows`, read from `half` at `first_row`, hold NaN or infinity."""
    # One sum is far cheaper than a mask of all values, and it is finite if they are (bar overflow).
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(rows.sum()):
            return
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(bad):
        names = " + ".join(str(path) for path in half.paths)
        raise UserError(
            f"{names}: row {first_row + int(bad[0])} holds NaN or infinity, or more than float32 "
            "can; expected finite features; download or extract the file again"
        )


def open_half(
    game_folder: Path, half: int, names: Sequence[str], dimension: int | None = None
) -> HalfFeatures:
    """Maps `{half}_{name}` for each name. Half lengths are what the files say.

    Args:
        dimension: the D that the rows must have, or None to take what is there.

    Raises:
        UserError: a file is missing, is no array of numbers, is cut off, or has another D.
    """
    paths = tuple(game_folder / f"{half}_{name}" for name in names)
    arrays, sizes = zip(*map(_open_table, paths), strict=True)
    lengths = [len(array) for array in arrays]
    if max(lengths) - min(lengths) > _LENGTH_TOLERANCE * max(lengths):
        raise UserError(
            f"{' and '.join(map(str, paths))} have {' and '.join(map(str, lengths))} rows; "
            "features used side by side need the same framerate and the same video"
        )
    found = HalfFeatures(paths, arrays, min(lengths), sizes)
    _check_dimension(
        found, dimension, "use one kind of features, and give it to --features / --feature_dim"
    )
    return found


def open_features(path: Path, dimension: int | None = None) -> HalfFeatures:
    """One feature file as a half of its own. Raises UserError as `open_half`."""
    array, size = _open_table(path)
    half = HalfFeatures((path,), (array,), len(array), (size,))
    _check_dimension(half, dimension, "give it the features that the weights were trained on")
    return half


def _check_dimension(half: HalfFeatures, dimension: int | None, advice: str) -> None:
    if dimension in (None, half.dimension):
        return
    if half.frames == dimension:
        advice = "it seems to be stored as [features, frames]: save it transposed"
    elif half.frames < half.dimension:
        advice += "; if they are stored as [features, frames], save them transposed"
    raise UserError(
        f"{' + '.join(map(str, half.paths))} has {half.dimension} features per frame, expected "
        f"{dimension}; {advice}"
    )


def open_array(path: Path) -> NDArray:
    """Maps one `.npy` file as [T, D]. Axes of length 1 may stand anywhere between and around.

    Raises UserError: no file, no array of numbers, or more than two axes.
    """
    return _open_table(path).values


def _open_table(path: Path) -> MappedArray:
    """As `open_array`, with the size of the file."""
    array, size = map_array(path)
    if array.ndim > 2:
        long = [n for n in array.shape if n > 1]
        if len(long) != 2:
            raise UserError(
                f"{path} must hold one array of numbers [frames, features], found the shape "
                f"{array.shape}; reduce it to one vector per frame"
            )
        array = array.reshape(long)  # [T, D]
    if array.ndim < 2:
        raise UserError(
            f"{path} must hold one array of numbers [frames, features], found the shape "
            f"{array.shape}; save a row per frame"
        )
    return MappedArray(array, size)


def wanted_files(
    root: Path, games: Sequence[str], halves: Halves, names: Sequence[str], label_file: str | None
) -> list[Path]:
    """Paths that the games need: features of each half, and labels unless None."""
    return [
        root / game / file
        for game in games
        for file in (
            *(
                f"{half}_{name}"
                for half in range(
                    1, (halves if isinstance(halves, int) else halves(root / game)) + 1
                )
                for name in names
            ),
            *([label_file] if label_file else []),
        )
    ]


def missing_files(
    root: Path, games: Sequence[str], halves: Halves, names: Sequence[str], label_file: str | None
) -> list[Path]:
    """Those of the `wanted_files` that are absent."""
    wanted = wanted_files(root, games, halves, names, label_file)
    return [path for path in wanted if not path.is_file()]
