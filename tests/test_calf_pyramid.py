"""The pyramid in time: precision of its values and gradients."""

import pytest
import torch
from torch.nn import functional as F

from common.calf.fourier import direct_convolutions
from common.calf.pyramid import FeatureBranch, look_around

pytestmark = pytest.mark.usefixtures("one_thread")


def pyramid_of(receptive_frames):
    torch.manual_seed(0)
    branch = FeatureBranch(4, 1, receptive_frames)
    return [getattr(branch, f"conv_p_{number}") for number in (1, 2, 3, 4)]


@pytest.mark.parametrize("receptive_frames", [8, 16, 17, 40])
def test_double_precision_is_kept_in_values_and_gradients(receptive_frames):
    layers = [layer.double() for layer in pyramid_of(receptive_frames)]
    parameters = [p for layer in layers for p in layer.parameters()]
    frames = torch.randn(96, 3, 16, dtype=torch.float64).requires_grad_()
    kernels = [layer.weight.flatten(2) for layer in layers]
    bias = torch.cat([layer.bias for layer in layers])
    found = look_around(frames, layers)
    expected = torch.cat([frames, F.relu(direct_convolutions(frames, kernels) + bias)], dim=2)
    assert found.dtype == torch.float64
    assert torch.allclose(found, expected, rtol=0, atol=1e-13)
    weight = torch.randn_like(expected)
    for mine, theirs in zip(
        torch.autograd.grad((found * weight).sum(), [frames, *parameters]),
        torch.autograd.grad((expected * weight).sum(), [frames, *parameters]),
        strict=True,
    ):
        assert torch.allclose(mine, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("receptive_frames", [16, 40])
def test_half_precision_is_raised_to_single(receptive_frames):
    layers = pyramid_of(receptive_frames)
    frames = torch.randn(48, 2, 16).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(look_around(frames, layers), look_around(frames.float(), layers))


@pytest.mark.parametrize(("receptive_frames", "taps"), [(80, (12, 27, 40, 80)), (8, (2, 3, 4, 8))])
@pytest.mark.parametrize("width", [1, 2, 4])
def test_kernels_and_channels_are_the_papers(receptive_frames, taps, width):
    branch = FeatureBranch(5, width, receptive_frames)
    layers = [getattr(branch, f"conv_p_{number}") for number in (1, 2, 3, 4)]
    assert tuple(layer.kernel_size[0] for layer in layers) == taps
    assert [layer.out_channels for layer in layers] == [c * width for c in (4, 8, 16, 32)]
    reduced = branch.reduce(torch.randn(7, 3, 5))
    assert reduced.shape == (7, 3, 16 * width)
    assert branch(reduced).shape == (7, 3, 76 * width)


def test_frames_are_reduced_by_themselves():
    torch.manual_seed(0)
    branch = FeatureBranch(5, 1, 8)
    rows = torch.randn(6, 5)
    literal = rows[:, None, None]  # [6, 1, 1, D], as the layers have it
    for layer in (branch.conv_1, branch.conv_2):
        literal = F.relu(layer(literal))
    found = branch.reduce(rows)
    assert torch.allclose(found, literal[..., 0, 0], rtol=1e-5, atol=1e-6)
    assert torch.allclose(branch.reduce(rows[2]), found[2], rtol=1e-5, atol=1e-6)
