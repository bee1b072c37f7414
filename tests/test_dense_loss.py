"""Losses of dense anchors: by hand, recorded once from this code, and of chunks that are mixed."""

import math

import numpy as np
import pytest
import torch

from DenseAnchors.loss import AnchorTargets, Criterion
from DenseAnchors.mixing import mixed, unmixed


def criterion(offsets, radius=1, displacement_radius=2, displacement_weight=1.0):
    """Weighted by these offsets."""
    return Criterion.weighted_by(
        lambda reach: int((abs(offsets) <= reach).sum()), offsets.numel(), radius=radius,
        displacement_radius=displacement_radius, displacement_weight=displacement_weight,
    )  # fmt: skip


@pytest.fixture
def example(printed_noise):
    """Logits, displacements and offsets of two chunks of five frames and three classes."""
    logits, way = (
        torch.from_numpy(8 * printed_noise(name, 30)).reshape(2, 5, 3)
        for name in ("dense logits", "dense displacements")
    )
    offsets = torch.from_numpy(np.rint(16 * printed_noise("dense offsets", 30)).astype(np.int8))
    return logits, torch.tanh(way), offsets.reshape(2, 5, 3)


def test_the_weights_have_the_mean_1_and_positives_their_share(example):
    offsets = example[2]
    ours = criterion(offsets)
    near, close = (offsets.abs() <= 2).double(), (offsets.abs() <= 1).double()
    weights = ours.positive * close + ours.negative * (1 - close)
    assert float(weights.mean()) == pytest.approx(1)
    assert float((ours.positive * close).mean()) == pytest.approx(0.03)
    assert float((ours.near * near).mean()) == pytest.approx(1)


def test_losses_anchor_by_anchor(example):
    logits, way, offsets = example
    ours = criterion(offsets)
    cross_entropy, huber = 0.0, 0.0
    for b, t, c in np.ndindex(*offsets.shape):
        offset, sure = int(offsets[b, t, c]), 1 / (1 + math.exp(-float(logits[b, t, c])))
        if abs(offset) <= 1:
            cross_entropy -= ours.positive * math.log(sure)
        else:
            cross_entropy -= ours.negative * math.log(1 - sure)
        if abs(offset) <= 2:
            error = abs(float(way[b, t, c]) - offset / 2)
            part = error**2 / 2 if error < 0.5 else 0.5 * (error - 0.25)
            huber += ours.near * part / 0.5
    losses = ours((logits, way), unmixed(offsets))
    assert float(losses["confidence"]) == pytest.approx(cross_entropy / 30, rel=1e-6)
    assert float(losses["displacement"]) == pytest.approx(huber / 30, rel=1e-6)


def test_losses_recorded(example):
    logits, way, offsets = example
    losses = criterion(offsets)((logits, way), unmixed(offsets))
    assert {name: float(loss) for name, loss in losses.items()} == pytest.approx(
        {"confidence": 0.9948388781987111, "displacement": 1.0698740656057102}, rel=1e-6
    )


def test_without_events_confidence_alone_costs():
    offsets = torch.full((2, 4, 1), 3, dtype=torch.int8)
    ours = criterion(offsets)
    losses = ours((torch.zeros(2, 4, 1), torch.ones(2, 4, 1)), unmixed(offsets))
    assert float(losses["confidence"]) == pytest.approx(0.97 * math.log(2))
    assert float(losses["displacement"]) == 0


def test_confident_and_right_costs_nothing_and_never_infinity(example):
    offsets = example[2]
    sure = torch.where(offsets.abs() <= 1, 1e4, -1e4)
    way = torch.where(offsets.abs() <= 2, offsets, 0) / 2
    ours = criterion(offsets)
    assert [float(loss) for loss in ours((sure, way), unmixed(offsets)).values()] == [0, 0]
    assert all(torch.isfinite(loss) for loss in ours((-sure, way), unmixed(offsets)).values())


def test_displacements_weigh_what_they_are_told_to(example):
    logits, way, offsets = example
    whole, tenth = (
        criterion(offsets, displacement_weight=weight)((logits, way), unmixed(offsets))
        for weight in (1, 0.1)
    )
    assert torch.equal(tenth["confidence"], whole["confidence"])
    assert torch.allclose(10 * tenth["displacement"], whole["displacement"])


def test_half_precision_is_widened(example):
    logits, way, offsets = example
    losses = criterion(offsets)((logits.bfloat16(), way.bfloat16()), unmixed(offsets))
    assert {loss.dtype for loss in losses.values()} == {torch.float32}


def test_chunks_are_mixed_with_the_one_before_them():
    torch.manual_seed(0)
    chunks, offsets = torch.randn(6, 32, 5), torch.randint(-3, 4, (6, 32, 2), dtype=torch.int8)
    sums, targets = mixed(chunks, offsets, 2)
    share = targets.shares[0]
    assert torch.allclose(targets.shares.sum(dim=0), torch.ones(6))
    assert ((share > 0) & (share < 1)).all() and len(share.unique()) == 6
    for i in range(6):
        expected = share[i] * chunks[i] + (1 - share[i]) * chunks[i - 1]
        assert torch.allclose(sums[i], expected, atol=1e-6)
        assert torch.equal(targets.offsets[:, i], torch.stack([offsets[i], offsets[i - 1]]))


def test_the_loss_of_mixed_chunks_is_that_of_each_in_its_share(example):
    logits, way, offsets = example
    ours = criterion(offsets)
    share = torch.tensor([0.25, 0.75])
    both = torch.stack([offsets, offsets.roll(1, 0)])
    found = ours((logits, way), AnchorTargets(both, torch.stack([share, 1 - share])))
    for name, loss in found.items():
        parts = [
            s * ours((logits[[i]], way[[i]]), unmixed(both[k][[i]]))[name]
            for i in range(2)
            for k, s in enumerate((share[i], 1 - share[i]))
        ]
        assert float(loss) == pytest.approx(float(sum(parts)) / 2, rel=1e-6)


@pytest.mark.parametrize("alpha", [1, 2, 5])
def test_shares_have_the_moments_of_the_beta_distribution(alpha):
    torch.manual_seed(alpha)
    _, targets = mixed(torch.zeros(20_000, 1, 1), torch.zeros(20_000, 1, 1), alpha)
    share = targets.shares[0].double()
    assert float(share.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(share.var()) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.05)
