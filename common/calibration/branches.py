"""What networks with two branches do with them."""

import torch
from torch import Tensor

from common.errors import UserError

UNITS = 2  # of width, that two branches of width 1 have together


def branch_width(multiplier: int, *, features: bool, players: bool) -> int:
    """Width of each branch: one alone is twice as wide as each of two.

    Args:
        multiplier: by which all branches are wider than CALF's.
        features, players: which branches there are.

    Raises:
        UserError: there is none.
    """
    if not features and not players:
        raise UserError(
            "the network needs a branch: give --backbone_feature 2DConv, --backbone_player, or both"
        )
    return multiplier if features and players else UNITS * multiplier


def drop_one(maps: list[Tensor], probability: float) -> list[Tensor]:
    """Now and then one of two branches, for a whole batch; a training step then goes without it."""
    if probability and len(maps) == 2:
        if not maps[0].is_cpu:  # where to look at a number is to wait for it
            number = torch.rand((), device=maps[0].device)
            first = number >= probability / 2  # kept; the second is unless it is in between
            return [maps[0] * first, maps[1] * ((number >= probability) | ~first)]
        drawn = float(torch.rand(()))
        if drawn < probability / 2:
            return [maps[0] * 0, maps[1]]
        if drawn < probability:
            return [maps[0], maps[1] * 0]
    return maps
