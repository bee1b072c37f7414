"""CALF's network with a second branch about the players, whatever form they come in."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from common.calf.chunk_shape import ChunkShape
from common.calf.pyramid import look_around, pyramid_layers, reduce_frames
from common.calf.spotting_model import SpottingModel
from common.errors import UserError

BRANCH_WIDTH = 76  # channels of a branch per unit of width


class PlayerBranch(Protocol):
    """How a network sees the players. Its layers are registered in the network by their names."""

    layers: dict[str, nn.Module]  # published name -> layer, in the published order

    def reduce(self, *players: Tensor, training: bool) -> Tensor:
        """What is computed of each frame by itself: […, E]."""
        ...

    def look_around(self, frames: Tensor) -> Tensor:
        """What is computed of frames among others: [T, B, …] -> [T, B, 76 · width]."""
        ...


# Builds a branch of a width, for a receptive field in frames.
BuildBranch = Callable[[int, int], PlayerBranch]


class TwoBranchModel(SpottingModel):
    """Features and players side by side, then capsules and spots (paper, section 4).

    Each branch gives 76 channels times its width; together they have 152 times the multiplier.

    Args:
        features: D, size of the frame features.
        classes: C.
        shape: sizes of a chunk.
        capsule: P, size of a capsule.
        multiplier: m, by which all branches are wider than CALF's.
        feature_branch: whether the features are looked at.
        player_branch: how the players are; None: not at all.
        dropout: probability that a training step goes without one of the two branches.
    """

    def __init__(
        self,
        features: int,
        classes: int,
        shape: ChunkShape,
        capsule: int = 16,
        multiplier: int = 1,
        feature_branch: bool = True,
        player_branch: BuildBranch | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(features, classes, shape, capsule)
        if not feature_branch and player_branch is None:
            raise UserError(
                "the network needs a branch: give --backbone_feature 2DConv, --backbone_player, or "
                "both"
            )
        both = feature_branch and player_branch is not None
        self.feature_branch = feature_branch
        self.dropout = dropout if both else 0.0
        self.width = multiplier if both else 2 * multiplier
        R = shape.receptive_frames
        self.players = player_branch(self.width, R) if player_branch is not None else None
        layers: dict[str, nn.Module] = {}
        if feature_branch:
            layers |= pyramid_layers(features, self.width, R)
        if self.players is not None:
            layers |= self.players.layers
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.add_head(2 * BRANCH_WIDTH * multiplier)

    def _convolutions(self, name: str, *numbers: int) -> list[nn.Conv2d]:
        return [getattr(self, f"{name}_{number}") for number in numbers]

    def reduce(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Features […, D], and what the player branch takes, each frame by itself."""
        features, *players = inputs
        parts = []
        if self.feature_branch:
            parts.append(reduce_frames(features, self._convolutions("conv", 1, 2)))
        if self.players is not None:
            parts.append(self.players.reduce(*players, training=self.training))
        return tuple(parts)

    def branches(self, *parts: Tensor) -> Tensor:
        """[T, B, …] -> [T, B, 152 · multiplier]"""
        maps = []
        if self.feature_branch:
            maps.append(look_around(parts[0], self._convolutions("conv_p", 1, 2, 3, 4)))
        if self.players is not None:
            maps.append(self.players.look_around(parts[-1]))
        return torch.cat(self.drop_one(maps), dim=2)

    def drop_one(self, maps: list[Tensor]) -> list[Tensor]:
        """Now and then one of two branches, for the whole batch, in training only."""
        if self.training and self.dropout:
            drawn = float(torch.rand(()))
            if drawn < self.dropout / 2:
                return [maps[0] * 0, maps[1]]
            if drawn < self.dropout:
                return [maps[0], maps[1] * 0]
        return maps
