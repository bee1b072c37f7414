"""From a half to confidences, and from a split to result files: windows slid along each half."""

import numpy as np
import torch
from numpy.typing import NDArray

from common.data.data_set import DataSet
from common.data.features import HalfFeatures
from common.data.frame_rows import blocks_of
from common.results.predictions import format_game, write_game
from common.results.split_results import publish_split
from common.results.suppression import Suppression, suppress
from common.training.run import Run
from Pooling.model import PoolingModel

UNSCORED_FRAMES = 2  # at the end of a half: the original has no window, and drops one more


@torch.inference_mode()
def score_half(run: Run, model: PoolingModel, half: HalfFeatures) -> NDArray[np.float32]:
    """Confidence of each class in each frame of a half: [T, C], background dropped.

    With the published protocol without the last two frames.
    """
    with run.autocast():
        scores = model.score_half(blocks_of(half, run.device))  # [T, 1 + C]
    unscored = UNSCORED_FRAMES if run.published else 0
    return scores[: half.frames - unscored, 1:].cpu().numpy()


def spot_split(
    run: Run, data: DataSet, model: PoolingModel, split: str, suppression: Suppression
) -> None:
    """Writes the result files of a split's games, then packs, scores and draws them."""
    model.eval()
    games, out = data.games([split]), run.folder / f"outputs_{split}"
    for game in run.processes.deal_out(games, out.name):
        detections = []
        for half in data.open_game(game):
            scores = score_half(run, model, half.features)
            peaks = suppress(scores, suppression.window_frames, suppression.threshold)
            detections.append((half.number, *peaks))
        names = data.classes.names
        write_game(out, game, format_game(game, detections, names, data.framerate, run.published))
    run.processes.wait_for_all()
    if run.processes.is_main:
        publish_split(run.folder, split, data, games)
