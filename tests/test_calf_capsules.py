"""Lengths of capsules: the formula, and its gradient by hand."""

import pytest
import torch

from common.calf import capsules as module
from common.calf.capsules import capsule_lengths, normalised_capsule_lengths

T, B, P, C = 7, 3, 4, 5
EPS = 1e-3

pytestmark = pytest.mark.usefixtures("one_thread")


def plain(capsules, weight, bias):
    """The paper's: batch normalisation per position, sigmoid, distance from 1/2."""
    flat = capsules.flatten(1)
    mean, variance = flat.mean(dim=1), flat.var(dim=1, unbiased=False)
    normal = (flat - mean[:, None]) / torch.sqrt(variance + EPS)[:, None]
    active = torch.sigmoid(weight[:, None] * normal + bias[:, None]) - 0.5
    square = active.view_as(capsules).square().sum(dim=2)
    return torch.sqrt((4 / capsules.shape[2] * square).clamp(min=1e-12)), mean, variance


def drawn(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    parts = (torch.randn(T, B, P, C, generator=generator), torch.rand(T, generator=generator),
             torch.randn(T, generator=generator))  # fmt: skip
    return [part.to(dtype).requires_grad_() for part in parts]


@pytest.mark.parametrize("entries", [1, 2 * B * P * C, 1 << 17])
def test_lengths_statistics_and_gradients_are_those_of_the_formula(entries, monkeypatch):
    monkeypatch.setattr(module, "_GROUP_ENTRIES", entries)
    fast, expected = normalised_capsule_lengths(*drawn(), EPS), plain(*drawn())
    for one, another in zip(fast, expected, strict=True):
        assert torch.allclose(one, another, rtol=1e-12, atol=0)
    gradient = torch.randn(T, B, C, dtype=torch.float64)
    found = []
    for lengths in (lambda *parts: normalised_capsule_lengths(*parts, EPS), plain):
        parts = drawn()
        lengths(*parts)[0].backward(gradient)
        found.append([part.grad for part in parts])
    for one, another in zip(*found, strict=True):
        assert torch.allclose(one, another, rtol=1e-10, atol=1e-13)


def test_gradients_are_slopes():
    def scores(*parts):
        return normalised_capsule_lengths(*parts, EPS)[0]

    assert torch.autograd.gradcheck(scores, drawn())


def test_with_known_statistics_the_same_lengths():
    capsules, weight, bias = (part.detach() for part in drawn())
    scores, mean, variance = normalised_capsule_lengths(capsules, weight, bias, EPS)
    scale = weight * torch.rsqrt(variance + EPS)
    again = capsule_lengths(capsules - mean[:, None, None, None], scale, bias)
    assert torch.allclose(again, scores, rtol=1e-12, atol=0)


def test_an_indifferent_capsule_has_no_length_and_passes_no_gradient_on():
    capsules = torch.zeros(2, B, P, C, requires_grad=True)
    scores, _, _ = normalised_capsule_lengths(capsules, torch.ones(2), torch.zeros(2), EPS)
    scores.sum().backward()
    assert torch.equal(scores, torch.full_like(scores, 1e-6))
    assert torch.equal(capsules.grad, torch.zeros_like(capsules))


def test_single_precision_stays_near():
    fast, expected = normalised_capsule_lengths(*drawn(torch.float32), EPS), plain(*drawn())
    assert torch.allclose(fast[0].double(), expected[0], rtol=1e-5, atol=1e-6)


def test_bits_do_not_depend_on_the_number_of_threads(monkeypatch):
    monkeypatch.setattr(module, "_GROUP_ENTRIES", B * P * C)
    found = []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        parts = drawn(torch.float32)
        scores, mean, variance = normalised_capsule_lengths(*parts, EPS)
        scores.sum().backward()
        found.append([scores, mean, variance, *(part.grad for part in parts)])
    assert all(map(torch.equal, *found))
