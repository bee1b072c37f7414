"""From a half to confidences, and from a split to result files: windows slid along each half."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from common.data.data_set import DataSet
from common.data.features import Half, HalfFeatures
from common.data.frame_rows import blocks_of
from common.results.kept_scores import write_scores
from common.results.predictions import RESULT_FILE, format_game, write_game
from common.results.split_results import publish_split
from common.results.suppression import Suppression
from common.training.run import Run
from TemporallyAwarePooling.model import TemporallyAwareModel

UNSCORED_FRAMES = 1  # at the end of a half, for which the original has no window


@torch.inference_mode()
def score_half(run: Run, model: TemporallyAwareModel, half: HalfFeatures) -> NDArray[np.float32]:
    """Confidence of each class in each frame of a half: [T, C], background dropped.

    With the published protocol without the last frame.
    """
    with run.autocast():
        scores = model.score_half(blocks_of(half, run.device))  # [T, 1 + C]
    unscored = UNSCORED_FRAMES if run.published else 0
    return scores[: half.frames - unscored, 1:].cpu().numpy()


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
    model: TemporallyAwareModel,
    split: str,
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
        scores = [score_half(run, model, half.features) for half in halves]
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
    model: TemporallyAwareModel,
    name: str,
    halves: Sequence[Half],
    suppression: Suppression,
    *,
    file_names: Sequence[str] = (RESULT_FILE,),
) -> list[Path]:
    """Spots in halves of any length that are outside any split and have no labels.

    Returns the paths of what it wrote, in outputs_<name>.
    """
    model.eval()
    scores = [score_half(run, model, half.features) for half in halves]
    text = spot_game(run, data, halves, scores, suppression)
    return [write_game(run.folder, f"outputs_{name}", text, file) for file in file_names]
