"""One epoch of training on chunks, one of validation."""

from collections.abc import Callable

import torch
from torch import nn

from common.calf.criterion import Criterion
from common.device import autocast
from common.passes import Pass

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
    for chunks, *targets in epoch:
        with autocast(chunks.device, precision):
            outputs = model(chunks)
        loss = epoch.record(criterion(outputs, targets), summed=True)
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
    for chunks, *targets in epoch:
        with autocast(chunks.device, precision):
            outputs = model(chunks)
        epoch.record(criterion(outputs, targets), summed=True)
    return evaluate() if thorough else {}
