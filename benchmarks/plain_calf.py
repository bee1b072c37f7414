"""CALF written plainly, as the original works: what `calf.py` measures ours against.

Labels are encoded frame by frame, chunks wait in memory and are drawn one by one, the network is a
chain of two-dimensional convolutions, and spots are decoded and suppressed one by one.
"""

import math
import random

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

T, R, N, P = 240, 80, 15, 16


def encode(spots: list[list[int]], frames: int, k: np.ndarray) -> np.ndarray:
    """Shifts [T, C] of one half, from the frames of each class."""
    shifts = np.empty((frames, len(spots)))
    for c, events in enumerate(spots):
        K1, K2, K3, K4 = k[:, c]
        if not events:
            shifts[:, c] = K1
        elif len(events) == 1:
            shifts[:, c] = np.arange(frames) - events[0]
        else:
            padded = [-K4, *events, frames - K1]
            place = 0
            for j in range(frames):
                if place + 1 < len(padded) and padded[place + 1] <= j:
                    place += 1
                since, until = j - padded[place], j - padded[place + 1]
                if since < K3:
                    shifts[j, c] = since
                elif since >= K4:
                    shifts[j, c] = until
                elif until <= K1 or (since - K3) / (K4 - K3) < (K2 - until) / (K2 - K1):
                    shifts[j, c] = since
                else:
                    shifts[j, c] = until
    return shifts


