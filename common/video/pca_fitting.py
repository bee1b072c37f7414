"""A PCA from features: fitted anew, or recovered from features and their reduced form.

Files are read in blocks of rows and only sums are kept, so any number of them fits.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.data.features import HalfFeatures
from common.errors import UserError
from common.video.reduction import Reduction

_BLOCK_ROWS = 512
HELD_OUT = 10  # recovering leaves out every tenth row, and checks itself on these
# Of a direction, where the average one has 1: what sums in float64 say of less is rounding.
_LEAST_VARIANCE = 1e-10
_LEAST_ALONE = 1e-6  # of a value's variance, that others do not explain
TOLERANCE = 1e-3  # of the deviation; pairs that belong together agree far better


class Moments:
    """Count, sums and sums of products of rows x [n, D] and y [n, E], about a fixed row.

    The fixed row is the mean of the first block: sums about 0 would lose the digits that matter.
    """

    def __init__(self, D: int, E: int = 0) -> None:
        self.rows = 0
        self._sum = np.zeros(D + E)
        self._xx = np.zeros((D, D))
        self._xy = np.zeros((D, E))
        self._centre = np.zeros(D + E)

    def add(self, x: NDArray, y: NDArray | None = None) -> None:
        """Takes in a block of rows."""
        both = np.array(x if y is None else np.hstack([x, y]), np.float64)
        if not self.rows and len(both):
            self._centre = both.mean(axis=0)
        both -= self._centre
        D = len(self._xx)
        self.rows += len(both)
        self._sum += both.sum(axis=0)
        self._xx += both[:, :D].T @ both[:, :D]
        self._xy += both[:, :D].T @ both[:, D:]

    @property
    def mean(self) -> NDArray:
        """Of x and y side by side, [D + E]."""
        return self._centre + self._sum / self.rows

    def covariances(self) -> tuple[NDArray, NDArray]:
        """Of x with x [D, D] and of x with y [D, E], over the number of rows."""
        D = len(self._xx)
        mean = self._sum / self.rows
        xx = self._xx / self.rows - np.outer(mean[:D], mean[:D])
        return xx, self._xy / self.rows - np.outer(mean[:D], mean[D:])


class Fitted(NamedTuple):
    """A PCA, the rows that it is of, and the share of their variance that it keeps."""

    reduction: Reduction
    rows: int
    kept: float


def fit(files: Sequence[HalfFeatures], dimension: int) -> Fitted:
    """The PCA of all rows of the files: their average and the directions of largest variance.

    As the original fits it: `average` over all rows, and no second mean.

    Args:
        files: of the same D.
        dimension: E, at most D.

    Raises:
        UserError: the files do not fit, hold a value that is not finite, or too few rows.
    """
    D = files[0].dimension
    if dimension > D:
        raise UserError(f"the features have {D} values a row; give --dim up to {D}")
    moments = Moments(D)
    for half in files:
        if half.dimension != D:
            raise UserError(
                f"{half.paths[0]} has {half.dimension} values a row and {files[0].paths[0]} has "
                f"{D}; fit a PCA on features of one kind"
            )
        for start in range(0, half.frames, _BLOCK_ROWS):
            moments.add(half.rows(start, min(start + _BLOCK_ROWS, half.frames)))
    if moments.rows <= dimension:
        raise UserError(
            f"{moments.rows} rows do not tell {dimension} directions; give more features, or a "
            "smaller --dim"
        )
    variances, directions = np.linalg.eigh(moments.covariances()[0])  # ascending
    components = _upright(directions[:, : -dimension - 1 : -1].T)  # [E, D]
    total = float(variances.sum())
    kept = float(variances[-dimension:].sum()) / total if total > 0 else 1.0
    return Fitted(Reduction(moments.mean, np.zeros(D), components), moments.rows, kept)


def _upright(components: NDArray) -> NDArray:
    """Each direction with the sign that makes its largest entry positive."""
    largest = np.abs(components).argmax(axis=1)
    return components * np.sign(components[np.arange(len(components)), largest])[:, None]


class Pair(NamedTuple):
    """Features of a half and what the reduction to be found made of them."""

    full: HalfFeatures  # [T, D]
    reduced: HalfFeatures  # [T, E]


class Recovered(NamedTuple):
    """A reduction that was recovered, and how well it does.

    Attributes:
        error: on rows that were left out; see `error_of`.
        undetermined: directions of D in which the rows do not vary: there the map is set to 0.
    """

    reduction: Reduction
    rows: int
    error: float
    undetermined: int


def recover(pairs: Sequence[Pair]) -> Recovered:
    """The reduction that made the reduced features, by least squares.

    Features and their reduced form fix the map reduced = W row + b, not how b is split. So the
    average is that of these rows, and `mean` the smallest that makes up the rest: W (average +
    mean) = -b.

    Raises:
        UserError: the files do not fit, are too few, or are no affine map of each other.
    """
    D, E = pairs[0].full.dimension, pairs[0].reduced.dimension
    moments = Moments(D, E)
    for x, y in _rows(pairs, held_out=False):
        moments.add(x, y)
    if moments.rows <= D:
        raise UserError(
            f"a map of {D} values cannot be told from {moments.rows} rows; give both halves of a "
            "game, or more games"
        )
    weights, undetermined = _solve(*moments.covariances())  # [E, D]
    average, centre = moments.mean[:D], moments.mean[D:]
    mean = -weights.T @ (np.linalg.pinv(weights @ weights.T, hermitian=True) @ centre)
    found = Reduction(average, mean, weights)
    error = error_of(found, pairs, held_out=True)
    if not error < TOLERANCE:
        raise UserError(
            f"{pairs[0].reduced.paths[0]} is no affine map of {pairs[0].full.paths[0]}: on rows "
            f"left out the error is {error:.1g} of the deviation, expected below {TOLERANCE:g}; "
            "give the two forms of the same halves, in the same order"
        )
    return Recovered(found, moments.rows, error, undetermined)


def error_of(reduction: Reduction, pairs: Sequence[Pair], held_out: bool | None = None) -> float:
    """How far reduced rows are from the given ones.

    The root mean square difference over the deviation of the given values, of the output that fares
    worst.

    Args:
        held_out: only the rows that `recover` leaves out; None: all.
    """
    difference, squares, total, count = 0.0, 0.0, 0.0, 0
    for x, y in _rows(pairs, held_out):
        if y.shape[1] != reduction.dimension:
            raise UserError(
                f"the reduced features have {y.shape[1]} values a row, the PCA gives "
                f"{reduction.dimension}; give the files that belong together"
            )
        wide = y.astype(np.float64)
        difference = difference + ((reduction(x) - wide) ** 2).sum(axis=0)
        squares, total = squares + (wide**2).sum(axis=0), total + wide.sum(axis=0)
        count += len(y)
    variance = np.maximum(squares / count - (total / count) ** 2, np.finfo(np.float32).tiny)
    return float(np.sqrt(np.max(difference / count / variance)))


def _rows(pairs: Sequence[Pair], held_out: bool | None) -> Iterator[tuple[NDArray, NDArray]]:
    """Blocks of rows x [n, D] and y [n, E] of the pairs: all, those left out, or the others."""
    first = pairs[0]
    for full, reduced in pairs:
        if (full.dimension, reduced.dimension) != (first.full.dimension, first.reduced.dimension):
            raise UserError(
                f"{full.paths[0]} and {reduced.paths[0]} have {full.dimension} and "
                f"{reduced.dimension} values a row, the files before them "
                f"{first.full.dimension} and {first.reduced.dimension}; give features of one kind"
            )
        if full.frames != reduced.frames:
            raise UserError(
                f"{full.paths[0]} has {full.frames} rows and {reduced.paths[0]} has "
                f"{reduced.frames}; give the two forms of the same halves, in the same order"
            )
        for start in range(0, full.frames, _BLOCK_ROWS):
            stop = min(start + _BLOCK_ROWS, full.frames)
            x, y = full.rows(start, stop), reduced.rows(start, stop)
            left_out = np.arange(start, stop) % HELD_OUT == HELD_OUT - 1
            keep = slice(None) if held_out is None else left_out if held_out else ~left_out
            yield x[keep], y[keep]


def _solve(xx: NDArray, xy: NDArray) -> tuple[NDArray, int]:
    """Least squares from covariances: the map [E, D], and how many directions it does not see."""
    deviation = np.sqrt(np.maximum(np.diagonal(xx), 0))
    still = deviation == 0
    deviation[still] = 1
    xx, xy = xx / np.outer(deviation, deviation), xy / deviation[:, None]
    if _is_well_conditioned(xx):
        return (np.linalg.solve(xx, xy) / deviation[:, None]).T, 0
    variances, directions = np.linalg.eigh(xx)
    seen = variances > _LEAST_VARIANCE
    directions = directions[:, seen]
    weights = directions @ ((directions.T @ xy) / variances[seen][:, None])
    weights[still] = 0  # but for rounding it is
    return (weights / deviation[:, None]).T, int((~seen).sum())


def _is_well_conditioned(correlations: NDArray) -> bool:
    """Whether every value varies by itself, beside those before it: the plain way is exact then."""
    try:
        alone = np.diagonal(np.linalg.cholesky(correlations)) ** 2
    except np.linalg.LinAlgError:
        return False
    return bool(alone.min() > _LEAST_ALONE)
