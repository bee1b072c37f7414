"""Training on chunks: the epoch loop, and the validation on chunks and on whole games."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from CALF_Calibration_GCN.dataset import DrawnChunks, Players, read_chunks
from CALF_Calibration_GCN.loss import Criterion
from CALF_Calibration_GCN.model import PlayerGraphModel
from CALF_Calibration_GCN.test import spot_game
from common.data.data_set import DataSet
from common.data.frame_rows import ResidentRows, bytes_of, fits_on
from common.results.game_score import GameScore, scored_splits
from common.results.suppression import Suppression
from common.training.epoch import Epoch
from common.training.optimisation import adam
from common.training.progress import TrainingSettings
from common.training.run import Run
from common.training.training import Training

SCORE = "valid_a_mAP"  # selects the best weights
_ADAM_EPS = 1e-7
_TRAINING_DRAWS, _VALIDATION_DRAWS = 0, 1  # part of the seed of drawn chunks


def train(
    run: Run,
    data: DataSet,
    players: Players,
    model: PlayerGraphModel,
    settings: TrainingSettings,
    *,
    criterion: Criterion,
    k_frames: NDArray[np.int64],
    chunks_per_epoch: int,
    train_on: Sequence[str],
    select_on: Sequence[str],
    watched: Sequence[str] = (),
    suppression: Suppression,
    resident: str = "auto",
) -> None:
    """Trains until the schedule ends it; leaves the weights of the best `SCORE`.

    Args:
        players: how they are read; None: features alone.
        k_frames: context parameters of the classes, [4, C].
        train_on, select_on: splits.
        watched: further splits that thorough validations score, for the curves only.
        suppression: suppression in whole games.
        resident: keep all features on the device: yes, no, or auto.
    """
    scored = {
        name: GameScore(data, data.games(splits))
        for name, splits in scored_splits(SCORE, select_on, watched).items()
    }
    chunks, others = (
        read_chunks(data, players, splits, k_frames, model.shape, published=run.published)
        for splits in (train_on, select_on)
    )
    for part in (chunks, others):
        if fits_on(run.device, bytes_of(part.rows.halves), resident):
            part.rows = ResidentRows(part.rows.halves, run.device)
    # On a CPU the step is one of many small operations, unless they are fused.
    fused = run.device.type in ("cpu", "cuda")
    optimizer = adam(model, settings.learning_rate, _ADAM_EPS, fused)
    varying = "each batch has its own number of players" if players is not None else ""
    digests = data.digests(train_on, select_on)
    with Training(run, model, optimizer, settings, SCORE, varying, data=digests) as training:
        shared = run.processes.share_gradients(model)
        for epoch in training.epochs():
            model.train()
            drawn = chunks.draw(chunks_per_epoch, settings.seed, _TRAINING_DRAWS, epoch.number)
            for *inputs, shifts, targets in epoch.training(drawn):
                with run.autocast():
                    outputs = shared(*inputs)  # [B, T, …] -> [B, T, C] and [B, N, 2 + C]
                loss = epoch.record(criterion(outputs, (shifts, targets)), summed=True)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            # The original validates on other chunks in each epoch: the schedule gets noisy.
            turn = epoch.number if run.published else 0
            drawn = others.draw(chunks_per_epoch, settings.seed, _VALIDATION_DRAWS, turn)
            validate(run, model, epoch, criterion, drawn)
            scores = score_games(run, players, model, scored, suppression) if epoch.thorough else {}
            epoch.close(**scores)


@torch.inference_mode()
def validate(
    run: Run, model: PlayerGraphModel, epoch: Epoch, criterion: Criterion, drawn: DrawnChunks
) -> None:
    """Records the loss of each batch of chunks."""
    model.eval()
    for *inputs, shifts, targets in epoch.validation(drawn):
        with run.autocast():
            outputs = model(*inputs)
        epoch.record(criterion(outputs, (shifts, targets)), summed=True)


def score_games(
    run: Run,
    players: Players,
    model: PlayerGraphModel,
    scored: Mapping[str, GameScore],
    suppression: Suppression,
) -> dict[str, float]:
    """Loose average-mAP on whole games, by name; the games are dealt out to processes."""
    model.eval()
    scores = {}
    for name, score in scored.items():
        found = [
            (game, spot_game(run, players, model, score.data.open_game(game), suppression))
            for game in run.processes.deal_out(score.games, name)
        ]
        every = [game for of_process in run.processes.gather(found) for game in of_process]
        scores[name] = score.a_map(every, run.published)
    return scores