class Chunks(torch.utils.data.Dataset):
    """Chunks drawn one by one from halves in memory; the index is ignored."""

    def __init__(self, features: list[np.ndarray], shifts: list[np.ndarray], length: int) -> None:
        self.features, self.shifts, self.length = features, shifts, length
        self.anchors = [
            [(h, j) for h, shift in enumerate(shifts) for j in np.flatnonzero(shift[:, c] == 0)]
            for c in range(shifts[0].shape[1])
        ]

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        half, frame = random.choice(self.anchors[random.randint(0, len(self.anchors) - 1)])
        start = max(0, frame + np.random.randint(R - T, -R))
        frames = len(self.features[half])
        if start + T >= frames:
            start = frames - T - 1
        labels = self.shifts[half][start : start + T].copy()
        labels[: R // 2] = -1
        labels[-R // 2 :] = -1
        targets = np.zeros((N, 2 + labels.shape[1]))
        slot = 0
        for j, c in zip(*np.where(labels == 0), strict=True):
            if slot < N:
                targets[slot, 0], targets[slot, 1], targets[slot, 2 + c] = 1, j / T, 1
                slot += 1
        return self.features[half][start : start + T], labels, targets


class Network(nn.Module):
    """The network, layer by layer."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.conv_1 = nn.Conv2d(1, 128, (1, features))
        self.conv_2 = nn.Conv2d(128, 32, (1, 1))
        taps = [math.ceil(R / part) for part in (7, 3, 2, 1)]
        self.pads = [((k - 1) // 2, k - 1 - (k - 1) // 2) for k in taps]
        widths = (8, 16, 32, 64)
        self.pyramid = nn.ModuleList(
            nn.Conv2d(32, w, (k, 1)) for w, k in zip(widths, taps, strict=True)
        )
        self.conv_seg = nn.Conv2d(152, P * classes, (3, 1))
        self.batch_seg = nn.BatchNorm2d(T, momentum=0.01, eps=1e-3)
        self.conv_spot_1 = nn.Conv2d(classes * (P + 1), 32, (3, 1))
        self.conv_spot_2 = nn.Conv2d(32, 16, (3, 1))
        self.conv_conf = nn.Conv2d(464, 2 * N, 1)
        self.conv_class = nn.Conv2d(464, N * classes, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 1, T, D] -> [B, T, C], [B, N, 2 + C]"""
        a = F.relu(self.conv_2(F.relu(self.conv_1(x))))
        maps = [
            F.relu(conv(F.pad(a, (0, 0, *pad))))
            for conv, pad in zip(self.pyramid, self.pads, strict=True)
        ]
        return self.head(torch.cat([a, *maps], 1))

    def head(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """[B, W, T, 1] -> segmentation and spots"""
        B = len(maps)
        g = self.conv_seg(F.pad(maps, (0, 0, 1, 1)))
        capsules = g.permute(0, 2, 3, 1).reshape(B, T, P, self.classes)
        active = torch.sigmoid(self.batch_seg(capsules))
        segmentation = torch.sqrt(torch.sum(torch.square(active - 0.5) * 4 / P, 2))
        mask = (1 - segmentation).permute(0, 2, 1).unsqueeze(3)
        u = F.max_pool2d(F.relu(torch.cat([g, mask], 1)), (3, 1), (2, 1))
        u = F.max_pool2d(F.relu(self.conv_spot_1(F.pad(u, (0, 0, 1, 1)))), (3, 1), (2, 1))
        u = F.max_pool2d(F.relu(self.conv_spot_2(F.pad(u, (0, 0, 1, 1)))), (3, 1), (2, 1))
        u = u.reshape(B, -1, 1, 1)
        conf = torch.sigmoid(self.conv_conf(u).view(B, N, 2))
        named = torch.softmax(self.conv_class(u).view(B, N, self.classes), 2)
        return segmentation, torch.cat([conf, named], 2)


def segmentation_loss(s: Tensor, y: Tensor, k: Tensor) -> Tensor:
    """Six terms everywhere, each times its mask."""
    K1, K2, K3, K4 = k
    p = 1 - s
    near, far = math.log(0.9), math.log(0.9)

    def term(q: Tensor, margin: float, mask: Tensor) -> Tensor:
        return torch.clamp(-torch.log(q) + margin, min=0) * mask.float()

    rising, falling = (y - K1) / (K2 - K1), (K4 - y) / (K4 - K3)
    total = term(p, far, y < K1)
    total = total + term(p + (1 - p) * rising, far, (y >= K1) & (y < K2))
    total = total + term(1 - p + p * y / K3, near, (y >= 0) & (y < K3))
    total = total + term(p + (1 - p) * falling, far, (y >= K3) & (y < K4))
    return (total + term(p, far, y >= K4)).sum()


def spotting_loss(targets: Tensor, spots: Tensor) -> Tensor:
    """All rounds of both phases, as many as there are slots."""
    alpha = targets[:, :, 0]
    similarity = 1 - (targets[:, :, None, 1] - spots[:, None, :, 1]).abs()
    chosen = torch.zeros_like(similarity)
    free = torch.ones_like(similarity)
    for rows in (alpha, 1 - alpha):
        for _ in range(N):
            waiting = rows * (1 - chosen.sum(2))
            masked = similarity * free * waiting[:, :, None]
            asks = F.one_hot(masked.argmax(2), N) * (masked > 0)
            taken = F.one_hot((masked * asks).argmax(1), N).transpose(1, 2) * asks
            chosen = chosen + taken
            free = free * (1 - taken.sum(1))[:, None, :]
    matched = torch.bmm(chosen, spots)
    error = (targets - matched).square()
    full = 5 * error[:, :, 1] + error[:, :, 0] + error[:, :, 2:].sum(2)
    return (alpha * full + (1 - alpha) * 0.5 * matched[:, :, 0].square()).sum()


@torch.inference_mode()
def spot_half(network: nn.Module, features: np.ndarray) -> np.ndarray:
    """Detections [n, C] of one half, -1 elsewhere."""
    n = len(features)
    starts = [*range(0, n - 1, T - R)]
    starts[-1] = n - T
    rows = np.stack([features[np.minimum(np.arange(s, s + T), n - 1)] for s in starts])
    spots = network(torch.from_numpy(rows)[:, None])[1].numpy()
    C = spots.shape[2] - 2
    cells = np.full((n, C), -1.0)
    for number, (start, chunk) in enumerate(zip(starts, spots, strict=True)):
        decoded = np.full((T, C), -1.0)
        for spot in chunk:
            decoded[int(np.floor(spot[1] * (T - 1))), int(spot[2:].argmax())] = spot[0]
        first = 0 if number == 0 else R // 2
        last = T if number == len(starts) - 1 else T - R // 2
        cells[start + first : start + last] = decoded[first:last][: n - start - first]
    kept = np.full_like(cells, -1.0)
    for c in range(C):
        column = cells[:, c].copy()
        while column.max() >= 0:
            m = int(column.argmax())
            kept[m, c] = column[m]
            column[max(m - 20, 0) : min(m + 20, n)] = -1
    return kept
