"""From a model that scores windows, and the features of a game, to its result file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from common.data.events import EventClasses
from common.data.features import HalfFeatures, open_game
from common.data.frame_rows import blocks_of
from common.pooling.window_model import WindowModel
from common.results.predictions import format_game, write_game
from common.results.spotting import Spotting
from common.results.suppression import suppress
from common.training.device import autocast
from common.training.distributed import Processes


@torch.inference_mode()
def score_half(model: WindowModel, half: HalfFeatures, spotting: Spotting) -> NDArray[np.float32]:
    """Confidence of each class in each frame of a half: [T, C], background dropped.

    Without the frames at the end that the original leaves out.
    """
    with autocast(spotting.device, spotting.precision):
        scores = model.score_half(blocks_of(half, spotting.device))  # [T, 1 + C]
    return scores[: half.frames - spotting.unscored_frames, 1:].cpu().numpy()


def spot_game(
    model: WindowModel,
    game: str,
    halves: Sequence[HalfFeatures],
    names: Sequence[str],
    spotting: Spotting,
) -> bytes:
    """Scores the halves of a game, suppresses, and returns the text of its result file."""
    detections = []
    for number, half in enumerate(halves, 1):
        scores = score_half(model, half, spotting)
        peaks = suppress(scores, spotting.nms_frames, spotting.nms_threshold)
        detections.append((number, *peaks))
    return format_game(game, detections, names, spotting.framerate, spotting.published)


def spot_split(
    model: WindowModel,
    root: Path,
    games: Sequence[str],
    features: Sequence[str],
    classes: EventClasses,
    out: Path,
    spotting: Spotting,
    processes: Processes,
) -> None:
    """Writes the result file of each game below `out`; the games are dealt out to processes."""
    model.eval()
    for game in processes.deal_out(games, out.name):
        halves = open_game(root, game, features, classes.halves, model.features)
        write_game(out, game, spot_game(model, game, halves, classes.names, spotting))
    processes.wait_for_all()
