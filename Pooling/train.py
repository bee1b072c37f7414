"""Training on clips: the epoch loop, and the validation that steers the learning rate."""

from collections.abc import Sequence

import numpy as np
import torch

from common.data.data_set import DataSet
from common.data.frame_rows import bytes_of, fits_on
from common.pooling.clip_map import clip_map
from common.training.batches import shuffled
from common.training.epoch import Epoch
from common.training.optimisation import adam
from common.training.progress import TrainingSettings
from common.training.run import Run
from common.training.training import Training
from Pooling.dataset import Clips, read_clips
from Pooling.loss import clip_loss
from Pooling.model import PoolingModel


def train(
    run: Run,
    data: DataSet,
    model: PoolingModel,
    settings: TrainingSettings,
    *,
    train_on: Sequence[str],
    select_on: Sequence[str],
    resident: str = "auto",
) -> None:
    """Trains until the schedule ends it; leaves the weights of the lowest validation loss.

    Args:
        train_on, select_on: splits.
        resident: keep all features on the device: yes, no, or auto.
    """
    clips, others = (
        read_clips(data, splits, model.window_frames, run.published)
        for splits in (train_on, select_on)
    )
    for part in (clips, others):
        if fits_on(run.device, bytes_of(part.rows.halves), resident):
            part.keep_on(run.device)
    optimizer = adam(model, settings.learning_rate)
    digests = data.digests(train_on, select_on)
    with Training(run, model, optimizer, settings, data=digests) as training:
        shared = run.processes.share_gradients(model)
        for epoch in training.epochs():
            model.train()
            order = shuffled(len(clips), settings.seed, epoch.number)
            for features, targets in epoch.training(clips, order):
                with run.autocast():
                    logits = shared(features)  # [B, L, D] -> [B, 1 + C]
                loss = epoch.record(clip_loss(logits, targets))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            epoch.close(**validate(run, model, epoch, others))


@torch.inference_mode()
def validate(run: Run, model: PoolingModel, epoch: Epoch, clips: Clips) -> dict[str, float]:
    """Records the loss of each batch; in a thorough epoch also returns {"clip_mAP": …}."""
    model.eval()
    parts = []
    for features, targets in epoch.validation(clips):
        with run.autocast():
            logits = model(features)
        epoch.record(clip_loss(logits, targets))
        if epoch.thorough:
            both = torch.stack([logits.float(), targets])  # [2, B, 1 + C]
            parts.append(both[:, : epoch.items])
    if not epoch.thorough:
        return {}
    every = run.processes.gather(torch.cat(parts, dim=1).cpu().numpy())
    return {"clip_mAP": clip_map(*np.concatenate(every, axis=1))}
