"""VLAD pooling followed by a linear classifier, for clips and slid along a half.

With u_t a frame brought to length 1 and a_t = softmax(u_tᵀ clusters) its soft assignment,
    V_k = Σ_t a_tk (u_t - centre_k)                  residual of cluster k (Arandjelovic et al.,
    v   = normalised([V_1/|V_1|, …, V_K/|V_K|])      CVPR 2016); RVLAD leaves the centres out
    logit_c = Σ_k w_ck · dropout(v)_k
The vector v is long (K·E = 32,768) and the classes are few, so v is never kept: clips go through
in groups small enough for the processor's cache, forward and backward, and a half is scored from
numbers that each frame has once.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from common.data.windows import window_sum
from common.pooling.residuals import EPSILON, classify_residuals, scale_of
from common.training.device import at_least_single
from common.training.lanes import in_lanes

_WINDOWS_PER_BLOCK = 512
_ROWS_AT_ONCE = 32  # of the band of inner products


def pooled_vlad(
    frames: Tensor, clusters: Tensor, centres: Tensor | None, bias: Tensor | None = None
) -> Tensor:
    """The pooled vector v of clips, by the formulas above: [B, T, E] -> [B, K·E].

    What `vlad_logits` classifies without ever holding it; its arguments are as there.
    """
    unit = F.normalize(at_least_single(frames), dim=2, eps=EPSILON)  # [B, T, E]
    assignment = _assign(unit, clusters, bias)  # [B, T, K]
    residual = assignment.transpose(1, 2) @ unit  # [B, K, E]
    if centres is not None:
        residual = residual - assignment.sum(dim=1)[:, :, None] * centres
    residual = F.normalize(residual, dim=2, eps=EPSILON)
    return F.normalize(residual.flatten(1), dim=1, eps=EPSILON)


def vlad_logits(
    frames: Tensor,
    clusters: Tensor,
    centres: Tensor | None,
    weight: Tensor,
    dropout: float = 0.0,
    bias: Tensor | None = None,
) -> Tensor:
    """Logits of clips: `pooled_vlad` times the classifier.

    Args:
        frames: [B, T, E]
        clusters: assignment weights [E, K]
        centres: [K, E], or None for RVLAD
        weight: classifier [C, K, E]
        dropout: probability that an entry of v is dropped.
        bias: of the assignment, [K]; the published models have none.

    Returns:
        [B, C]
    """
    unit = F.normalize(at_least_single(frames), dim=2, eps=EPSILON)
    assignment = _assign(unit, clusters, bias)  # [B, T, K]
    kept = None
    if dropout > 0:
        kept = kept_entries((len(frames), *weight.shape[1:]), dropout, frames.device)
    with torch.autocast(frames.device.type, enabled=False):
        return classify_residuals(unit, assignment, centres, weight, kept)


def kept_entries(
    shape: tuple[int, ...], dropout: float, device: torch.device
) -> tuple[Tensor, float]:
    """What dropout keeps, 1 or 0 (int8), and the factor that keeps the expectation.

    Follows torch's seed. On a CPU torch draws such masks serially, which would cost more than all
    the arithmetic on them; 16 random bits an entry, from numpy, do as well: the probability is
    then a multiple of 2⁻¹⁶, and the factor belongs to just that.
    """
    if device.type != "cpu":
        drawn = torch.rand(shape, device=device) >= dropout
        return drawn.to(torch.int8), 1 / (1 - dropout)
    seed = int(torch.randint(2**62, ()))
    size = int(np.prod(shape))
    bits = np.random.SFC64(seed).random_raw(-(-size // 4)).view(np.uint16)[:size]
    dropped = round(dropout * 2**16)
    kept = (bits >= dropped).view(np.int8)  # torch multiplies by int8 faster than by bool
    return torch.from_numpy(kept).view(shape), 2**16 / (2**16 - dropped)


def sliding_vlad_logits(
    frames: Tensor,
    clusters: Tensor,
    centres: Tensor | None,
    weight: Tensor,
    length: int,
    bias: Tensor | None = None,
) -> Tensor:
    """Logits of all windows of `length` rows, stride 1; equal to `vlad_logits` on each.

    The classifier is linear in the residuals, and their lengths are quadratic forms, so both are
    sums over a window's frames of numbers that each frame has once:
        w_ck · V_k = Σ_t a_tk (w_ck · u_t) - s_k (w_ck · centre_k),  s_k = Σ_t a_tk
        |V_k|² = Σ_t,t' a_tk a_t'k (u_t · u_t') - 2 s_k Σ_t a_tk (u_t · centre_k) + s_k² |centre_k|²

    Args: as `vlad_logits`, but frames are [T, E].

    Returns:
        [T - length + 1, C]
    """
    C, K = weight.shape[:2]
    flat = weight.reshape(C * K, -1)
    offset = None if centres is None else (weight * centres).sum(dim=2)  # w_ck · centre_k
    dtype = torch.promote_types(frames.dtype, torch.float32)
    logits = frames.new_empty(len(frames) - length + 1, C, dtype=dtype)

    def score(lane: int, starts: Sequence[int]) -> None:
        for start in starts:
            block = at_least_single(frames[start : start + _WINDOWS_PER_BLOCK + length - 1])
            unit = F.normalize(block, dim=1, eps=EPSILON)
            assignment = _assign(unit, clusters, bias)  # [N + length - 1, K]
            response = at_least_single(F.linear(unit, flat)).view(-1, C, K)  # w_ck · u_t
            towards = window_sum(response.mul_(assignment[:, None]), length)  # [N, C, K]
            if offset is not None:
                towards -= window_sum(assignment, length)[:, None] * offset
            lengths = _window_lengths(unit, assignment, centres, length)
            towards *= scale_of(lengths).to(dtype)[:, None]
            logits[start : start + len(towards)] = towards.sum(dim=2)

    in_lanes(score, range(0, len(logits), _WINDOWS_PER_BLOCK), frames.device)
    return logits


def _assign(unit: Tensor, clusters: Tensor, bias: Tensor | None) -> Tensor:
    similarity = (unit @ clusters).to(unit.dtype)
    return (similarity if bias is None else similarity + bias).softmax(dim=-1)


def _window_lengths(
    unit: Tensor, assignment: Tensor, centres: Tensor | None, length: int
) -> Tensor:
    """|V_k| of each window: [T, E] and [T, K] -> [T - length + 1, K].

    The square is a difference of like terms: double precision, where the device has it.
    """
    wide = torch.float32 if unit.device.type == "mps" else torch.float64
    unit, assignment = unit.to(wide), assignment.to(wide)
    count = len(unit) - length + 1
    # Σ_t,t' over a window: each pair once at its earlier frame, those of one frame summed up to
    # every lag, so that the s-th frame of a window adds the pairs that end inside it.
    inner = _inner_products(unit, length)  # [T, lag]
    inner[:, 1:] *= 2
    later = F.pad(assignment, (0, 0, 0, length - 1)).unfold(0, length, 1)  # [T, K, lag]
    pairs = (assignment[:, :, None] * later * inner[:, None]).cumsum(dim=2)
    square = assignment.new_zeros(count, assignment.shape[1])
    for s in range(length):
        square += pairs[s : s + count, :, length - 1 - s]
    if centres is not None:
        centres = centres.to(wide)
        total = window_sum(assignment, length)
        towards = window_sum(assignment * (unit @ centres.T), length)
        square += total * (total * (centres**2).sum(dim=1) - 2 * towards)
    return square.clamp_min(0).sqrt()


def _inner_products(unit: Tensor, length: int) -> Tensor:
    """u_t · u_t+lag for lags 0…length - 1, 0 behind the end: [T, E] -> [T, length]."""
    T, E = unit.shape
    n = -(-T // _ROWS_AT_ONCE)
    wide = _ROWS_AT_ONCE + length - 1
    padded = F.pad(unit, (0, 0, 0, n * _ROWS_AT_ONCE + length - 1 - T))
    rows = padded[: n * _ROWS_AT_ONCE].view(n, _ROWS_AT_ONCE, E)
    products = rows @ padded.unfold(0, wide, _ROWS_AT_ONCE)  # [n, rows, wide]
    # Row r needs the columns r…r + length - 1: a band, read with a row stride of one more.
    band = products.as_strided((n, _ROWS_AT_ONCE, length), (_ROWS_AT_ONCE * wide, wide + 1, 1))
    return band.reshape(-1, length)[:T]
