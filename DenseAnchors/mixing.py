"""Mixup: pairs of chunks added up, and what is true of their sums.

Zhang et al., mixup: Beyond Empirical Risk Minimization, ICLR 2018.
"""

import torch
from torch import Tensor

from DenseAnchors.loss import AnchorTargets


def unmixed(offsets: Tensor) -> AnchorTargets:
    """The targets of chunks as they are, from their offsets [B, T, C]."""
    return AnchorTargets(offsets[None], torch.ones(1, len(offsets), device=offsets.device))


def mixed(chunks: Tensor, offsets: Tensor, alpha: int) -> tuple[Tensor, AnchorTargets]:
    """Each chunk and the one before it in the batch, added up in random shares.

    Draws the shares from torch: a part of Beta(alpha, alpha) is the middle one of 2 alpha - 1
    numbers that are drawn uniformly.

    Args:
        chunks: [B, T, D].
        offsets: [B, T, C].
        alpha: 1 or more; the higher, the more even the shares.
    """
    drawn = torch.rand(len(chunks), 2 * alpha - 1, device=chunks.device)
    share = drawn.sort(dim=1).values[:, alpha - 1]  # [B]
    shares = torch.stack([share, 1 - share])  # [2, B]
    both = torch.stack([offsets, offsets.roll(1, 0)])  # [2, B, T, C]
    return torch.lerp(chunks.roll(1, 0), chunks, share[:, None, None]), AnchorTargets(both, shares)
