"""The loss of the list of spots: each annotated spot is compared with one prediction."""

import torch
from torch import Tensor


def spotting_loss(
    spots: Tensor,
    targets: Tensor,
    lambda_coord: float = 5.0,
    lambda_noobj: float = 0.5,
    published: bool = False,
) -> Tensor:
    """Sum over the batch of the squared errors of matched predictions (paper, action
    spotting loss).

    For a slot with a spot: lambda_coord (time)² + (1 - confidence)² + |class|²; for an empty one:
    lambda_noobj confidence².

    Args:
        spots: predictions [B, N, 2 + C]: confidence, time in the chunk, class distribution.
        targets: [B, N, 2 + C]: 1 and time and one-hot class of each spot, or zeros.
        published: match as the original, see `match_predictions`.
    """
    order = match_predictions(targets, spots.detach(), published)
    matched = _in_order(spots, order)  # [B, N, 2 + C]
    there = targets[..., 0]
    error = (targets - matched).square()
    full = lambda_coord * error[..., 1] + error[..., 0] + error[..., 2:].sum(dim=2)
    empty = lambda_noobj * matched[..., 0].square()
    return (there * full + (1 - there) * empty).sum()


def _in_order(spots: Tensor, order: Tensor) -> Tensor:
    """Predictions [B, N, 2 + C] as the slots want them, by number [B, N]."""
    if spots.is_cpu:
        return spots.gather(1, order.unsqueeze(2).expand_as(spots))
    # As a product: gradients of gathering are added in any order, other bits each time.
    with torch.autocast(spots.device.type, enabled=False):
        number = torch.arange(spots.shape[1], device=spots.device)
        return (order[..., None] == number).to(spots.dtype) @ spots


@torch.no_grad()
def match_predictions(targets: Tensor, spots: Tensor, published: bool = False) -> Tensor:
    """Number of the prediction that each slot is compared with: a permutation, [B, N].

    In rounds, as published: every slot with a spot that has none yet asks for the free prediction
    nearest in time; every prediction that is asked takes the slot nearest to it. This is not the
    greedy order over all pairs: who is refused waits for the next round. The predictions left over
    go to the empty slots, whose time is 0, by their distance from it. Of equal distances the lowest
    number wins.

    Args:
        targets, spots: [B, N, 2 + C], see `spotting_loss`.
        published: give empty slots prediction 0, though it is taken, in place of predictions at
            time 1 exactly, which the original does not tell from taken ones.
    """
    B, N, _ = targets.shape
    similarity = 1 - (targets[:, :, None, 1] - spots[:, None, :, 1]).abs()  # [B, slot, prediction]
    waiting = targets[..., 0] > 0  # [B, slot]
    empty = ~waiting
    free = torch.ones_like(waiting)  # [B, prediction]
    order = torch.zeros(B, N, dtype=torch.long, device=targets.device)
    prediction = torch.arange(N, device=targets.device)
    for _ in range(N):
        if waiting.is_cpu and not waiting.any():  # elsewhere to look costs more than to go on
            break
        asked = similarity.masked_fill(~free[:, None, :], -torch.inf).argmax(dim=2)  # [B, slot]
        asks = waiting[:, :, None] & (asked[:, :, None] == prediction)  # [B, slot, prediction]
        taken = similarity.masked_fill(~asks, -torch.inf).argmax(dim=1)  # [B, prediction]
        accepted = asks & (taken[:, None, :] == prediction[:, None])
        order = torch.where(accepted.any(dim=2), asked, order)
        waiting &= ~accepted.any(dim=2)
        free &= ~accepted.any(dim=1)
    # Every empty slot asks alike, so that the k-th of them gets the k-th best that is left.
    from_start = (1 - spots[..., 1].abs()).masked_fill(~free, -torch.inf)
    value, left = from_start.sort(dim=1, descending=True, stable=True)  # free ones first
    if published:
        left = left.where(value > 0, 0)
    number = (empty.cumsum(dim=1) - 1).clamp(min=0)
    return torch.where(empty, left.gather(1, number), order)
