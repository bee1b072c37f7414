"""What the pooling baselines have in common: a classifier of windows that also slides."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from common.data.windows import window_max
from common.pooling.lanes import in_lanes

DROPOUT = 0.4  # of the pooled vector
_WINDOWS_PER_BLOCK = 256  # whose rows fit a processor's cache


class PoolingLayer(Protocol):
    """Pools frames into `size` vectors of E features, times a classifier weight [C, size, E].

    Called on clips [B, T, E] it gives [B, C]; `slide` gives the same for all windows of a half,
    without building one: [T, E] -> [T - length + 1, C]. The two agree to rounding.
    """

    size: int

    def __call__(self, frames: Tensor, weight: Tensor, dropout: float = 0.0) -> Tensor:
        """Logits of clips."""

    def slide(self, frames: Tensor, weight: Tensor, length: int) -> Tensor:
        """Logits of all windows of `length` rows."""


class MaxPool(nn.Module):
    """Largest value of each feature."""

    size = 1

    def forward(self, frames: Tensor, weight: Tensor, dropout: float = 0.0) -> Tensor:
        """[B, T, E], [C, 1, E] -> [B, C]"""
        return F.linear(F.dropout(frames.amax(dim=1), dropout), weight[:, 0])

    def slide(self, frames: Tensor, weight: Tensor, length: int) -> Tensor:
        """[T, E], [C, 1, E] -> [T - length + 1, C]"""
        logits = frames.new_empty(len(frames) - length + 1, len(weight))

        def pool(lane: int, starts: Sequence[int]) -> None:
            for start in starts:
                rows = frames[start : start + _WINDOWS_PER_BLOCK + length - 1]
                block = F.linear(window_max(rows, length), weight[:, 0])
                logits[start : start + len(block)] = block

        in_lanes(pool, range(0, len(logits), _WINDOWS_PER_BLOCK), frames.device)
        return logits


class Part(NamedTuple):
    """A layer, its share of the classifier's weight, and the rows of the window it pools."""

    layer: PoolingLayer
    weight: Tensor  # [1 + C, n, E]
    first: int
    length: int


class WindowModel(nn.Module, ABC):
    """Classifies a window of frames: multi-label, with background as class 0.

    A subclass builds its layers and the classifier `fc`, and says in `parts` which rows of a
    window each layer pools.
    """

    features: int  # D
    window_frames: int  # L
    fc: nn.Linear

    @abstractmethod
    def parts(self) -> list[Part]:
        """The layers, in the order of the classifier's columns."""

    def reduce(self, frames: Tensor) -> Tensor:
        """A learned reduction of each frame, where there is one: […, D] -> […, E]."""
        return frames

    def forward(self, windows: Tensor) -> Tensor:
        """Logits of windows or clips: [B, L, D] -> [B, 1 + C]. Sigmoid makes them confidences."""
        frames = self.reduce(windows)  # [B, L, E]
        dropout = DROPOUT if self.training else 0.0
        logits = [
            part.layer(frames[:, part.first : part.first + part.length], part.weight, dropout)
            for part in self.parts()
        ]
        return sum(logits, self.fc.bias)

    def score_half(self, blocks: Iterable[Tensor]) -> Tensor:
        """Confidences of the windows around every frame of a half: [T, 1 + C].

        The window of frame i has rows i - ⌊L/2⌋ … i + ⌈L/2⌉ - 1, rows outside the half replaced by
        its first or last. Equals `forward` on all T windows, none of which is built.

        Args:
            blocks: the rows of the half in order, tensors [n, D].
        """
        frames = torch.cat([self.reduce(block) for block in blocks])  # [T, E]
        T, L = len(frames), self.window_frames
        rows = torch.arange(T + L - 1, device=frames.device) - L // 2
        padded = frames[rows.clamp(0, T - 1)]  # [T + L - 1, E]
        logits = [
            part.layer.slide(
                padded[part.first : part.first + T - 1 + part.length], part.weight, part.length
            ).float()
            for part in self.parts()
        ]
        return torch.sigmoid(sum(logits, self.fc.bias))
