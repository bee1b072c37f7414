"""Convolution and pooling over three frames: the library's, to rounding, and its gradients."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from common.calf.time_layers import pool_in_time, same_convolution

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("frames", range(3, 24))
def test_pooling_in_time_is_the_librarys(frames):
    rows = torch.randn(frames, 2, 3, dtype=torch.float64).requires_grad_()
    expected = F.max_pool1d(rows.permute(1, 2, 0), 3, 2).permute(2, 0, 1)
    found = pool_in_time(rows)
    assert torch.equal(found, expected)
    weight = torch.randn_like(found)
    for mine, theirs in zip(
        torch.autograd.grad((found * weight).sum(), rows),
        torch.autograd.grad((expected * weight).sum(), rows),
        strict=True,
    ):
        assert torch.allclose(mine, theirs, rtol=0, atol=1e-15)


def test_of_equal_frames_the_earliest_gets_the_gradient():
    rows = torch.ones(5, 1, 1, requires_grad=True)
    pool_in_time(rows).sum().backward()
    assert rows.grad.flatten().tolist() == [1, 0, 1, 0, 0]


@pytest.mark.parametrize(("inside", "outside"), [(3, 5), (5, 3), (4, 4)])
def test_convolutions_over_three_frames_are_the_librarys(inside, outside):
    layer = nn.Conv2d(inside, outside, (3, 1)).double()
    rows = torch.randn(9, 2, inside, dtype=torch.float64)
    expected = F.conv2d(rows.permute(1, 2, 0)[..., None], layer.weight, layer.bias, padding=(1, 0))
    found = same_convolution(rows, layer)
    assert torch.allclose(found, expected[..., 0].permute(2, 0, 1), rtol=0, atol=1e-14)


@pytest.mark.parametrize(("inside", "outside"), [(3, 5), (5, 3), (4, 4)])
def test_gradients_of_convolutions_over_three_frames_are_the_librarys(inside, outside):
    layer = nn.Conv2d(inside, outside, (3, 1)).double()
    rows = torch.randn(9, 2, inside, dtype=torch.float64).requires_grad_()
    expected = F.conv2d(rows.permute(1, 2, 0)[..., None], layer.weight, layer.bias, padding=(1, 0))
    expected = expected[..., 0].permute(2, 0, 1)
    arriving = torch.randn_like(expected)
    sources = rows, layer.weight, layer.bias
    for mine, theirs in zip(
        torch.autograd.grad(same_convolution(rows, layer), sources, arriving),
        torch.autograd.grad(expected, sources, arriving),
        strict=True,
    ):
        assert torch.allclose(mine, theirs, rtol=0, atol=1e-13)
