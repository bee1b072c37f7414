"""Long convolutions along time by way of the Fourier transform.

The kernels of the temporal pyramid span up to 80 frames with few channels. As products of spectra
they take a tenth of the arithmetic, and the transforms are cheap: on two cores forward and backward
pass are about eight times as fast as direct convolutions.

Their rounding goes with the norm of a whole column. Where input and gradient never meet, a kernel's
gradient would be about 1e-9 instead of 0, of which Adam with eps 1e-7 makes steps up to 1e-5. So
gradients below rounding are set to 0.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

# Gradients below so many roundings of the product of their columns' norms count as 0. Errors are
# mostly about 0.1 of these, and reach 3 where few large values stand out.
NOISE_ROUNDINGS = 4


def fourier_convolutions(rows: Tensor, kernels: Sequence[Tensor]) -> Tensor:
    """Several "same" convolutions of one input, side by side: [T, B, I] -> [T, B, sum of O].

    Equal to rounding to zero-padded `conv1d`, with floor((k - 1) / 2) zeros before the input.

    Args:
        rows: in single or double precision, time first.
        kernels: [O, I, k] each, in the same precision.
    """
    return _FourierConvolutions.apply(rows, *kernels)


class _FourierConvolutions(torch.autograd.Function):
    """y[t] = sum over m of x[t - m] v[m], circular; the kernels are v with m = before - tap."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, *kernels: Tensor) -> Tensor:
        T = len(rows)
        longest = max(kernel.shape[2] for kernel in kernels)
        size = fast_size(T + longest // 2)  # what wraps around falls on zeros
        spectrum = _transform(rows, size)  # [size/2 + 1, B, I]
        kernel_spectrum = _spectrum_of(kernels, size)  # [size/2 + 1, I, O]
        ctx.save_for_backward(spectrum, kernel_spectrum, _energy(rows))
        ctx.size, ctx.frames = size, T
        ctx.taps = [(kernel.shape[0], kernel.shape[2]) for kernel in kernels]
        return _back(torch.bmm(spectrum, kernel_spectrum), size)[:T]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        spectrum, kernel_spectrum, energy = ctx.saved_tensors
        T = ctx.frames
        arriving = _transform(gradient, ctx.size)  # [size/2 + 1, B, O]
        to_rows = None
        if ctx.needs_input_grad[0]:
            to_rows = _back(torch.bmm(arriving, _adjoint(kernel_spectrum)), ctx.size)[:T]
        placed = _back(torch.bmm(_adjoint(spectrum), arriving), ctx.size)  # [size, I, O]
        noise = torch.sqrt(energy.T @ _energy(gradient))  # [I, O]
        noise *= NOISE_ROUNDINGS * torch.finfo(noise.dtype).eps
        to_kernels, column = [], 0
        for width, taps in ctx.taps:
            columns = slice(column, column + width)
            own = placed[_places(taps, ctx.size, gradient.device), :, columns]  # [k, I, O]
            own *= own.abs() > noise[:, columns]
            to_kernels.append(own.permute(2, 1, 0))  # [O, I, k]
            column += width
        return to_rows, *to_kernels


def _energy(rows: Tensor) -> Tensor:
    """Sum of squares over time: [T, …] -> […]."""
    return rows.detach().square().sum(dim=0)


def _spectrum_of(kernels: Sequence[Tensor], size: int) -> Tensor:
    """Kernels at their places on a circle of `size` frames, transformed: [size/2 + 1, I, O]."""
    placed = kernels[0].new_zeros(size, kernels[0].shape[1], sum(len(k) for k in kernels))
    column = 0
    for kernel in kernels:
        width, _, taps = kernel.shape
        places = _places(taps, size, kernel.device)
        placed[places, :, column : column + width] = kernel.detach().permute(2, 1, 0)
        column += width
    return _transform(placed, size)


def _places(taps: int, size: int, device: torch.device) -> Tensor:
    """Place of each tap on the circle: [k]. The tap that sees frame t itself is at 0."""
    return ((taps - 1) // 2 - torch.arange(taps, device=device)) % size


def _transform(rows: Tensor, size: int) -> Tensor:
    """Spectra along the first axis: [T, …] -> [size/2 + 1, …], made contiguous for products."""
    flat = torch.fft.rfft(rows.reshape(len(rows), -1), size, dim=0).contiguous()
    return flat.view(-1, *rows.shape[1:])


def _back(spectrum: Tensor, size: int) -> Tensor:
    """Inverse of `_transform`: [size/2 + 1, …] -> [size, …]."""
    flat = spectrum.reshape(len(spectrum), -1)
    return torch.fft.irfft(flat, size, dim=0).contiguous().view(size, *spectrum.shape[1:])


def _adjoint(matrices: Tensor) -> Tensor:
    """Conjugate transposes as a copy: on views of them products take twenty times as long."""
    return torch.conj_physical(matrices.transpose(1, 2).contiguous())


def fast_size(least: int) -> int:
    """Smallest even number from `least` on with no prime factor above 5."""
    size = least + least % 2
    while True:
        rest = size
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return size
        size += 2


def direct_convolutions(rows: Tensor, kernels: Sequence[Tensor]) -> Tensor:
    """The same by the library's own convolutions, for devices that are fast at them."""
    channels_first = rows.permute(1, 2, 0)  # [B, I, T]
    maps = []
    for kernel in kernels:
        before = (kernel.shape[2] - 1) // 2
        after = kernel.shape[2] - 1 - before
        maps.append(F.conv1d(F.pad(channels_first, (before, after)), kernel))
    return torch.cat(maps, dim=1).permute(2, 0, 1)  # [T, B, O]
