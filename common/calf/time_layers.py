"""Convolution and pooling over three frames, with time first, as operations on whole slices."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def same_convolution(frames: Tensor, layer: nn.Conv2d) -> Tensor:
    """Convolution over 3 frames, zeros around: [T, B, I] -> [T, B, O], as matrix products.

    Each of the three taps is added to what is there, or, where the output is narrower than the
    input, all are taken in one product and then added up with their neighbours.
    """
    T = len(frames)
    weight = layer.weight.squeeze(3)  # [O, I, 3]
    if weight.shape[0] >= weight.shape[1]:
        return _WideConvolution.apply(frames, weight, layer.bias)
    parts = F.linear(frames, weight.permute(2, 0, 1).flatten(0, 1))  # [T, B, 3 O]
    before, here, after = F.pad(parts, (0, 0, 0, 0, 1, 1)).chunk(3, dim=2)
    assert layer.bias is not None
    return before[:T] + here[1 : T + 1] + after[2:] + layer.bias


class _WideConvolution(torch.autograd.Function):
    """y[t] = Σ_k W_k x[t + k - 1] + bias; nothing is padded or laid side by side."""

    @staticmethod
    def forward(ctx: Any, frames: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        if torch.is_autocast_enabled(frames.device.type):
            dtype = torch.get_autocast_dtype(frames.device.type)
            frames, weight, bias = frames.to(dtype), weight.to(dtype), bias.to(dtype)
        B = frames.shape[1]
        flat = frames.flatten(0, 1)  # [T · B, I]: a frame further is B rows further
        before, here, after = taps = weight.permute(2, 1, 0).contiguous()  # [3, I, O]
        out = torch.addmm(bias, flat, here)
        out[B:].addmm_(flat[:-B], before)
        out[:-B].addmm_(flat[B:], after)
        ctx.save_for_backward(frames, taps)
        return out.view(*frames.shape[:2], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        frames, taps = ctx.saved_tensors
        B, (before, here, after) = frames.shape[1], taps.transpose(1, 2)  # [O, I] each
        flat, arriving = frames.flatten(0, 1), gradient.flatten(0, 1)
        to_frames = None
        if ctx.needs_input_grad[0]:
            to_frames = arriving @ here
            to_frames[:-B].addmm_(arriving[B:], before)
            to_frames[B:].addmm_(arriving[:-B], after)
            to_frames = to_frames.view_as(frames)
        to_taps = torch.stack([
            arriving[B:].T @ flat[:-B], arriving.T @ flat, arriving[:-B].T @ flat[B:]
        ], dim=2)  # fmt: skip
        return to_frames, to_taps, arriving.sum(dim=0)


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
