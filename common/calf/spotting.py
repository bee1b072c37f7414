"""From a network of chunks, and the features of a half, to detections and result files."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from common.calf.half_inputs import HalfInputs
from common.calf.half_rows import chunk_starts, frame_owners
from common.calf.spot_targets import decode_spots
from common.calf.spotting_model import SpottingModel
from common.data.frame_rows import window_rows
from common.results.predictions import format_game
from common.results.spotting import Spotting
from common.results.suppression import Peaks, suppress
from common.training.device import autocast

_BLOCK_CHUNKS = 64  # of a half that go through the network at a time


class HalfScores(NamedTuple):
    """What the network says of a half, [n, C] each: the segmentation, and the spots as cells.

    A cell holds the confidence of a spot in that frame and class, or -1.
    """

    segmentation: NDArray[np.float32]
    cells: NDArray[np.float32]


@torch.inference_mode()
def score_half(model: SpottingModel, half: HalfInputs, spotting: Spotting) -> HalfScores:
    """Cuts a half into overlapping chunks, and puts what comes out together again."""
    published = spotting.published
    starts = chunk_starts(half.frames, model.shape, published)
    rows = window_rows(starts, model.shape.frames, half.frames)  # [M, T]
    with autocast(spotting.device, spotting.precision):
        blocks = [model.reduce(*block) for block in half.blocks(spotting.device)]
        parts = [torch.cat(part) for part in zip(*blocks, strict=True)]  # [n, …] each
        segmentation, spots = _through(model, parts, torch.from_numpy(rows.T))
    cells = decode_spots(spots, model.shape.frames, published)
    chunk, position = frame_owners(half.frames, model.shape, published)
    return HalfScores(segmentation[chunk, position], cells[chunk, position])


def _through(
    model: SpottingModel, parts: Sequence[Tensor], rows: Tensor
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Reduced frames [n, …], gathered at rows [T, M], through the rest of the network."""
    segmentations, lists = [], []
    for block in rows.split(_BLOCK_CHUNKS, dim=1):
        index = block.to(parts[0].device)  # [T, M']
        segmentation, spots = model.forward_reduced(*(part[index] for part in parts))
        segmentations.append(segmentation.cpu())
        lists.append(spots.cpu())
    return torch.cat(segmentations).numpy(), torch.cat(lists).numpy()


def detect(cells: NDArray[np.float32], spotting: Spotting) -> Peaks:
    """Detections of a half after suppression, by frame and then class, as published."""
    peaks = suppress(cells, spotting.nms_frames, spotting.nms_threshold)
    order = np.lexsort((peaks.event, peaks.frame))
    return Peaks(*(column[order] for column in peaks))


def spot_game(
    model: SpottingModel,
    game: str | None,
    halves: Sequence[HalfInputs],
    names: Sequence[str],
    spotting: Spotting,
) -> bytes:
    """Spots in the halves of a game, and returns the text of its result file."""
    detections = []
    for number, half in enumerate(halves, 1):
        peaks = detect(score_half(model, half, spotting).cells, spotting)
        detections.append((number, *peaks))
    return format_game(game, detections, names, spotting.framerate, spotting.published)
