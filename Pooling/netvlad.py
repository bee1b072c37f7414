"""NetVLAD in the layout of this baseline's checkpoints: cluster by cluster."""

import torch
from torch import Tensor, nn

from common.pooling.vlad import pooled_vlad, sliding_vlad_logits, vlad_logits


class NetVLAD(nn.Module):
    """Residuals of the frames to K centres, softly assigned: see `common.pooling.vlad`.

    The assignment is a 1 x 1 convolution in the checkpoints. Centres are drawn from [0, 1), the
    convolution as torch draws it, in this order.

    Args:
        features: E.
        clusters: K.
        with_bias: an assignment with a bias, which no published model has.
    """

    def __init__(self, features: int, clusters: int = 64, *, with_bias: bool = False) -> None:
        super().__init__()
        self.size = clusters
        convolution = nn.Conv2d(features, clusters, kernel_size=1, bias=with_bias)
        self.centroids = nn.Parameter(torch.rand(clusters, features))
        self.conv = convolution

    def pooled(self, frames: Tensor) -> Tensor:
        """The pooled vectors of clips, cluster by cluster: [B, T, E] -> [B, K·E]."""
        return pooled_vlad(frames, self._clusters(), self.centroids, self.conv.bias)

    def forward(self, frames: Tensor, weight: Tensor, dropout: float = 0.0) -> Tensor:
        """Logits of clips: [B, T, E], [C, K, E] -> [B, C]."""
        return vlad_logits(
            frames, self._clusters(), self.centroids, weight, dropout, self.conv.bias
        )

    def slide(self, frames: Tensor, weight: Tensor, length: int) -> Tensor:
        """Logits of all windows of a half: [T, E], [C, K, E] -> [T - length + 1, C]."""
        return sliding_vlad_logits(
            frames, self._clusters(), self.centroids, weight, length, self.conv.bias
        )

    def _clusters(self) -> Tensor:
        return self.conv.weight[:, :, 0, 0].T  # [E, K]
