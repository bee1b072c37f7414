"""Pooling layers: a set of frames becomes one vector. Each pools clips, or slides along a half.

All return [B, n, E]: n = 1 for maximum and average, n = K clusters for the NetVLAD layers. The
published checkpoints store the classifier's columns feature by feature (index e·n + k); keeping
clusters in front makes every reduction here run over contiguous memory, and the small classifier
weight is turned round instead of the large vectors (`model.py`).

`sliding_logits` gives, for each window of a half, the same pooled vector times a weight, without
building any window. It is a method of the layer since it must agree with `forward` to rounding.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from common.windows import window_max, window_sum

EPSILON = 1e-12  # as in torch.nn.functional.normalize


class MaxPool(nn.Module):
    """Largest value of each feature."""

    size = 1

    def forward(self, frames: Tensor) -> Tensor:
        """[B, T, E] -> [B, 1, E]"""
        return frames.amax(dim=1, keepdim=True)

    def sliding_logits(self, frames: Tensor, weight: Tensor, length: int) -> Tensor:
        """[T, E], weight [C, 1, E] -> [T - length + 1, C]"""
        return F.linear(window_max(frames, length), weight[:, 0])


class AveragePool(nn.Module):
    """Mean of each feature."""

    size = 1

    def forward(self, frames: Tensor) -> Tensor:
        """[B, T, E] -> [B, 1, E]"""
        return frames.mean(dim=1, keepdim=True)

    def sliding_logits(self, frames: Tensor, weight: Tensor, length: int) -> Tensor:
        """[T, E], weight [C, 1, E] -> [T - length + 1, C]"""
        return window_sum(F.linear(frames, weight[:, 0]), length) / length


class NetVLAD(nn.Module):
    """Residuals of the frames to K centres, softly assigned (Arandjelovic et al., CVPR 2016).

    With u_t the normalised frame and a_t = softmax(u_tᵀ clusters) its assignment,
    V_k = Σ_t a_tk (u_t - centre_k), each V_k and then the whole is normalised to length 1.
    Assignment weights (`clusters`) and centres (`clusters2`) are independent parameters.
    NetRVLAD leaves out the centres.

    Args:
        features: E.
        clusters: K.
        with_centres: False for NetRVLAD.
    """

    def __init__(self, features: int, clusters: int, with_centres: bool = True) -> None:
        super().__init__()
        self.size = clusters
        scale = features**-0.5
        self.clusters = nn.Parameter(scale * torch.randn(features, clusters))
        self.clusters2: nn.Parameter | None = None
        if with_centres:
            self.clusters2 = nn.Parameter(scale * torch.randn(1, features, clusters))

    def forward(self, frames: Tensor) -> Tensor:
        """[B, T, E] -> [B, K, E]"""
        unit = F.normalize(frames, dim=2, eps=EPSILON)
        assignment = self._assign(unit)  # [B, T, K]
        residual = assignment.transpose(1, 2) @ unit  # [B, K, E]
        if self.clusters2 is not None:
            residual = residual - assignment.sum(dim=1)[:, :, None] * self.clusters2[0].T
        length = residual.norm(dim=2)  # [B, K]
        return residual * _scale(length)[:, :, None]

    def sliding_logits(self, frames: Tensor, weight: Tensor, length: int) -> Tensor:
        """[T, E], weight [C, K, E] -> [T - length + 1, C]

        The classifier is linear in the residuals and their lengths are quadratic forms, so both
        are sums over the frames of a window of numbers that each frame has once:
            w_ck · V_k = Σ_t a_tk (w_ck · u_t) - s_k (w_ck · centre_k),  s_k = Σ_t a_tk
            |V_k|² = Σ_t,t' a_tk a_t'k (u_t · u_t') - 2 s_k Σ_t a_tk (u_t · centre_k)
                     + s_k² |centre_k|²
        """
        T, K, C = len(frames), self.size, len(weight)
        unit = F.normalize(frames, dim=1, eps=EPSILON)
        assignment = self._assign(unit)  # [T, K]
        response = F.linear(unit, weight.reshape(C * K, -1)).view(T, C, K).to(assignment.dtype)
        logits = window_sum(response.mul_(assignment[:, None]), length)  # [T - length + 1, C, K]
        if self.clusters2 is not None:
            total = window_sum(assignment, length)
            logits -= total[:, None] * torch.einsum("cke,ek->ck", weight, self.clusters2[0])
        scale = _scale(self._window_lengths(unit, assignment, length))  # [T - length + 1, K]
        return (logits @ scale.to(logits.dtype)[:, :, None])[:, :, 0]

    def _assign(self, unit: Tensor) -> Tensor:
        return (unit @ self.clusters).float().softmax(dim=-1)

    def _window_lengths(self, unit: Tensor, assignment: Tensor, length: int) -> Tensor:
        """|V_k| of each window, [T, E] and [T, K] -> [T - length + 1, K].

        The square is a difference of like terms: double precision, where the device has it.
        """
        wide = torch.float32 if unit.device.type == "mps" else torch.float64
        unit, assignment = unit.to(wide), assignment.to(wide)
        count = len(unit) - length + 1
        square = assignment.new_zeros(count, assignment.shape[1])
        for lag in range(length):
            end = len(unit) - lag
            inner = (unit[:end] * unit[lag:]).sum(dim=1, keepdim=True)  # u_t · u_t+lag
            pairs = window_sum(inner * assignment[:end] * assignment[lag:], length - lag)
            square += pairs if lag == 0 else 2 * pairs
        if self.clusters2 is not None:
            centres = self.clusters2[0].to(wide)
            total = window_sum(assignment, length)
            towards = window_sum(assignment * (unit @ centres), length)
            square += total * (total * (centres**2).sum(dim=0) - 2 * towards)
        return square.clamp_min(0).sqrt()


def _scale(length: Tensor) -> Tensor:
    """What each V_k is multiplied with: |V_k| [N, K] -> [N, K].

    First each V_k is brought to length 1, then the whole, whose length follows from the K lengths.
    """
    inverse = 1 / length.clamp_min(EPSILON)
    whole = (length * inverse).norm(dim=1, keepdim=True)
    return inverse / whole.clamp_min(EPSILON)
