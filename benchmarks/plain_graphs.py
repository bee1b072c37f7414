"""CALF with player graphs written plainly, as the original works: see `calf_calibration_gcn.py`.

Graphs are built pair by pair, copied one by one, and go through the network edge by edge.
"""

import copy
import random
from dataclasses import dataclass

import numpy as np
import plain_calf
import plain_calibration
import torch
from plain_calf import N, R, T
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass
class Graph:
    """Nodes [K, 8] and edges [2, E] of one frame."""

    x: Tensor
    edge_index: Tensor


def build(frames: list, cameras: list, count: int, distance: float = 25) -> list[Graph]:
    """A graph per frame, from what `plain_calibration.read_half` returns."""
    graphs = []
    for i in range(count):
        homography, confidence = cameras[i]
        if i >= len(frames) or confidence < 0.75 or not frames[i]:
            graphs.append(Graph(torch.zeros(1, 8), torch.zeros(2, 0, dtype=torch.long)))
            continue
        inverse = np.linalg.inv(homography / homography[2, 2])
        nodes, places, sources, targets = [], [], [], []
        for k, (box, colour) in enumerate(frames[i]):
            x, y, w = inverse @ np.array([int((box[0] + box[2]) / 2), box[3], 1.0])
            place = np.array([x / w, y / w])
            area = (box[2] - box[0]) * (box[3] - box[1]) / 10000
            nodes.append([*(colour / 127 - 1), area, *(place / 50), 0.0, 0.0])
            for j, other in enumerate(places):
                if np.linalg.norm(place - other) < distance:
                    sources += [k, j]
                    targets += [j, k]
            places.append(place)
        edges = torch.tensor([sources, targets], dtype=torch.long).view(2, -1)
        graphs.append(Graph(torch.tensor(np.array(nodes), dtype=torch.float32), edges))
    return graphs


def collate(graphs: list[Graph]) -> tuple[Tensor, Tensor, Tensor]:
    """Nodes, edges and frame of each node, of many graphs."""
    nodes, edges, frame, offset = [], [], [], 0
    for number, graph in enumerate(graphs):
        nodes.append(graph.x)
        edges.append(graph.edge_index + offset)
        frame.append(torch.full((len(graph.x),), number))
        offset += len(graph.x)
    return torch.cat(nodes), torch.cat(edges, 1), torch.cat(frame)


class Chunks(plain_calf.Chunks):
    """Chunks with copies of their graphs."""

    def __init__(self, features: list, shifts: list, graphs: list[list[Graph]], length: int):
        super().__init__(features, shifts, length)
        self.graphs = graphs

    def __getitem__(self, index: int) -> tuple:
        half, frame = random.choice(self.anchors[random.randint(0, len(self.anchors) - 1)])
        start = max(0, frame + np.random.randint(R - T, -R))
        start = min(start, len(self.features[half]) - T - 1)
        labels = self.shifts[half][start : start + T].copy()
        labels[: R // 2], labels[-R // 2 :] = -1, -1
        targets = np.zeros((N, 2 + labels.shape[1]))
        for slot, (j, c) in enumerate(zip(*np.where(labels == 0), strict=True)):
            if slot < N:
                targets[slot, 0], targets[slot, 1], targets[slot, 2 + c] = 1, j / T, 1
        seen = copy.deepcopy(self.graphs[half][start : start + T])
        return self.features[half][start : start + T], labels, targets, seen


def stack(items: list[tuple]) -> tuple:
    """A batch of chunks."""
    feats, labels, targets = (
        torch.from_numpy(np.stack([item[i] for item in items])) for i in range(3)
    )
    return feats, labels, targets, collate([graph for item in items for graph in item[3]])


class GenConv(nn.Module):
    """Softmax aggregation, a gather per edge and layer."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.t = nn.Parameter(torch.ones(1))
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.LayerNorm(2 * width), nn.ReLU(),
            nn.Linear(2 * width, width),
        )  # fmt: skip

    def forward(self, h: Tensor, edges: Tensor) -> Tensor:
        """[K, 64] -> [K, 64]"""
        source, target = edges
        message = F.relu(h[source]) + 1e-7  # [E, 64]
        strength = self.t * message
        index = target[:, None].expand_as(strength)
        most = torch.zeros_like(h).scatter_reduce(
            0, index, strength.detach(), "amax", include_self=False
        )
        weight = torch.exp(strength - most[target])
        total = torch.zeros_like(h).index_add(0, target, weight)
        summed = torch.zeros_like(h).index_add(
            0, target, message * weight / (total[target] + 1e-12)
        )
        return self.mlp(h + summed)


class Network(plain_calibration.Network):
    """Features of width 2 beside resGCN-14."""

    def __init__(self, features: int, classes: int, layers: int = 14) -> None:
        super().__init__(features, classes, players=True)
        del self.r_conv_1, self.r_conv_2, self.r_pyramid
        self.players = False
        self.node_encoder = nn.Linear(8, 64)
        self.convs = nn.ModuleList(GenConv() for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(64) for _ in range(layers))
        self.lin = nn.Linear(64, 152)

    def forward(self, x: Tensor, graphs: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Segmentation and spots."""
        nodes, edges, frame = graphs
        h = self.convs[0](self.node_encoder(nodes), edges)
        for conv, norm in zip(self.convs[1:], self.norms[1:], strict=True):
            h = h + F.relu(norm(conv(h, edges)))
        h = self.lin(F.dropout(F.relu(self.norms[0](h)), 0.1, self.training))
        B = len(x)
        seen = h.new_full((B * T, 152), -torch.inf)
        seen = seen.scatter_reduce(0, frame[:, None].expand_as(h), h, "amax")
        players = seen.view(B, T, 152).permute(0, 2, 1)[..., None]
        return self.head(torch.cat([self.branches(x, x), players], 1))
