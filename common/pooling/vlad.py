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
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from common.data.windows import window_sum
from common.training.device import at_least_single
from common.training.lanes import LANES, in_lanes

EPSILON = 1e-12  # as in torch.nn.functional.normalize
_GROUP_ENTRIES = 1 << 19  # of V for a group of clips on a CPU: a few such arrays fit its cache
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
        return _ClassifyResiduals.apply(unit, assignment, centres, weight, kept)


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


class _ClassifyResiduals(torch.autograd.Function):
    """From soft assignments to logits; the long vectors are made anew in the backward pass."""

    @staticmethod
    def forward(
        ctx: Any,
        unit: Tensor,  # [B, T, E]
        assignment: Tensor,  # [B, T, K]
        centres: Tensor | None,  # [K, E]
        weight: Tensor,  # [C, K, E]
        kept: tuple[Tensor, float] | None,
    ) -> Tensor:
        ctx.save_for_backward(unit, assignment, centres, weight, kept[0] if kept else None)
        ctx.gain = kept[1] if kept else 1.0
        flat = weight.flatten(1)  # [C, K·E]
        logits = unit.new_empty(len(unit), len(weight))

        def classify(lane: int, groups: Sequence[slice]) -> None:
            for group in groups:
                residual = _residuals(unit[group], assignment[group], centres)  # [G, K, E]
                residual *= ctx.gain * _scale(residual.norm(dim=2))[..., None]
                if kept:
                    residual *= kept[0][group]
                torch.mm(residual.flatten(1), flat.T, out=logits[group])

        in_lanes(classify, _groups(unit, flat.shape[1]), unit.device)
        return logits

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        unit, assignment, centres, weight, kept = ctx.saved_tensors
        flat = weight.flatten(1).contiguous()
        to_assignment = torch.empty_like(assignment)
        # Features that no layer has touched need no gradient.
        to_unit = torch.empty_like(unit) if ctx.needs_input_grad[0] else None
        groups = _groups(unit, flat.shape[1])
        # The first group of a lane overwrites: clearing all of it would cost as much as a product.
        to_weight = flat.new_empty(LANES, *flat.shape)
        to_weight[len(groups) :] = 0
        to_centres = None if centres is None else centres.new_zeros(LANES, *centres.shape)

        def propagate(lane: int, groups: Sequence[slice]) -> None:
            for number, group in enumerate(groups):
                residual = _residuals(unit[group], assignment[group], centres)  # [G, K, E]
                length = residual.norm(dim=2, keepdim=True)  # [G, K, 1]
                scale = ctx.gain * _scale(length[..., 0])[..., None]
                up = (gradient[group] @ flat).view_as(residual)  # d loss / d dropped-out v
                pooled = residual * scale
                if kept is not None:
                    pooled *= kept[group]
                    up *= kept[group]
                to_weight[lane].addmm_(gradient[group].T, pooled.flatten(1), beta=min(number, 1))
                # v_k = V_k · scale_k turns with V_k but does not grow: only the part of the
                # gradient across V_k passes. (The whole's length is √K, whatever the V_k are.)
                up *= scale
                along = (up * residual).sum(dim=2, keepdim=True) / length.clamp_min(EPSILON) ** 2
                up.addcmul_(residual, along, value=-1)  # d loss / d V
                to_assignment[group] = unit[group] @ up.transpose(1, 2)  # [G, T, K]
                if to_unit is not None:
                    torch.bmm(assignment[group], up, out=to_unit[group])
                if to_centres is not None:
                    to_assignment[group] -= (up * centres).sum(dim=2)[:, None]
                    total = assignment[group].sum(dim=1)[:, :, None]
                    to_centres[lane] -= (up * total).sum(dim=0)

        in_lanes(propagate, groups, unit.device)
        of_weight = to_weight.sum(dim=0).view_as(weight)
        of_centres = None if to_centres is None else to_centres.sum(dim=0)
        return to_unit, to_assignment, of_centres, of_weight, None


def _groups(clips: Tensor, vector: int) -> list[slice]:
    """Groups of clips, for vectors of so many entries."""
    size = max(1, _GROUP_ENTRIES // vector) if clips.device.type == "cpu" else len(clips)
    return [slice(start, start + size) for start in range(0, len(clips), size)]


def _residuals(unit: Tensor, assignment: Tensor, centres: Tensor | None) -> Tensor:
    """V of each clip: [G, T, E], [G, T, K] -> [G, K, E]."""
    residual = assignment.transpose(1, 2).contiguous() @ unit
    if centres is not None:
        residual.addcmul_(assignment.sum(dim=1)[:, :, None], centres, value=-1)
    return residual


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
            towards *= _scale(lengths).to(dtype)[:, None]
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


def _scale(length: Tensor) -> Tensor:
    """What each V_k is multiplied with: |V_k| [N, K] -> [N, K].

    First each V_k is brought to length 1, then the whole, whose length follows from the K lengths.
    """
    inverse = 1 / length.clamp_min(EPSILON)
    whole = (length * inverse).norm(dim=1, keepdim=True)
    return inverse / whole.clamp_min(EPSILON)
