"""One epoch of training on clips, one of validation."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from common.metric.average_precision import average_precision
from common.pooling.clip_loss import clip_loss
from common.training.device import autocast
from common.training.passes import Pass


def train_epoch(
    model: nn.Module, optimizer: torch.optim.Optimizer, epoch: Pass, precision: str = "fp32"
) -> None:
    """Takes one optimiser step for each batch of clips."""
    model.train()
    for clips, targets in epoch:
        with autocast(clips.device, precision):
            logits = model(clips)
        loss = epoch.record(clip_loss(logits, targets))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.inference_mode()
def validate(
    model: nn.Module, epoch: Pass, thorough: bool, precision: str = "fp32"
) -> dict[str, float]:
    """Records the loss of each batch; if `thorough`, also returns {"clip_mAP": …}."""
    model.eval()
    seen = []
    for clips, targets in epoch:
        with autocast(clips.device, precision):
            logits = model(clips)
        epoch.record(clip_loss(logits, targets))
        if thorough and epoch.batch:
            both = torch.stack([logits.float(), targets])  # [2, B, 1 + C]
            seen.append(both[:, : epoch.batch.items].cpu().numpy())
    if not thorough:
        return {}
    logits_of_all, targets_of_all = np.concatenate(
        [part for parts in epoch.processes.gather(seen) for part in parts], axis=1
    )
    return {"clip_mAP": clip_map(logits_of_all, targets_of_all)}


def clip_map(scores: NDArray, targets: NDArray) -> float:
    """Mean over the classes, background left out, of the average precision of clips [N, 1 + C].

    For the log only: it classifies clips and does not spot. A class without clips counts 0.
    """
    classes = zip(scores.T[1:], targets.T[1:] > 0, strict=True)
    return float(np.mean([average_precision(*each) for each in classes]))
