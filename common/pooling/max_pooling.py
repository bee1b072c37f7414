"""The largest value of each feature, over clips and slid along a half, with a classifier."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from common.data.windows import window_max
from common.training.lanes import in_lanes

_WINDOWS_PER_BLOCK = 256  # whose rows fit a processor's cache


class MaxPool(nn.Module):
    """Pools frames into one vector of E features, times a classifier weight [C, 1, E]."""

    size = 1  # vectors that it makes of a window

    def pooled(self, frames: Tensor) -> Tensor:
        """The pooled vectors of clips: [B, T, E] -> [B, E]."""
        return frames.amax(dim=1)

    def forward(self, frames: Tensor, weight: Tensor, dropout: float = 0.0) -> Tensor:
        """Logits of clips: [B, T, E], [C, 1, E] -> [B, C]."""
        return F.linear(F.dropout(self.pooled(frames), dropout), weight[:, 0])

    def slide(self, frames: Tensor, weight: Tensor, length: int) -> Tensor:
        """Logits of all windows of `length` rows: [T, E], [C, 1, E] -> [T - length + 1, C].

        Equals `forward` on each window, none of which is built.
        """
        logits = frames.new_empty(len(frames) - length + 1, len(weight))

        def pool(lane: int, starts: Sequence[int]) -> None:
            for start in starts:
                rows = frames[start : start + _WINDOWS_PER_BLOCK + length - 1]
                block = F.linear(window_max(rows, length), weight[:, 0])
                logits[start : start + len(block)] = block

        in_lanes(pool, range(0, len(logits), _WINDOWS_PER_BLOCK), frames.device)
        return logits
