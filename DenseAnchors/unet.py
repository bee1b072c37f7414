"""A U-Net along time: chunks as rows of channels, convolutions as products of matrices.

Frames stay the last axis but one, [B, T, channels], so that a convolution of width 1 is one product
over all frames, one of width 3 the product with three neighbours side by side, and a transposed
one of stride 2 a product whose columns become two frames. No axis is ever turned.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEVELS = 6
_FIRST_CHANNELS = 64
_NARROW = 4  # the inside of a block has a quarter of its channels


def glorot_linear(inside: int, outside: int, width: int = 1, *, bias: bool = True) -> nn.Linear:
    """A layer over channels, drawn as a convolution of this width is (Glorot and Bengio, 2010)."""
    layer = nn.Linear(inside * width, outside, bias)
    bound = (6 / (width * (inside + outside))) ** 0.5
    nn.init.uniform_(layer.weight, -bound, bound)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


class ThreeFrames(nn.Module):
    """A convolution of width 3 over time, zeros beyond the ends: [B, T, c] -> [B, T, c']."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.layer = glorot_linear(inside, outside, 3)

    def forward(self, frames: Tensor) -> Tensor:
        """Columns of the weight: those of the frame before, of the frame, of the one behind."""
        padded = F.pad(frames, (0, 0, 1, 1))  # [B, T + 2, c]
        around = torch.cat([padded[:, :-2], frames, padded[:, 2:]], dim=2)  # [B, T, 3 c]
        return self.layer(around)


class TwoFrames(nn.Module):
    """A transposed convolution of width and stride 2: [B, T, c] -> [B, 2 T, c']."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.layer = glorot_linear(inside, 2 * outside, bias=False)
        self.bias = nn.Parameter(torch.zeros(outside))

    def forward(self, frames: Tensor) -> Tensor:
        """Rows of the weight: those of the first of the two frames, of the second."""
        both = self.layer(frames).unflatten(2, (2, -1))  # [B, T, 2, c']
        return both.flatten(1, 2) + self.bias


class Bottleneck(nn.Module):
    """A residual block with its activations first: [B, T, c] -> [B, T, c'].

    Args:
        dropout: rate at which its widest inner values are dropped while it is trained.
    """

    def __init__(self, inside: int, outside: int, dropout: float) -> None:
        super().__init__()
        narrow = outside // _NARROW
        self.narrow, self.across = glorot_linear(inside, narrow), ThreeFrames(narrow, narrow)
        self.wide = glorot_linear(narrow, outside)
        self.shortcut = glorot_linear(inside, outside) if inside != outside else nn.Identity()
        self.dropout = nn.Dropout(dropout)

    def forward(self, frames: Tensor) -> Tensor:
        """Adds to the frames what the block finds of them and their neighbours."""
        found = self.across(F.relu(self.narrow(F.relu(frames))))
        found = self.wide(self.dropout(F.relu(found)))
        shortcut: Tensor = self.shortcut(frames)
        return shortcut + found


class UNet(nn.Module):
    """Frames among what is near and far of them: [B, T, 64] -> [B, T, 64], T a multiple of 32.

    Six levels, each of half the frames and twice the channels of the one before.

    Args:
        most_channels: of a level; 2048 is the paper's.
        dropout: see `Bottleneck`.
    """

    def __init__(self, most_channels: int, dropout: float = 0.0) -> None:
        super().__init__()
        channels = level_channels(most_channels)
        before = (channels[0], *channels[:-1])
        self.down = nn.ModuleList(
            _two_blocks(each, own, dropout) for each, own in zip(before, channels, strict=True)
        )
        upwards = list(pairwise(channels))
        self.widen = nn.ModuleList(TwoFrames(below, own) for own, below in upwards)
        self.up = nn.ModuleList(_two_blocks(own, own, dropout) for own, _ in upwards)

    def forward(self, frames: Tensor) -> Tensor:
        """Down, halving time by the larger of two frames; up again, added to what was there."""
        skipped: list[Tensor] = []
        for level, blocks in enumerate(self.down):
            if level:
                frames = frames.unflatten(1, (-1, 2)).amax(dim=2)  # [B, T, c] -> [B, T / 2, c]
            frames = blocks(frames)
            skipped.append(frames)
        for level in reversed(range(LEVELS - 1)):
            frames = skipped[level] + self.widen[level](frames)  # [B, T, c] -> [B, 2 T, c']
            frames = self.up[level](frames)
        return F.relu(frames)


def level_channels(most: int) -> Sequence[int]:
    """Channels of the levels, held at most so high: 64, 128, …"""
    return [min(_FIRST_CHANNELS << level, most) for level in range(LEVELS)]


def _two_blocks(inside: int, outside: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        Bottleneck(inside, outside, dropout), Bottleneck(outside, outside, dropout)
    )
