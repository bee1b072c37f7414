"""How far the capsules of a segmentation are from indifference, in few passes over them.

Of a capsule of P numbers, normalised per position in the chunk and brought between -1 and 1 by the
tangent, the length is taken:
    u = tanh((scale · (x - mean) + bias) / 2) = 2 sigmoid(…) - 1,  score = sqrt(Σ u² / P)
What automatic differentiation makes of it reads the capsules, a hundred times as many numbers as
the scores, some twenty-five times.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from common.training.lanes import in_lanes

_GROUP_ENTRIES = 1 << 17  # of capsules, on a CPU
_LEAST = 1e-12  # of a square under a root, whose slope at 0 is infinite


def capsule_lengths(centred: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """Scores in [0, 1] of capsules [T, B, P, C], centred: [T, B, C].

    Args:
        scale, bias: of each position, [T].
    """
    return _lengths(centred, scale, bias)


def normalised_capsule_lengths(
    capsules: Tensor, weight: Tensor, bias: Tensor, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The same of capsules normalised over batch, capsules and classes.

    Args:
        capsules: [T, B, P, C]
        weight, bias: of each position, [T].
        eps: added to the variance.

    Returns:
        Scores [T, B, C], and the mean and the (biased) variance of each position, [T].
    """
    scores, mean, variance = _NormalisedLengths.apply(capsules, weight, bias, eps)
    return scores, mean, variance


def _lengths(centred: Tensor, scale: Tensor, bias: Tensor, out: Tensor | None = None) -> Tensor:
    """Scores [T, B, C]; the tangents u are left in `out`."""
    halves = (_of_position(bias / 2), centred, _of_position(scale / 2))
    tangent = torch.addcmul(*halves, out=out).tanh_()
    square = tangent.square().sum(dim=2) / tangent.shape[2]
    return square.clamp_(min=_LEAST).sqrt_()


class _NormalisedLengths(torch.autograd.Function):
    """The formula above with the statistics of the batch, and its gradient by hand.

    Positions do not know of each other: they go through in groups that fit a processor's cache.
    """

    @staticmethod
    def forward(
        ctx: Any, capsules: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        T, B, _, C = capsules.shape
        centred, tangent = torch.empty_like(capsules), torch.empty_like(capsules)
        scores = capsules.new_empty(T, B, C)
        mean, variance = capsules.new_empty(2, T)

        def measure(lane: int, groups: Sequence[slice]) -> None:
            for g in groups:
                mean[g] = capsules[g].mean(dim=(1, 2, 3))
                torch.sub(capsules[g], _of_position(mean[g]), out=centred[g])
                variance[g] = centred[g].square().mean(dim=(1, 2, 3))
                scale = weight[g] * torch.rsqrt(variance[g] + eps)
                scores[g] = _lengths(centred[g], scale, bias[g], out=tangent[g])

        in_lanes(measure, _groups(capsules), capsules.device)
        ctx.save_for_backward(centred, tangent, scores, weight, torch.rsqrt(variance + eps))
        ctx.mark_non_differentiable(mean, variance)
        return scores, mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: Any) -> Any:
        centred, tangent, scores, weight, inverse = ctx.saved_tensors
        P, n = tangent.shape[2], math.prod(tangent.shape[1:])
        # d score / d u = u / (P score), d u / d normalised = (1 - u²) / 2
        factor = (gradient / scores).masked_fill_(scores <= math.sqrt(_LEAST), 0) / (2 * P)
        to_capsules = torch.empty_like(centred)
        to_weight, to_bias = weight.new_empty(2, len(weight))
        scale = weight * inverse

        def propagate(lane: int, groups: Sequence[slice]) -> None:
            for g in groups:
                u, x, arriving = tangent[g], centred[g], to_capsules[g]
                torch.addcmul(u, u.square(), u, value=-1, out=arriving)
                arriving *= factor[g][:, :, None]
                to_bias[g] = arriving.sum(dim=(1, 2, 3))
                to_weight[g] = (arriving * x).sum(dim=(1, 2, 3)) * inverse[g]
                # Of the normalised values neither the mean nor the spread passes gradients on.
                arriving *= _of_position(scale[g])
                arriving.addcmul_(x, _of_position(scale[g] * to_weight[g] * inverse[g] / -n))
                arriving -= _of_position(scale[g] * to_bias[g] / n)

        in_lanes(propagate, _groups(centred), centred.device)
        return to_capsules, to_weight, to_bias, None


def _groups(capsules: Tensor) -> list[slice]:
    """Groups of positions: on a CPU of so many that a few such arrays fit its cache."""
    T = len(capsules)
    size = max(1, _GROUP_ENTRIES // math.prod(capsules.shape[1:])) if capsules.is_cpu else T
    return [slice(start, start + size) for start in range(0, T, size)]


def _of_position(values: Tensor) -> Tensor:
    return values[:, None, None, None]  # [T] -> [T, 1, 1, 1]
