"""From what a network says of a half's chunks to scores of its frames, and to detections."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.calf.chunk_shape import ChunkShape
from common.calf.half_rows import frame_owners
from common.calf.spot_targets import decode_spots
from common.results.suppression import Peaks, Suppression


class HalfScores(NamedTuple):
    """What the network says of a half, [n, C] each: the segmentation, and the spots as cells.

    A cell holds the confidence of a spot in that frame and class, or -1.
    """

    segmentation: NDArray[np.float32]
    cells: NDArray[np.float32]


def put_together(
    segmentation: NDArray[np.float32],
    spots: NDArray[np.float32],
    frames: int,
    shape: ChunkShape,
    published: bool = False,
) -> HalfScores:
    """Scores of a half of n frames from its M overlapping chunks, cut at `chunk_starts`.

    Args:
        segmentation: [M, T, C].
        spots: [M, N, 2 + C].
    """
    cells = decode_spots(spots, shape.frames, published)
    chunk, position = frame_owners(frames, shape, published)
    return HalfScores(segmentation[chunk, position], cells[chunk, position])


def detect(cells: NDArray[np.float32], kept: Suppression) -> Peaks:
    """Detections of a half after suppression, by frame and then class, as published."""
    peaks = kept.peaks_of(cells)
    order = np.lexsort((peaks.event, peaks.frame))
    return Peaks(*(column[order] for column in peaks))
