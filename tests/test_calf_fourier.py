"""Convolutions by way of spectra against the library's own: values, gradients, sizes."""

import pytest
import torch

from common.calf.fourier import direct_convolutions, fast_size, fourier_convolutions

pytestmark = pytest.mark.usefixtures("one_thread")


def kernels_of(*taps, channels=4, widths=(2, 3, 4, 5), dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn(width, channels, k, dtype=dtype, generator=generator).requires_grad_()
        for width, k in zip(widths, taps, strict=False)
    ]


def rows_of(frames, batch=3, channels=4, dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(
        frames, batch, channels, dtype=dtype, generator=generator
    ).requires_grad_()  # fmt: skip


@pytest.mark.parametrize("frames", [1, 2, 5, 24, 41, 48, 240])
@pytest.mark.parametrize(
    "taps", [(1,), (2,), (12, 27, 40, 80), (3, 6, 8, 16), (2, 5, 7, 13), (80,)]
)
def test_equal_to_direct_convolutions_with_gradients(frames, taps):
    kernels, rows = kernels_of(*taps), rows_of(frames)
    direct, fourier = direct_convolutions(rows, kernels), fourier_convolutions(rows, kernels)
    assert fourier.shape == (frames, 3, sum(k.shape[0] for k in kernels))
    assert torch.allclose(fourier, direct, rtol=0, atol=1e-12)
    weight = torch.randn(direct.shape, dtype=torch.float64, generator=torch.Generator())
    for mine, theirs in zip(
        torch.autograd.grad((fourier * weight).sum(), [rows, *kernels]),
        torch.autograd.grad((direct * weight).sum(), [rows, *kernels]),
        strict=True,
    ):
        assert torch.allclose(mine, theirs, rtol=0, atol=1e-11)


def test_gradients_follow_from_differences():
    inputs = (rows_of(7, 2), *kernels_of(3, 6))
    assert torch.autograd.gradcheck(lambda rows, *k: fourier_convolutions(rows, k), inputs)


def test_single_precision_stays_within_rounding_of_the_largest_values():
    kernels = kernels_of(12, 27, 40, 80, channels=32, widths=(8, 16, 32, 64), dtype=torch.float32)
    rows = rows_of(240, 8, 32, torch.float32)
    exact = direct_convolutions(rows.double(), [k.double() for k in kernels]).detach()
    error = (fourier_convolutions(rows, kernels).detach() - exact).abs().max()
    assert float(error) < 1e-6 * float(exact.abs().max())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_kernels_learn_nothing_where_input_and_gradient_never_meet(dtype):
    kernels = kernels_of(12, 27, 40, 80, channels=32, widths=(8, 16, 32, 64), dtype=dtype)
    rows, arriving = rows_of(240, 8, 32, dtype), rows_of(240, 8, 120, dtype)
    with torch.no_grad():  # what is left has no pair of frames under most taps of the longest
        rows[:, :, 4:] *= rows[:, :, 4:] > 3
        arriving[:, :, 20:] *= arriving[:, :, 20:] > 3
    direct, fourier = (
        torch.autograd.grad(convolve(rows, kernels), kernels, arriving)
        for convolve in (direct_convolutions, fourier_convolutions)
    )
    assert sum(int((gradient == 0).sum()) for gradient in direct) > 10_000
    for found, expected in zip(fourier, direct, strict=True):
        assert torch.equal(found == 0, expected == 0)


def test_inputs_without_gradients_get_none():
    kernels, rows = kernels_of(5), rows_of(9).detach()
    out = fourier_convolutions(rows, kernels)
    assert torch.autograd.grad(out.sum(), kernels)[0].shape == (2, 4, 5)
    with torch.no_grad():
        assert torch.equal(fourier_convolutions(rows, kernels), out)


def test_sizes_are_even_and_made_of_small_primes():
    assert [fast_size(n) for n in (1, 2, 7, 240, 280, 281, 301)] == [2, 2, 8, 240, 288, 288, 320]
