"""Sums over neighbours, weighed by the softmax of their own messages (GENConv).

The weight of a neighbour depends on the neighbour alone. So numerator and denominator are two
products with the same matrix of neighbours A, for messages g and inverse temperature t:

    a = A (g · exp(t g)) / A exp(t g)
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_LARGEST = 60.0  # exponent whose exponentials, and products with them, fit single precision


def softmax_sum(messages: Tensor, t: Tensor, neighbours: Tensor, alone: Tensor) -> Tensor:
    """Messages [n, m, E] to the weighed sum over each node's neighbours, 0 without any.

    Args:
        messages: not negative.
        t: inverse temperature, one number.
        neighbours: 1 from each node (row) to its neighbours, [n, m, m].
        alone: 1 for nodes without neighbours, else 0, [n, m, 1].
    """
    if float((t.detach() * messages.detach().amax()).abs()) > _LARGEST:
        return _shifted(messages, t, neighbours, alone)
    return _SoftmaxSum.apply(messages, t, neighbours, alone)


class _SoftmaxSum(torch.autograd.Function):
    """The formula above; half the passes over memory that automatic differentiation takes."""

    @staticmethod
    def forward(ctx: Any, messages: Tensor, t: Tensor, neighbours: Tensor, alone: Tensor) -> Tensor:
        n, m, E = messages.shape
        both = messages.new_empty(n, m, 2 * E)
        weight = torch.mul(messages, t, out=both[..., E:]).exp_()
        torch.mul(messages, weight, out=both[..., :E])
        with torch.autocast(messages.device.type, enabled=False):  # sums need their digits
            above, below = torch.bmm(neighbours, both).split(E, dim=2)
        below += alone  # nothing, divided by 1
        mean = above / below
        ctx.save_for_backward(messages, t, neighbours, both, below, mean)
        return mean

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        messages, t, neighbours, both, below, mean = ctx.saved_tensors
        E = messages.shape[2]
        of_sums = torch.empty_like(both)
        of_above, of_below = of_sums.split(E, dim=2)
        torch.div(gradient, below, out=of_above)
        torch.mul(of_above, mean, out=of_below).neg_()
        of_both = torch.bmm(neighbours.transpose(1, 2), of_sums)
        of_product, of_weight = of_both.split(E, dim=2)
        weight = both[..., E:]
        # d(g w) = w dg + g dw, and dw = w (t dg + g dt).
        of_exponent = of_weight.addcmul_(messages, of_product).mul_(weight)
        of_t = (of_exponent * messages).sum().view_as(t)
        return of_exponent.mul_(t).addcmul_(of_product, weight), of_t, None, None


def _shifted(messages: Tensor, t: Tensor, neighbours: Tensor, alone: Tensor) -> Tensor:
    """The same with the largest exponent of each neighbourhood, for sizes far apart."""
    exponent = t * messages
    far = torch.where(neighbours[..., None] > 0, exponent[:, None], -torch.inf)  # [n, m, m, E]
    nobody = alone[..., None] > 0  # [n, m, 1, 1]
    weight = torch.softmax(far.masked_fill(nobody, 0.0), dim=2)
    return (weight * messages[:, None]).sum(dim=2).masked_fill(nobody[..., 0], 0.0)
