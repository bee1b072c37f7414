"""One epoch of training on chunks, one of validation."""

from collections.abc import Callable

import torch
from torch import nn

from common.calf.criterion import Criterion
from common.training.device import autocast
from common.training.passes import Pass

# Scores of whole games, by name; slow.
Evaluate = Callable[[], dict[str, float]]


def train_epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    criterion: Criterion,
    epoch: Pass,
    precision: str = "fp32",
) -> None:
    """Takes one optimiser step for each batch of chunks."""
    model.train()
    for *inputs, shifts, targets in epoch:
        with autocast(shifts.device, precision):
            outputs = model(*inputs)
        loss = epoch.record(criterion(outputs, (shifts, targets)), summed=True)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.inference_mode()
def validate(
    model: nn.Module,
    criterion: Criterion,
    evaluate: Evaluate,
    epoch: Pass,
    thorough: bool,
    precision: str = "fp32",
) -> dict[str, float]:
    """Records the loss of each batch of chunks; if `thorough`, also returns `evaluate()`."""
    model.eval()
    for *inputs, shifts, targets in epoch:
        with autocast(shifts.device, precision):
            outputs = model(*inputs)
        epoch.record(criterion(outputs, (shifts, targets)), summed=True)
    return evaluate() if thorough else {}
