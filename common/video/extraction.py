"""A video file becomes a feature file: in batches, in bounded memory, whole or not at all."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from common.errors import UserError
from common.files import written_whole
from common.video.frames import SampledVideo
from common.video.sampling import RELEASED, Sampling

if TYPE_CHECKING:
    from common.video.backbones import Backbone
    from common.video.reduction import Reduction

_BATCH = 32  # frames that the backbone sees at once
_HEADER_BYTES = 128


def extract(
    video: Path,
    out: Path,
    backbone: "Backbone",
    *,
    sampling: Sampling = RELEASED,
    transform: str = "crop",
    reduction: "Reduction | None" = None,
    reduced_out: Path | None = None,
) -> int:
    """Writes the features of a video's frames; returns how many rows there are, at least one.

    Args:
        out: `.npy` file to write, float32 [rows, D].
        reduction: what the rows are reduced by.
        reduced_out: where the reduced rows [rows, E] go; None: to `out`, and the others nowhere.

    Raises:
        UserError: the video cannot be used (see `SampledVideo`), or a row is not of finite numbers,
            or a file would be written over another of those named.
    """
    _require_other_files(video, out, reduced_out)
    source = SampledVideo(video, sampling, transform)
    with ExitStack() as stack:
        first = stack.enter_context(_growing_rows(out))
        second = stack.enter_context(_growing_rows(reduced_out)) if reduced_out else first
        bar = stack.enter_context(
            tqdm(total=source.expected_rows, desc=video.name, unit="row", leave=False, disable=None)
        )
        for frames in source.batches(_BATCH):
            rows = _checked(backbone(frames), len(frames), video)
            if reduction is None or reduced_out:
                first.append(rows)
            if reduction is not None:
                second.append(reduction(rows))
            bar.update(len(rows))
    return first.rows


def _require_other_files(video: Path, out: Path, reduced_out: Path | None) -> None:
    for path in (out, *([reduced_out] if reduced_out else [])):
        if path.resolve() == video.resolve():
            raise UserError(f"{path} is the video itself; choose another name for the features")
    if reduced_out and reduced_out.resolve() == out.resolve():
        raise UserError(f"full and reduced rows cannot both be written to {out}; choose two names")


def _checked(rows: NDArray[np.float32], expected: int, video: Path) -> NDArray[np.float32]:
    """The rows, if there is one of finite numbers for each frame."""
    if rows.ndim != 2 or len(rows) != expected:
        raise UserError(
            f"expected a row for each of {expected} frames of {video}, found the shape "
            f"{rows.shape}; use a backbone that gives such rows"
        )
    if not np.isfinite(rows).all():
        raise UserError(
            f"features of {video} hold NaN or infinity; check the backbone's weights, and try "
            "--precision fp32"
        )
    return rows


class _GrowingRows:
    """Rows that are added to an open `.npy` file; how many there are is told at the end."""

    def __init__(self, path: Path) -> None:
        self.rows, self._dimension = 0, 0
        self._file = path.open("wb")
        self._file.write(bytes(_HEADER_BYTES))

    def append(self, rows: NDArray[np.float32]) -> None:
        """Adds rows [n, D]."""
        self.rows, self._dimension = self.rows + len(rows), rows.shape[1]
        self._file.write(np.ascontiguousarray(rows, "<f4").tobytes())

    def close(self) -> None:
        """Writes the header, and closes the file."""
        with self._file:
            self._file.seek(0)
            self._file.write(npy_header(self.rows, self._dimension))


@contextmanager
def _growing_rows(path: Path) -> Iterator[_GrowingRows]:
    with written_whole(path) as temporary:
        rows = _GrowingRows(temporary)
        try:
            yield rows
        finally:
            rows.close()


def npy_header(rows: int, dimension: int) -> bytes:
    """How a `.npy` file of float32 [rows, dimension] begins: 128 bytes, whatever the numbers."""
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dimension}), }}"
    length = _HEADER_BYTES - 10
    return b"\x93NUMPY\x01\x00" + length.to_bytes(2, "little") + f"{text:<{length - 1}}\n".encode()
