"""Frame features: memory-mapped rows of a half, from one file or from several side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.errors import UserError

# Backbones with a longer temporal context give a few rows less (C3D 1, I3D 5 of 5400); files that
# differ by more than this share belong to other videos or other framerates.
_LENGTH_TOLERANCE = 0.01


@dataclass(frozen=True)
class HalfFeatures:
    """Rows of one half, [T, D], left on disk until they are asked for."""

    paths: tuple[Path, ...]
    arrays: tuple[NDArray, ...]  # memory maps [T_i, D_i], joined along D
    frames: int  # T, the shortest T_i

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

        Raises UserError naming the file and its first bad row when a value is not finite.
        """
        out = np.empty((stop - start, self.dimension), np.float32)
        self.copy_rows(start, stop, out)
        check_finite(out, self, start)
        return out

    def copy_rows(self, start: int, stop: int, out: NDArray[np.float32]) -> None:
        """Copies rows start…stop-1 into `out` [stop - start, D], unchecked."""
        column = 0
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
            f"{names}: row {first_row + int(bad[0])} holds NaN or infinity; "
            "expected finite features; download or extract the file again"
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
    arrays = tuple(map(open_array, paths))
    lengths = [len(array) for array in arrays]
    if max(lengths) - min(lengths) > _LENGTH_TOLERANCE * max(lengths):
        raise UserError(
            f"{' and '.join(map(str, paths))} have {' and '.join(map(str, lengths))} rows; "
            "features used side by side need the same framerate and the same video"
        )
    found = HalfFeatures(paths, arrays, min(lengths))
    if dimension is not None and found.dimension != dimension:
        raise UserError(
            f"{' + '.join(map(str, paths))} has {found.dimension} features per frame, expected "
            f"{dimension}; use one kind of features, and give it to --features / --feature_dim"
        )
    return found


def open_features(path: Path, dimension: int | None = None) -> HalfFeatures:
    """One feature file as a half of its own. Raises UserError as `open_half`."""
    array = open_array(path)
    half = HalfFeatures((path,), (array,), len(array))
    if dimension is not None and half.dimension != dimension:
        raise UserError(
            f"{path} has {half.dimension} features per frame, expected {dimension}; give it the "
            "features that the weights were trained on"
        )
    return half


def open_array(path: Path) -> NDArray:
    """Maps one `.npy` file as [T, D], other axes than the last flattened into T."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise UserError(f"expected features at {path}, found no such file") from None
    except (ValueError, EOFError, OSError) as error:
        if isinstance(error, PermissionError):
            raise
        raise UserError(
            f"{path} is cut off or is not a .npy array ({error}); download or extract it again"
        ) from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu" or array.ndim < 2:
        raise UserError(f"{path} must hold one array of numbers [frames, features]")
    if array.size == 0:
        raise UserError(f"{path} holds no rows (shape {array.shape}); extract the features again")
    # As a plain array: slices of the memmap class cost several times as much.
    return array.view(np.ndarray).reshape(-1, array.shape[-1])  # [T, D]


def wanted_files(
    root: Path, games: Sequence[str], halves: int, names: Sequence[str], label_file: str | None
) -> list[Path]:
    """Paths that the games need: features of each half, and labels unless None."""
    return [
        root / game / file
        for game in games
        for file in (
            *(f"{half}_{name}" for half in range(1, halves + 1) for name in names),
            *([label_file] if label_file else []),
        )
    ]


def missing_files(
    root: Path, games: Sequence[str], halves: int, names: Sequence[str], label_file: str | None
) -> list[Path]:
    """Those of the `wanted_files` that are absent."""
    wanted = wanted_files(root, games, halves, names, label_file)
    return [path for path in wanted if not path.is_file()]
