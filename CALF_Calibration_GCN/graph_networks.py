"""Graph networks over the players of a frame, under the names of the published checkpoints.

All take the nodes of a `GraphBatch` and return what each node has become, [n, m, E]; the frame is
the largest of its nodes. Sums over neighbours are dense products, equal to the sums over edges of
the papers to rounding.
"""

import re
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from CALF_Calibration_GCN.flags import NETWORKS
from CALF_Calibration_GCN.graph_batch import GraphBatch
from CALF_Calibration_GCN.softmax_aggregation import softmax_sum
from common.errors import UserError

_HIDDEN = 64
_MESSAGE_EPS = 1e-7
_NEAREST = 3  # nodes, itself among them


class SoftmaxAggregation(nn.Module):
    """GENConv: neighbours weighed by the softmax of their own messages, per feature."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.t = nn.Parameter(torch.ones(1))  # inverse temperature
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width),
            nn.LayerNorm(2 * width),
            nn.ReLU(inplace=True),
            nn.Dropout(0.0),
            nn.Linear(2 * width, width),
        )

    def forward(self, hidden: Tensor, graphs: GraphBatch) -> Tensor:
        """[n, m, E] -> [n, m, E]"""
        message = F.relu(hidden).to(graphs.nodes.dtype) + _MESSAGE_EPS
        mean = softmax_sum(message, self.t, graphs.neighbours, graphs.alone)
        return self.mlp(hidden + mean)


class ResidualLayer(nn.Module):
    """A graph convolution and the normalisation that goes with it."""

    conv: SoftmaxAggregation
    norm: nn.LayerNorm

    def __init__(self) -> None:
        super().__init__()
        self.conv = SoftmaxAggregation(_HIDDEN)
        self.norm = nn.LayerNorm(_HIDDEN)


class ResidualNetwork(nn.Module):
    """resGCN: layers of `SoftmaxAggregation` with residual connections (DeeperGCN)."""

    def __init__(self, features: int, width: int, layers: int) -> None:
        super().__init__()
        self.node_encoder = nn.Linear(features, _HIDDEN)
        # Part of every checkpoint, and never used: edges have no features.
        self.edge_encoder = nn.Linear(features, _HIDDEN).requires_grad_(False)
        self.layers = nn.ModuleList(ResidualLayer() for _ in range(layers))
        self.lin = nn.Linear(_HIDDEN, width)

    def forward(self, graphs: GraphBatch) -> Tensor:
        """[n, m, width]"""
        first, *others = (layer for layer in self.layers if isinstance(layer, ResidualLayer))
        hidden = first.conv(self.node_encoder(graphs.nodes), graphs)
        for layer in others:
            hidden = hidden + F.relu(layer.norm(layer.conv(hidden, graphs)), inplace=True)
        hidden = F.relu(first.norm(hidden))
        return self.lin(F.dropout(hidden, 0.1, self.training))


class GraphConvolution(nn.Module):
    """GCN (Kipf and Welling): neighbours and the node itself, weighed by their degrees."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(inside, outside)))
        self.bias = nn.Parameter(torch.zeros(outside))

    def forward(self, hidden: Tensor, graphs: GraphBatch) -> Tensor:
        """[n, m, E] -> [n, m, E']"""
        root = torch.rsqrt(1 + graphs.neighbours.sum(dim=2, keepdim=True))  # [n, m, 1]
        scaled = (hidden @ self.weight) * root
        return (torch.bmm(graphs.neighbours, scaled) + scaled) * root + self.bias


class EdgeConvolution(nn.Module):
    """EdgeConv: the largest, over neighbours j, of a linear layer of [x_i, x_j - x_i]."""

    def __init__(self, inside: int, outside: int, dynamic: bool) -> None:
        super().__init__()
        self.nn = nn.Sequential(nn.Linear(2 * inside, outside))
        self.dynamic = dynamic

    def forward(self, hidden: Tensor, graphs: GraphBatch) -> Tensor:
        """[n, m, E] -> [n, m, E']; 0 for a node without neighbours"""
        layer = self.nn[0]
        assert isinstance(layer, nn.Linear)
        own, other = layer.weight.chunk(2, dim=1)
        # Linear([x_i, x_j - x_i]) is one part of i and one of j; only the second is compared.
        of_i = F.linear(hidden, own - other, layer.bias)
        of_j = F.linear(hidden, other)
        if self.dynamic:
            return of_i + _best_of_nearest(hidden, of_j, graphs.present)
        best = _best_of_neighbours(of_j, graphs.neighbours)
        return torch.where(torch.isinf(best), 0.0, of_i + best)


def _best_of_neighbours(values: Tensor, neighbours: Tensor) -> Tensor:
    """Largest value among each node's neighbours, -inf without any: [n, m, E]."""
    best = torch.full_like(values, -torch.inf)
    for j in range(values.shape[1]):  # instead of all pairs at once, which would fill gigabytes
        candidate = values[:, j : j + 1].expand_as(values)
        best = torch.where(neighbours[:, :, j : j + 1] > 0, torch.maximum(best, candidate), best)
    return best


def _best_of_nearest(features: Tensor, values: Tensor, present: Tensor) -> Tensor:
    """Largest value [n, m, E] among the three nodes of nearest features, itself included."""
    distance = torch.cdist(
        features, features, compute_mode="donot_use_mm_for_euclid_dist"
    ).detach()  # [n, m, m]
    distance = distance.masked_fill(~present[:, None], torch.inf)
    count = min(_NEAREST, features.shape[1])
    far, nearest = distance.topk(count, dim=2, largest=False)  # [n, m, count]
    n, m, E = values.shape
    index = nearest.reshape(n, m * count, 1).expand(-1, -1, E)
    candidates = values.gather(1, index).view(n, m, count, E)
    return candidates.masked_fill(torch.isinf(far)[..., None], -torch.inf).amax(dim=2)


class PlainNetwork(nn.Module):
    """Four graph convolutions, each followed by ReLU."""

    def __init__(self, features: int, widths: Sequence[int], kind: str) -> None:
        super().__init__()
        for number, (inside, outside) in enumerate(
            zip((features, *widths[:-1]), widths, strict=True), 1
        ):
            layer: nn.Module
            if kind == "GCN":
                layer = GraphConvolution(inside, outside)
            else:
                layer = EdgeConvolution(inside, outside, kind == "DynamicEdgeConvGCN")
            self.add_module(f"r_conv_{number}", layer)

    def forward(self, graphs: GraphBatch) -> Tensor:
        """[n, m, widths[-1]]"""
        hidden = graphs.nodes
        for layer in self.children():
            hidden = F.relu(layer(hidden, graphs))
        return hidden


def graph_network(name: str, features: int, width: int) -> ResidualNetwork | PlainNetwork:
    """The network that --backbone_player names; it gives 76 · width numbers per node.

    Raises UserError for a name that none has.
    """
    if match := re.fullmatch(r"resGCN-([1-9][0-9]{0,2})", name):
        return ResidualNetwork(features, 76 * width, int(match[1]))
    if name in ("GCN", "EdgeConvGCN", "DynamicEdgeConvGCN"):
        widths = (8 * width, 16 * width, 32 * width, 76 * width)
        return PlainNetwork(features, widths, name)
    raise UserError(f"--backbone_player must be 3DConv, {NETWORKS}; found {name!r}")
