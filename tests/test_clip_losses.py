"""The loss of both pooling baselines: the published formula, finite everywhere."""

import pytest
import torch
from torch.nn import functional as F

import Pooling.loss
import TemporallyAwarePooling.loss

BOTH = pytest.mark.parametrize(
    "clip_loss",
    [Pooling.loss.clip_loss, TemporallyAwarePooling.loss.clip_loss],
    ids=["Pooling", "TemporallyAwarePooling"],
)


@BOTH
def test_the_loss_is_the_published_formula_where_that_is_finite(clip_loss):
    generator = torch.Generator().manual_seed(0)
    logits = 4 * torch.randn(256, 18, generator=generator, dtype=torch.float64)
    targets = (torch.rand(256, 18, generator=generator) < 0.1).double()
    y = torch.sigmoid(logits)
    published = -(targets * torch.log(y) + (1 - targets) * torch.log(1 - y)).mean()
    ours = clip_loss(logits.float(), targets.float())["bce"]
    assert float(ours) == pytest.approx(float(published), rel=1e-6)


@BOTH
@pytest.mark.parametrize("logit", [30.0, -120.0, 1e4, -1e30])
@pytest.mark.parametrize("target", [0.0, 1.0])
def test_loss_and_gradient_are_finite_where_the_sigmoid_saturates(clip_loss, logit, target):
    logits = torch.tensor([[logit]], requires_grad=True)
    loss = clip_loss(logits, torch.tensor([[target]]))["bce"]
    loss.backward()
    wrong = (logit > 0) != (target == 1)
    assert loss.item() == pytest.approx(abs(logit) if wrong else 0, rel=1e-6, abs=1e-12)
    assert torch.isfinite(logits.grad).all()


@BOTH
def test_the_loss_of_half_precision_logits_is_taken_in_single(clip_loss):
    logits, targets = torch.randn(8, 18).bfloat16(), torch.ones(8, 18)
    expected = F.binary_cross_entropy_with_logits(logits.float(), targets)
    assert torch.equal(clip_loss(logits, targets)["bce"], expected)


@BOTH
def test_the_loss_of_double_precision_stays_double(clip_loss):
    logits = torch.randn(8, 18, dtype=torch.float64)
    targets = (torch.rand(8, 18) < 0.2).float()
    losses = clip_loss(logits, targets)
    assert list(losses) == ["bce"]
    assert losses["bce"].dtype == torch.float64
    assert torch.allclose(clip_loss(logits.float(), targets)["bce"].double(), losses["bce"])
