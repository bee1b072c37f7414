"""CALF's network with a second branch that sees the players of each frame as a graph."""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from CALF_Calibration_GCN.graph_batch import FrameGraphs, GraphBatch
from CALF_Calibration_GCN.graph_networks import graph_network
from common.calibration.picture_branch import PictureBranch
from common.calibration.two_branches import TwoBranchModel

__all__ = ["GraphBranch", "PictureBranch", "TwoBranchModel"]

_BLOCK_FRAMES = 512  # that a CPU computes at a time, so that they stay in its cache


class GraphBranch:
    """A graph network over the players, then the largest over the players of each frame.

    Frames do not know of each other, so they go through in blocks of about equally many players.
    In training only the results are kept, and the backward pass computes each block again.

    Args:
        width: 2 in the published configuration.
        name: of the network, see `graph_network`.
        features: D, size of a node's features.
    """

    def __init__(self, width: int, receptive_frames: int, name: str, features: int) -> None:
        self.network = graph_network(name, features, width)
        self.layers: dict[str, nn.Module] = dict(self.network.named_children())

    def reduce(self, *players: Tensor, training: bool) -> Tensor:
        """Graphs of frames […], in order, to what each frame is: […, 76 · width].

        Args:
            players: nodes [K, D], nodes of each frame […], edges [2, E] numbered inside their
                frame, edges of each frame […].
        """
        nodes, counts, edges, edge_counts = players
        self.network.train(training)
        order = torch.argsort(counts.flatten(), stable=True)
        graphs = FrameGraphs(nodes, counts.flatten(), edges, edge_counts.flatten()).take(order)
        seen = []
        for block in graphs.split(_BLOCK_FRAMES if nodes.device.type == "cpu" else len(order)):
            if torch.is_grad_enabled():
                seen.append(checkpoint(self._see, block, use_reentrant=False))
            else:
                seen.append(self._see(block))
        found = torch.cat(seen)
        return torch.empty_like(found).index_copy(0, order, found).unflatten(0, counts.shape)

    def _see(self, block: FrameGraphs) -> Tensor:
        graphs = GraphBatch.build(block)
        return graphs.most(self.network(graphs))

    def look_around(self, frames: Tensor) -> Tensor:
        """Nothing more: the graph branch does not look around in time."""
        return frames
