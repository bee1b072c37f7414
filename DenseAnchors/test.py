"""From a half to confidences, and from a split to result files: overlapping chunks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from common.data.chunks import overlapping_starts, owners_of_frames
from common.data.data_set import DataSet
from common.data.features import Half, HalfFeatures
from common.data.frame_rows import blocks_of, window_rows
from common.results.kept_scores import write_scores
from common.results.predictions import RESULT_FILE, format_game, write_game
from common.results.split_results import publish_split
from common.results.suppression import Peaks, Suppression
from common.training.run import Run
from DenseAnchors.displacement import displace
from DenseAnchors.model import DenseAnchorModel

_BLOCK_CHUNKS = 32  # of a half that go through the network at a time


@dataclass(frozen=True)
class Scoring:
    """How a half is scored.

    Attributes:
        border: frames at either end of a chunk that are left to its neighbours.
        displacement_radius: frames that a displacement of 1 stands for.
        displaced: whether confidences are moved by their displacements.
    """

    border: int
    displacement_radius: int
    displaced: bool = True


@torch.inference_mode()
def score_half(
    run: Run, model: DenseAnchorModel, half: HalfFeatures, scoring: Scoring
) -> NDArray[np.float32]:
    """Confidence of each class in each frame of a half, moved to its event: [T, C]."""
    starts = overlapping_starts(half.frames, model.chunk_frames, scoring.border)
    owners = owners_of_frames(half.frames, starts, scoring.border)
    rows = torch.from_numpy(window_rows(starts, model.chunk_frames, half.frames))  # [M, T]
    found = []
    with run.autocast():
        frames = torch.cat([model.reduce(block) for block in blocks_of(half, run.device)])
        for chunks in rows.to(run.device).split(_BLOCK_CHUNKS):
            found.append(torch.stack(model.forward_reduced(frames[chunks])))  # [2, n, T, C]
    logits, displacements = torch.cat(found, dim=1)[:, owners.chunk, owners.position]
    confidences = torch.sigmoid(logits).cpu().numpy()
    if not scoring.displaced:
        return confidences
    return displace(confidences, (displacements * scoring.displacement_radius).cpu().numpy())


def find_peaks(
    run: Run,
    model: DenseAnchorModel,
    halves: Sequence[Half],
    scoring: Scoring,
    suppression: Suppression,
) -> list[Peaks]:
    """Detections of each half of a game."""
    return [suppression.peaks_of(score_half(run, model, half.features, scoring)) for half in halves]


def spot_game(
    run: Run,
    data: DataSet,
    halves: Sequence[Half],
    scores: Sequence[NDArray[np.float32]],
    suppression: Suppression,
    game: str | None = None,
) -> bytes:
    """Text of the result file of a game, or of halves that are of none, from their confidences."""
    detections = [
        (half.number, *suppression.peaks_of(confidences))
        for half, confidences in zip(halves, scores, strict=True)
    ]
    return format_game(game, detections, data.classes.names, data.framerate, run.published)


def spot_split(
    run: Run,
    data: DataSet,
    model: DenseAnchorModel,
    split: str,
    scoring: Scoring,
    suppression: Suppression,
    *,
    file_names: Sequence[str] = (RESULT_FILE,),
    save_scores: bool = False,
) -> None:
    """Writes the result files of a split's games, then packs, scores and draws them.

    Args:
        file_names: under which each result file is written.
        save_scores: keep confidences before suppression, for `common.ensemble`.
    """
    model.eval()
    games, out = data.games([split]), run.folder / f"outputs_{split}"
    for game in run.processes.deal_out(games, out.name):
        halves = data.open_game(game)
        scores = [score_half(run, model, half.features, scoring) for half in halves]
        if save_scores:
            write_scores(run.folder, split, game, scores)
        text = spot_game(run, data, halves, scores, suppression, game)
        for name in file_names:
            write_game(out, game, text, name)
    run.processes.wait_for_all()
    if run.processes.is_main:
        publish_split(run.folder, split, data, games)


def spot_files(
    run: Run,
    data: DataSet,
    model: DenseAnchorModel,
    name: str,
    halves: Sequence[Half],
    scoring: Scoring,
    suppression: Suppression,
    *,
    file_names: Sequence[str] = (RESULT_FILE,),
) -> list[Path]:
    """Spots in halves of any length that are outside any split and have no labels.

    Returns the paths of what it wrote, in outputs_<name>.
    """
    model.eval()
    scores = [score_half(run, model, half.features, scoring) for half in halves]
    text = spot_game(run, data, halves, scores, suppression)
    return [write_game(run.folder, f"outputs_{name}", text, file) for file in file_names]
