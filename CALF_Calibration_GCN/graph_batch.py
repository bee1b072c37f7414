"""The graphs of many frames as dense blocks, padded to the largest of them.

A frame has at most a few dozen nodes, so its neighbourhood is a small matrix, and sums over
neighbours are products with it. Nothing is gathered per edge.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class FrameGraphs:
    """Graphs of frames, one after the other.

    Attributes:
        nodes: features of all nodes, [K, D].
        counts: nodes of each frame, [F].
        edges: numbers inside their frame, from and to, [2, E].
        edge_counts: edges of each frame, [F].
    """

    nodes: Tensor
    counts: Tensor
    edges: Tensor
    edge_counts: Tensor

    def take(self, order: Tensor) -> "FrameGraphs":
        """The graphs of these frames [F'], in this order."""
        return FrameGraphs(
            self.nodes[_members(self.counts, order)],
            self.counts[order],
            self.edges[:, _members(self.edge_counts, order)],
            self.edge_counts[order],
        )

    def split(self, size: int) -> Iterator["FrameGraphs"]:
        """So many frames at a time."""
        counts, edge_counts = self.counts.split(size), self.edge_counts.split(size)
        nodes = self.nodes.split([int(part.sum()) for part in counts])
        edges = self.edges.split([int(part.sum()) for part in edge_counts], dim=1)
        for parts in zip(nodes, counts, edges, edge_counts, strict=True):
            yield FrameGraphs(*parts)


def _members(counts: Tensor, order: Tensor) -> Tensor:
    """Where the members of groups lie that follow each other, for the groups in this order."""
    begin = counts.cumsum(0) - counts
    taken = counts[order]
    shift = begin[order] - (taken.cumsum(0) - taken)
    return torch.repeat_interleave(shift, taken) + torch.arange(
        int(taken.sum()), device=counts.device
    )


@dataclass(frozen=True)
class GraphBatch:
    """Graphs of n frames, each padded to the m nodes of the largest.

    Attributes:
        nodes: [n, m, D], 0 where a frame has no such node.
        present: which nodes there are, [n, m].
        neighbours: 1 from each node (row) to its neighbours, [n, m, m].
        alone: 1 for nodes without neighbours, else 0, [n, m, 1].
    """

    nodes: Tensor
    present: Tensor
    neighbours: Tensor
    alone: Tensor

    @classmethod
    def build(cls, graphs: FrameGraphs) -> "GraphBatch":
        """Lays frames side by side; it is best if they have about equally many nodes."""
        nodes, counts = graphs.nodes, graphs.counts
        n, m, device = len(counts), int(counts.max()), nodes.device
        present = torch.arange(m, device=device) < counts[:, None]  # [n, m]
        padded = nodes.new_zeros(n, m, nodes.shape[1])
        padded[present] = nodes
        source, target = graphs.edges.long()
        frame = torch.repeat_interleave(torch.arange(n, device=device), graphs.edge_counts)
        neighbours = nodes.new_zeros(n * m * m)
        neighbours[(frame * m + target) * m + source] = 1.0
        neighbours = neighbours.view(n, m, m)
        alone = (neighbours.sum(dim=2, keepdim=True) == 0).to(nodes.dtype)
        return cls(padded, present, neighbours, alone)

    def most(self, values: Tensor) -> Tensor:
        """Largest value over the nodes of each frame: [n, m, E] -> [n, E]."""
        return values.masked_fill(~self.present[..., None], -torch.inf).amax(dim=1)
