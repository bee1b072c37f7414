"""CALF's network with a second branch that sees the top view of each frame, or a vector of it."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from common.calf.chunk_shape import ChunkShape
from common.calf.pyramid import CHANNELS, FeatureBranch
from common.calf.spotting_head import SpottingHead, check_chunks
from common.calibration.branches import UNITS, branch_width, drop_one
from common.calibration.picture_branch import PictureBranch
from common.calibration.published_names import flat_name, flat_name_of_twins
from common.training.published_names import keep_published_names


class DenseBranch(nn.Module):
    """One layer over a vector per frame, that a frozen network made of the top view.

    Args:
        width: 2 in the published configuration.
        vectors: size of a vector, 512 or 1792.
    """

    def __init__(self, width: int, vectors: int) -> None:
        super().__init__()
        self.dense_1 = nn.Conv2d(1, CHANNELS * width, (1, vectors))

    def reduce(self, vectors: Tensor) -> Tensor:
        """[…, E] -> […, 76 · width]"""
        vectors = vectors.to(self.dense_1.weight.dtype)  # read in single precision, whatever ours
        return F.relu(F.linear(vectors, self.dense_1.weight.flatten(1), self.dense_1.bias))

    def forward(self, frames: Tensor) -> Tensor:
        """Nothing more: it does not look around in time."""
        return frames


PlayerBranch = PictureBranch | DenseBranch | FeatureBranch


class TopViewModel(nn.Module):
    """Features and players side by side, then capsules and spots (paper, section 4).

    Each branch gives 76 channels times its width; together they have 152 times the multiplier.

    Args:
        features: D, size of the frame features.
        classes: C.
        shape: sizes of a chunk.
        capsule: P, size of a capsule.
        multiplier: m, by which all branches are wider than CALF's.
        feature_branch: whether the features are looked at.
        player_branch: how the players are, of `branch_width`; None: not at all.
        dropout: probability that a training step goes without one of the two branches.
    """

    def __init__(
        self,
        features: int,
        classes: int,
        shape: ChunkShape,
        *,
        capsule: int = 16,
        multiplier: int = 1,
        feature_branch: bool = True,
        player_branch: PlayerBranch | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.features, self.classes, self.shape, self.dropout = features, classes, shape, dropout
        both = {"features": feature_branch, "players": player_branch is not None}
        width = branch_width(multiplier, **both)
        self.feature_branch = None
        if feature_branch:
            self.feature_branch = FeatureBranch(features, width, shape.receptive_frames)
        self.player_branch = player_branch
        self.head = SpottingHead(UNITS * CHANNELS * multiplier, classes, shape, capsule)
        twins = isinstance(player_branch, FeatureBranch)
        keep_published_names(self, flat_name_of_twins if twins else flat_name)

    def forward(self, features: Tensor, players: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Segmentation [B, T, C] and spots [B, N, 2 + C] of chunks: see `SpottingHead`.

        Args:
            features: [B, T, D]
            players: top views [B, T, H, W, 3] or vectors of them [B, T, E], if it has the branch.
        """
        check_chunks(features, self.shape.frames, self.features)
        parts = self.reduce(features, players)
        return self.forward_reduced(*(part.transpose(0, 1) for part in parts))

    def reduce(self, features: Tensor, players: Tensor | None = None) -> list[Tensor]:
        """What each branch computes of a frame by itself, once however many chunks hold it."""
        parts = []
        if self.feature_branch is not None:
            parts.append(self.feature_branch.reduce(features))
        if self.player_branch is not None:
            if players is None:
                raise ValueError("expected top views, or vectors of them, beside the features")
            parts.append(self.player_branch.reduce(players))
        return parts

    def forward_reduced(self, *parts: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`, of chunks whose frames went through `reduce`: [T, B, …] each."""
        branches = [b for b in (self.feature_branch, self.player_branch) if b is not None]
        maps = [branch(part) for branch, part in zip(branches, parts, strict=True)]
        if self.training:
            maps = drop_one(maps, self.dropout)
        return self.head(torch.cat(maps, dim=2))  # [T, B, 152 · multiplier]
