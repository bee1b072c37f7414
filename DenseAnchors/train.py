"""Training on chunks: the epoch loop, and the validation on chunks and on whole games."""

from collections.abc import Sequence

import torch

from common.data.data_set import DataSet
from common.data.frame_rows import bytes_of, fits_on
from common.results.game_score import GameScore
from common.results.suppression import Suppression
from common.training.optimisation import adam, falling_rate
from common.training.progress import TrainingSettings
from common.training.run import Run
from common.training.training import Training
from DenseAnchors.dataset import Chunks, magnitudes, read_chunks
from DenseAnchors.loss import Criterion
from DenseAnchors.mixing import mixed, unmixed
from DenseAnchors.model import DenseAnchorModel
from DenseAnchors.test import Scoring, find_peaks

SCORE = "valid_a_mAP"  # selects the best weights
METRICS = ("loose", "tight")
_TRAINING_DRAWS = 0  # part of the seed of drawn chunks


def train(
    run: Run,
    data: DataSet,
    model: DenseAnchorModel,
    settings: TrainingSettings,
    *,
    radius: int,
    displacement_weight: float,
    scoring: Scoring,
    chunks_per_epoch: int,
    decay: float,
    mixup: int = 0,
    scale: str = "largest",
    train_on: Sequence[str],
    select_on: Sequence[str],
    select_by: str = "tight",
    suppression: Suppression,
    resident: str = "auto",
) -> None:
    """Trains until `max_epochs`; leaves the weights of the best average-mAP on whole games.

    Args:
        radius: frames around an event within which anchors are to be confident of it.
        displacement_weight: of the loss of displacements beside that of confidences.
        scoring: how halves are scored; its radius is that of displacements.
        decay: share of each weight that a step takes off it, at first.
        mixup: how evenly pairs of chunks are mixed; 0: not at all.
        scale: what features are divided by, of a network that asks for it: see `magnitudes`.
        train_on, select_on: splits.
        select_by: metric, loose or tight.
        suppression: suppression in whole games.
        resident: keep all features on the device: yes, no, or auto.
    """
    games = GameScore(data, data.games(select_on))
    reach = max(radius, scoring.displacement_radius)
    chunks, others = (
        read_chunks(data, splits, model.chunk_frames, reach) for splits in (train_on, select_on)
    )
    criterion = Criterion.weighted_by(
        chunks.within, chunks.anchors, radius=radius,
        displacement_radius=scoring.displacement_radius, displacement_weight=displacement_weight,
    )  # fmt: skip
    know_magnitudes(model, chunks, scale)
    for part in (chunks, others):
        if fits_on(run.device, bytes_of(part.rows.halves), resident):
            part.keep_on(run.device)
    everything = others.cover()
    fused = run.device.type in ("cpu", "cuda")  # one pass over all weights
    optimizer = adam(model, settings.learning_rate, fused=fused, decay=decay)
    digests = data.digests(train_on, select_on)
    with Training(run, model, optimizer, settings, select_by=SCORE, data=digests) as training:
        shared = run.processes.share_gradients(model)
        for epoch in training.epochs():
            model.train()
            falling_rate(optimizer, settings.learning_rate, epoch.number, settings.max_epochs)
            drawn = chunks.draw(chunks_per_epoch, settings.seed, _TRAINING_DRAWS, epoch.number)
            for features, offsets in epoch.training(drawn):
                targets = unmixed(offsets)
                if mixup:
                    features, targets = mixed(features, offsets, mixup)
                with run.autocast():
                    outputs = shared(features)  # [B, T, D] -> [B, T, C] twice
                loss = epoch.record(criterion(outputs, targets))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            model.eval()
            with torch.inference_mode():
                for features, offsets in epoch.validation(everything):
                    with run.autocast():
                        outputs = model(features)
                    epoch.record(criterion(outputs, unmixed(offsets)))
            last = epoch.number + 1 == settings.max_epochs
            scores: dict[str, float] = {}
            if epoch.thorough or last:
                scores = score_games(run, model, games, scoring, suppression, select_by)
            epoch.close(**scores)


def know_magnitudes(model: DenseAnchorModel, chunks: Chunks, kind: str) -> None:
    """Tells a network that asks for them the magnitudes of its features, unless it knows them."""
    if model.scale is not None and not model.scale.any():
        model.scale.copy_(torch.from_numpy(magnitudes(chunks.rows, kind)))


def score_games(
    run: Run,
    model: DenseAnchorModel,
    games: GameScore,
    scoring: Scoring,
    suppression: Suppression,
    select_by: str,
) -> dict[str, float]:
    """Average-mAP on whole games, that of `select_by` as `SCORE`; they are dealt to processes."""
    found = [
        (game, find_peaks(run, model, games.data.open_game(game), scoring, suppression))
        for game in run.processes.deal_out(games.games, SCORE)
    ]
    every = [game for of_process in run.processes.gather(found) for game in of_process]
    return {
        SCORE if metric == select_by else f"valid_{metric}": games.a_map(every, metric=metric)
        for metric in METRICS
    }
