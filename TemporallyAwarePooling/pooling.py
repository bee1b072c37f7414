"""The pooling layers of this baseline beside the maximum: average, NetVLAD and NetRVLAD."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from common.data.windows import window_sum
from common.pooling.vlad import pooled_vlad, sliding_vlad_logits, vlad_logits
from common.training.device import at_least_single


class AveragePool(nn.Module):
    """Mean of each feature."""

    size = 1  # vectors that it makes of a window

    def pooled(self, frames: Tensor) -> Tensor:
        """The pooled vectors of clips: [B, T, E] -> [B, E]."""
        return frames.mean(dim=1)

    def forward(self, frames: Tensor, weight: Tensor, dropout: float = 0.0) -> Tensor:
        """Logits of clips: [B, T, E], [C, 1, E] -> [B, C]."""
        return F.linear(F.dropout(self.pooled(frames), dropout), weight[:, 0])

    def slide(self, frames: Tensor, weight: Tensor, length: int) -> Tensor:
        """Logits of all windows of a half: [T, E], [C, 1, E] -> [T - length + 1, C]."""
        return window_sum(at_least_single(F.linear(frames, weight[:, 0])), length) / length


class NetVLAD(nn.Module):
    """Residuals of the frames to K centres, softly assigned: see `common.pooling.vlad`.

    Assignment weights (`clusters`) and centres (`clusters2`) are independent parameters, named as
    in the published checkpoints. NetRVLAD has no centres.

    Args:
        features: E.
        clusters: K.
        with_centres: False for NetRVLAD.
    """

    def __init__(self, features: int, clusters: int, *, with_centres: bool = True) -> None:
        super().__init__()
        self.size = clusters
        scale = features**-0.5
        self.clusters = nn.Parameter(scale * torch.randn(features, clusters))
        self.clusters2: nn.Parameter | None = None
        if with_centres:
            self.clusters2 = nn.Parameter(scale * torch.randn(1, features, clusters))

    def pooled(self, frames: Tensor) -> Tensor:
        """The pooled vectors of clips, cluster by cluster: [B, T, E] -> [B, K·E]."""
        return pooled_vlad(frames, self.clusters, self._centres())

    def forward(self, frames: Tensor, weight: Tensor, dropout: float = 0.0) -> Tensor:
        """Logits of clips: [B, T, E], [C, K, E] -> [B, C]."""
        return vlad_logits(frames, self.clusters, self._centres(), weight, dropout)

    def slide(self, frames: Tensor, weight: Tensor, length: int) -> Tensor:
        """Logits of all windows of a half: [T, E], [C, K, E] -> [T - length + 1, C]."""
        return sliding_vlad_logits(frames, self.clusters, self._centres(), weight, length)

    def _centres(self) -> Tensor | None:
        return None if self.clusters2 is None else self.clusters2[0].T  # [K, E]
