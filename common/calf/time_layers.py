"""Convolution and pooling over three frames, with time first, as operations on whole slices."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def same_convolution(frames: Tensor, layer: nn.Conv2d) -> Tensor:
    """Convolution over 3 frames, zeros around: [T, B, I] -> [T, B, O]; one matrix product.

    Three frames are laid side by side and multiplied, or, where the output is narrower than the
    input, multiplied first and then added up with their neighbours.
    """
    T = len(frames)
    weight = layer.weight.squeeze(3)  # [O, I, 3]
    if weight.shape[0] >= weight.shape[1]:
        padded = F.pad(frames, (0, 0, 0, 0, 1, 1))
        around = torch.cat([padded[:T], padded[1 : T + 1], padded[2:]], dim=2)  # [T, B, 3 I]
        return F.linear(around, weight.transpose(1, 2).flatten(1), layer.bias)
    parts = F.linear(frames, weight.permute(2, 0, 1).flatten(0, 1))  # [T, B, 3 O]
    before, here, after = F.pad(parts, (0, 0, 0, 0, 1, 1)).chunk(3, dim=2)
    assert layer.bias is not None
    return before[:T] + here[1 : T + 1] + after[2:] + layer.bias


def pool_in_time(frames: Tensor) -> Tensor:
    """Maximum over 3 frames, every other frame: [T, …] -> [floor((T - 1) / 2), …]."""
    return _PoolInTime.apply(frames)


class _PoolInTime(torch.autograd.Function):
    """The library's pooling and its gradient, written as operations on whole slices of time."""

    @staticmethod
    def forward(ctx: Any, frames: Tensor) -> Tensor:
        first, second, third = _slices(frames)
        top = torch.maximum(torch.maximum(first, second), third)
        # 0 or 1, as numbers: masks of another type make products ten times slower.
        is_first = torch.ge(first, top, out=torch.empty_like(top))
        is_second = torch.ge(second, top, out=torch.empty_like(top))
        is_second -= is_first * is_second  # of equal frames the earliest counts
        ctx.save_for_backward(is_first, is_second)
        ctx.frames = len(frames)
        return top

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        is_first, is_second = ctx.saved_tensors
        out = gradient.new_empty(ctx.frames, *gradient.shape[1:])
        first, second, third = _slices(out)
        out[2 * len(gradient) :] = 0  # the others are first or second somewhere
        torch.mul(gradient, is_first, out=first)
        torch.mul(gradient, is_second, out=second)
        rest = gradient - first - second
        third += rest
        return out


def _slices(frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The first, second and third frame of each pooling window; the first and third overlap."""
    count = (len(frames) - 1) // 2
    return frames[: 2 * count : 2], frames[1 : 2 * count : 2], frames[2 : 2 * count + 1 : 2]
