"""Adam, the published schedule of its learning rate, and the seeds of a run."""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

LAST_RATE = 0.01  # of the first, where the learning rate falls linearly
SMALLEST_STEP = 1e-8  # the schedule does not lower the learning rate by less


def seed_everything(seed: int) -> None:
    """Seeds torch and numpy before a model draws its weights."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)


def adam(
    model: nn.Module,
    learning_rate: float,
    eps: float = 1e-8,
    fused: bool = False,
    decay: float | None = None,
) -> torch.optim.Adam:
    """The optimiser of all baselines; those of the CALF family have another eps.

    `fused` takes a step in one pass over all weights: faster, and other bits than without. On a
    CUDA card it is always fused, and all of it is on the card, so that a step can be recorded.

    `decay` is decoupled: the share of each weight that a step at this learning rate takes off it,
    and less as the rate falls.
    """
    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]
    on_card = bool(learnt) and learnt[0].is_cuda
    settings: dict[str, Any] = {
        "lr": learning_rate,
        "betas": (0.9, 0.999),
        "eps": eps,
        "fused": fused or on_card or None,
        "capturable": on_card,
    }
    if decay is None:
        return torch.optim.Adam(learnt, **settings)
    return torch.optim.AdamW(learnt, **settings, weight_decay=decay / learning_rate)


def falling_rate(optimizer: torch.optim.Optimizer, rate: float, epoch: int, epochs: int) -> None:
    """Sets the learning rate of an epoch from 0 on: falls linearly from `rate` to 1 % of it."""
    done = epoch / max(1, epochs - 1)
    for group in optimizer.param_groups:
        group["lr"] = rate * (1 - (1 - LAST_RATE) * min(1.0, done))


def plateau_schedule(optimizer: torch.optim.Optimizer, patience: int) -> ReduceLROnPlateau:
    """The published schedule: a tenth of the learning rate after patience + 1 bad epochs."""
    return ReduceLROnPlateau(optimizer, "min", factor=0.1, patience=patience, eps=SMALLEST_STEP)


def step_schedule(schedule: ReduceLROnPlateau, valid_loss: float) -> bool:
    """Gives the schedule an epoch's validation loss; True when training should end.

    That is `patience` bad epochs after the learning rate reached 1e-8, from where it cannot fall.
    """
    rate = schedule.optimizer.param_groups[0]["lr"]
    schedule.step(valid_loss)
    return rate < 2 * SMALLEST_STEP and schedule.num_bad_epochs >= schedule.patience
