"""Sums weighed by a softmax: the fast form and the one for large exponents equal the formula."""

import pytest
import torch

from CALF_Calibration_GCN.softmax_aggregation import softmax_sum

pytestmark = pytest.mark.usefixtures("one_thread")


def random_input(scale=1.0, n=4, m=5, E=3):
    torch.manual_seed(0)
    messages = (scale * torch.rand(n, m, E, dtype=torch.float64)).requires_grad_()
    neighbours = (torch.rand(n, m, m) < 0.5).double()
    neighbours[0] = 0  # a frame without any edge
    alone = (neighbours.sum(dim=2, keepdim=True) == 0).double()
    return messages, neighbours, alone


def literal_sum(messages, t, neighbours):
    """The formula, node by node."""
    frames = []
    for own, near in zip(messages, neighbours, strict=True):
        rows = []
        for row in near:
            there = own[row > 0]  # [k, E]
            rows.append((torch.softmax(t * there, dim=0) * there).sum(dim=0))
        frames.append(torch.stack(rows))
    return torch.stack(frames)


@pytest.mark.parametrize("t", [1.0, -2.0, 0.0, 30.0])
@pytest.mark.parametrize("scale", [0.1, 1.0, 59.0, 61.0, 5000.0])  # the form changes at 60
def test_values_and_gradients_are_those_of_the_formula(t, scale):
    messages, neighbours, alone = random_input(scale)
    t = torch.tensor([t], dtype=torch.float64, requires_grad=True)
    found, expected = (
        softmax_sum(messages, t, neighbours, alone), literal_sum(messages, t, neighbours)
    )  # fmt: skip
    assert found.dtype == torch.float64
    assert torch.allclose(found, expected, rtol=1e-10, atol=1e-12)
    arriving = torch.randn_like(expected)
    for mine, theirs in zip(
        torch.autograd.grad(found, (messages, t), arriving),
        torch.autograd.grad(expected, (messages, t), arriving),
        strict=True,
    ):
        assert torch.allclose(mine, theirs, rtol=1e-8, atol=1e-8 * scale)


def test_nodes_without_neighbours_get_nothing_and_give_nothing():
    for scale in (1.0, 100.0):
        messages, neighbours, alone = random_input(scale)
        t = torch.ones(1, dtype=torch.float64)
        found = softmax_sum(messages, t, neighbours, alone)
        assert not found[0].any()
        (gradient,) = torch.autograd.grad(found.sum(), messages)
        assert not gradient[0].any()
        assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("scale", [1.0, 50.0, 100.0])
def test_single_precision_is_near(scale):
    messages, neighbours, alone = random_input(scale)
    t = torch.ones(1, dtype=torch.float64)
    exact = softmax_sum(messages, t, neighbours, alone)
    found = softmax_sum(messages.float(), t.float(), neighbours.float(), alone.float())
    assert found.dtype == torch.float32
    assert torch.allclose(found.double(), exact, rtol=1e-5, atol=1e-6)
