"""CALF's network with a second branch that sees the players of each frame as a graph."""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from CALF_Calibration_GCN.graph_batch import FrameGraphs, GraphBatch
from CALF_Calibration_GCN.graph_networks import PlainNetwork, ResidualNetwork
from common.calf.chunk_shape import ChunkShape
from common.calf.pyramid import CHANNELS, FeatureBranch
from common.calf.spotting_head import SpottingHead, check_chunks
from common.calibration.branches import UNITS, branch_width, drop_one
from common.calibration.picture_branch import PictureBranch
from common.calibration.published_names import flat_name
from common.training.published_names import keep_published_names

_BLOCK_FRAMES = 512  # that a CPU computes at a time, so that they stay in its cache


class GraphBranch(nn.Module):
    """A graph network over the players, then the largest over the players of each frame.

    Frames do not know of each other, so they go through in blocks of about equally many players.
    In training only the results are kept, and the backward pass computes each block again.

    Args:
        network: gives 76 · width numbers per node, see `graph_network`.
    """

    def __init__(self, network: ResidualNetwork | PlainNetwork) -> None:
        super().__init__()
        self.network = network

    def reduce(self, nodes: Tensor, counts: Tensor, edges: Tensor, edge_counts: Tensor) -> Tensor:
        """Graphs of frames […], in order, to what each frame is: […, 76 · width].

        Args:
            nodes: of all frames, [K, D].
            counts: nodes of each frame, […].
            edges: numbered inside their frame, [2, E].
            edge_counts: edges of each frame, […].
        """
        nodes = nodes.to(next(self.parameters()).dtype)  # built in single precision, whatever ours
        order = torch.argsort(counts.flatten(), stable=True)
        graphs = FrameGraphs(nodes, counts.flatten(), edges, edge_counts.flatten()).take(order)
        parts = []
        for block in graphs.split(_BLOCK_FRAMES if nodes.device.type == "cpu" else len(order)):
            if torch.is_grad_enabled():
                parts.append(checkpoint(self._largest, block, use_reentrant=False))
            else:
                parts.append(self._largest(block))
        found = torch.cat(parts)
        return torch.empty_like(found).index_copy(0, order, found).unflatten(0, counts.shape)

    def _largest(self, block: FrameGraphs) -> Tensor:
        """What each frame of a block is: the largest over its nodes."""
        graphs = GraphBatch.build(block)
        return graphs.most(self.network(graphs))

    def forward(self, frames: Tensor) -> Tensor:
        """Nothing more: it does not look around in time."""
        return frames


class PlayerGraphModel(nn.Module):
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
        player_branch: GraphBranch | PictureBranch | None = None,
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
        keep_published_names(self, flat_name)

    def forward(self, features: Tensor, *players: Tensor) -> tuple[Tensor, Tensor]:
        """Segmentation [B, T, C] and spots [B, N, 2 + C] of chunks: see `SpottingHead`.

        Args:
            features: [B, T, D]
            players: if it has the branch, the four tensors of `GraphBranch.reduce`, counts as
                [B, T], or top views [B, T, H, W, 3].
        """
        check_chunks(features, self.shape.frames, self.features)
        parts = self.reduce(features, *players)
        return self.forward_reduced(*(part.transpose(0, 1) for part in parts))

    def reduce(self, features: Tensor, *players: Tensor) -> list[Tensor]:
        """What each branch computes of a frame by itself, once however many chunks hold it."""
        parts = []
        if self.feature_branch is not None:
            parts.append(self.feature_branch.reduce(features))
        if self.player_branch is not None:
            if not players:
                raise ValueError("expected graphs, or top views, beside the features")
            parts.append(self.player_branch.reduce(*players))
        return parts

    def forward_reduced(self, *parts: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`, of chunks whose frames went through `reduce`: [T, B, …] each."""
        branches = [b for b in (self.feature_branch, self.player_branch) if b is not None]
        maps = [branch(part) for branch, part in zip(branches, parts, strict=True)]
        if self.training:
            maps = drop_one(maps, self.dropout)
        return self.head(torch.cat(maps, dim=2))  # [T, B, 152 · multiplier]
