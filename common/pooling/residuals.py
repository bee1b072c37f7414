"""From soft assignments to logits, by way of residuals that are too many to keep.

With V_k = Σ_t a_tk (u_t - centre_k), s_k what brings V_k and then the whole to length 1, and m what
dropout keeps (1 or 0), times its gain:
    logit_c = Σ_k s_k p_ck,  p_ck = w_ck · (m_k V_k)
Each V_k turns with the gradient that arrives there but does not grow, since it is brought to length
1 (the whole's length is √K, whatever the V_k are). For gradients g of the logits, with
y_k = m_k Σ_c g_c w_ck:
    d V_k = s_k y_k - l_k V_k,  l_k = s_k Σ_c g_c p_ck / |V_k|²
The first part takes residuals, group by group; the second is sums over frames of inner products of
frames, as V_k itself is.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from common.training.lanes import LANES, in_lanes

EPSILON = 1e-12  # as in torch.nn.functional.normalize
_GROUP_ENTRIES = 1 << 19  # of V for a group of clips on a CPU: a few such arrays fit its cache


def classify_residuals(
    unit: Tensor,
    assignment: Tensor,
    centres: Tensor | None,
    weight: Tensor,
    kept: tuple[Tensor, float] | None,
) -> Tensor:
    """Logits of clips, [B, C].

    Args:
        unit: frames of length 1, [B, T, E].
        assignment: [B, T, K]
        centres: [K, E], or None for RVLAD.
        weight: classifier [C, K, E].
        kept: what dropout keeps, [B, K, E], and its gain.
    """
    if centres is not None:
        centres = centres.contiguous()  # some layers hold their transpose: eight times as slow
    logits: Tensor = _ClassifyResiduals.apply(unit, assignment, centres, weight, kept)
    return logits


def scale_of(length: Tensor) -> Tensor:
    """What each V_k is multiplied with: |V_k| [N, K] -> [N, K].

    First each V_k is brought to length 1, then the whole, whose length follows from the K lengths.
    """
    inverse = 1 / length.clamp_min(EPSILON)
    whole = (length * inverse).norm(dim=1, keepdim=True)
    return inverse / whole.clamp_min(EPSILON)


class _ClassifyResiduals(torch.autograd.Function):
    """The formulas above; residuals are made anew in the backward pass."""

    @staticmethod
    def forward(
        ctx: Any,
        unit: Tensor,
        assignment: Tensor,
        centres: Tensor | None,
        weight: Tensor,
        kept: tuple[Tensor, float] | None,
    ) -> Tensor:
        C, K, E = weight.shape
        mask, gain = kept or (None, 1.0)
        by_cluster = weight.permute(1, 2, 0).contiguous()  # [K, E, C]
        parts = unit.new_empty(K, len(unit), C)  # p
        length, scale = unit.new_empty(2, len(unit), K)

        def classify(lane: int, groups: Sequence[slice]) -> None:
            for g in groups:
                residual = _residuals(unit[g], assignment[g], centres)  # [G, K, E]
                length[g] = residual.norm(dim=2)
                scale[g] = gain * scale_of(length[g])
                if mask is not None:
                    residual *= mask[g]
                torch.bmm(residual.transpose(0, 1), by_cluster, out=parts[:, g])

        in_lanes(classify, _groups(unit, K * E), unit.device)
        ctx.save_for_backward(unit, assignment, centres, weight, mask, parts, scale, length)
        return torch.einsum("kbc,bk->bc", parts, scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        *inputs, parts, scale, length = ctx.saved_tensors
        to = _across(inputs, scale, gradient, to_unit=ctx.needs_input_grad[0])
        # `scale` has the gain of dropout in it, as both parts of d V need it.
        along = torch.einsum("kbc,bc->bk", parts, gradient) * scale
        _subtract_along(to, inputs, along / length.clamp_min(EPSILON).square())
        return *to, None


def _across(
    inputs: Sequence[Tensor | None], scale: Tensor, gradient: Tensor, *, to_unit: bool
) -> list[Tensor | None]:
    """Gradients of unit, assignment, centres and weight by way of s_k y_k.

    `to_unit` tells whether frames need one; features that no layer has touched do not.
    """
    unit, assignment, centres, weight, mask = inputs
    assert unit is not None and assignment is not None and weight is not None
    flat = weight.flatten(1).contiguous()
    scaled = assignment * scale[:, None]
    for_assignment = torch.empty_like(assignment)
    for_unit = torch.empty_like(unit) if to_unit else None
    groups = _groups(unit, flat.shape[1])
    # The first group of a lane overwrites: clearing all of it would cost as much as a product.
    for_weight = flat.new_empty(LANES, *flat.shape)
    for_weight[len(groups) :] = 0
    for_centres = None if centres is None else centres.new_zeros(LANES, *centres.shape)

    def propagate(lane: int, groups: Sequence[slice]) -> None:
        for number, g in enumerate(groups):
            pooled = _residuals(unit[g], scaled[g], centres)  # s_k V_k, [G, K, E]
            y = (gradient[g] @ flat).view_as(pooled)
            if mask is not None:
                pooled *= mask[g]
                y *= mask[g]
            for_weight[lane].addmm_(gradient[g].T, pooled.flatten(1), beta=min(number, 1))
            towards = unit[g] @ y.transpose(1, 2)  # u_t · y_k, [G, T, K]
            if centres is not None and for_centres is not None:
                by_cluster = y.transpose(0, 1)  # [K, G, E]
                towards -= torch.bmm(by_cluster, centres[:, :, None])[..., 0].T[:, None]
                total = scaled[g].sum(dim=1).T[:, None]  # [K, 1, G]
                for_centres[lane] -= torch.bmm(total, by_cluster)[:, 0]
            torch.mul(towards, scale[g][:, None], out=for_assignment[g])
            if for_unit is not None:
                torch.bmm(scaled[g], y, out=for_unit[g])

    in_lanes(propagate, groups, unit.device)
    of_centres = None if for_centres is None else for_centres.sum(dim=0)
    return [for_unit, for_assignment, of_centres, for_weight.sum(dim=0).view_as(weight)]


def _subtract_along(
    to: Sequence[Tensor | None], inputs: Sequence[Tensor | None], along: Tensor
) -> None:
    """Takes l_k V_k off the gradients of unit, assignment and centres; `along` is l, [B, K]."""
    unit, assignment, centres, *_ = inputs
    for_unit, for_assignment, for_centres, _ = to
    assert unit is not None and assignment is not None and for_assignment is not None
    weighed, total = assignment * along[:, None], assignment.sum(dim=1)
    seen = (unit @ unit.transpose(1, 2)) @ assignment  # u_t · Σ_t' a_t'k u_t', [B, T, K]
    if centres is not None:
        towards = unit @ centres.T  # u_t · centre_k
        seen -= total[:, None] * towards  # u_t · V_k
        own = (assignment * towards).sum(dim=1) - total * centres.square().sum(dim=1)
        seen -= own[:, None]  # (u_t - centre_k) · V_k
    for_assignment -= along[:, None] * seen
    if for_unit is not None:
        for_unit -= (weighed @ assignment.transpose(1, 2)) @ unit
        if centres is not None:
            for_unit += (weighed * total[:, None]) @ centres
    if for_centres is not None and centres is not None:
        for_centres += (weighed * total[:, None]).flatten(0, 1).T @ unit.flatten(0, 1)
        for_centres -= (along * total.square()).sum(dim=0)[:, None] * centres


def _groups(clips: Tensor, vector: int) -> list[slice]:
    """Groups of clips, for vectors of so many entries."""
    size = max(1, _GROUP_ENTRIES // vector) if clips.is_cpu else len(clips)
    return [slice(start, start + size) for start in range(0, len(clips), size)]


def _residuals(unit: Tensor, assignment: Tensor, centres: Tensor | None) -> Tensor:
    """V of each clip: [G, T, E], [G, T, K] -> [G, K, E]."""
    residual = assignment.transpose(1, 2).contiguous() @ unit
    if centres is not None:
        residual.addcmul_(assignment.sum(dim=1)[:, :, None], centres, value=-1)
    return residual
