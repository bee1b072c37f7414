"""Adam, the published schedule of its learning rate, and the seeds of a run."""

import numpy as np
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

SMALLEST_STEP = 1e-8  # the schedule does not lower the learning rate by less


def seed_everything(seed: int) -> None:
    """Seeds torch and numpy before a model draws its weights."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)


def adam(
    model: nn.Module, learning_rate: float, eps: float = 1e-8, fused: bool = False
) -> torch.optim.Adam:
    """The optimiser of all baselines; those of the CALF family have another eps.

    `fused` takes a step in one pass over all weights: faster, and other bits than without. On a
    CUDA card it is always fused, and all of it is on the card, so that a step can be recorded.
    """
    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]
    on_card = bool(learnt) and learnt[0].is_cuda
    return torch.optim.Adam(
        learnt,
        lr=learning_rate,
        betas=(0.9, 0.999),
        eps=eps,
        fused=fused or on_card or None,
        capturable=on_card,
    )


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
