"""Adam, the published schedule of the learning rate, and the seeds of a run."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from common.training.optimisation import (
    adam,
    falling_rate,
    plateau_schedule,
    seed_everything,
    step_schedule,
)


def test_the_published_learning_rate_ends_at_1e_8():
    model = nn.Linear(1, 1)
    optimizer = adam(model, 1e-3)
    schedule = plateau_schedule(optimizer, 10)
    rates = []
    ended = False
    while not ended and len(rates) < 200:
        rates.append(optimizer.param_groups[0]["lr"])
        ended = step_schedule(schedule, 1.0)
    assert len(rates) == 66
    assert sorted(set(rates)) == pytest.approx([1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3])


def published_schedule(losses, patience, rate):
    """(rate in each epoch, ended) by the rules of the specification."""
    best, bad, rates = math.inf, 0, []
    for loss in losses:
        rates.append(rate)
        low = rate < 2e-8
        bad = 0 if loss < best * (1 - 1e-4) else bad + 1
        best = min(best, loss) if bad == 0 else best
        if bad > patience:
            if rate - rate * 0.1 > 1e-8:
                rate *= 0.1
            bad = 0
        if low and bad >= patience:
            return rates, True
    return rates, False


@pytest.mark.parametrize("seed", range(20))
def test_scripted_losses_follow_the_published_rules(seed):
    rng = np.random.default_rng(seed)
    patience = int(rng.integers(0, 8))
    # Falling with noise, of steps around the 1e-4 that count as a gain.
    losses = np.exp(np.cumsum(rng.normal(-5e-5, 2e-4, 300))).tolist()
    optimizer = adam(nn.Linear(1, 1), 1e-3)
    schedule = plateau_schedule(optimizer, patience)
    rates, ended = [], False
    for loss in losses:
        rates.append(optimizer.param_groups[0]["lr"])
        if ended := step_schedule(schedule, loss):
            break
    expected_rates, expected_end = published_schedule(losses, patience, 1e-3)
    assert rates == pytest.approx(expected_rates, rel=1e-9)
    assert ended == expected_end


def test_adam_is_the_published_one_and_leaves_frozen_weights_out():
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    model[0].requires_grad_(False)
    (group,) = adam(model, 1e-3).param_groups
    assert (group["lr"], group["betas"], group["eps"]) == (1e-3, (0.9, 0.999), 1e-8)
    assert group["params"] == list(model[1].parameters())
    assert not group["fused"]
    (group,) = adam(model, 1e-2, eps=1e-7, fused=True).param_groups
    assert (group["lr"], group["eps"], group["fused"]) == (1e-2, 1e-7, True)


def test_the_rate_falls_linearly_to_a_hundredth():
    optimizer = adam(nn.Linear(1, 1), 1.0)
    rates = []
    for epoch in (0, 1, 2, 4, 5):  # the last one after --max_epochs was lowered
        falling_rate(optimizer, 2e-3, epoch, 5)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([2e-3, 2e-3 * 0.7525, 2e-3 * 0.505, 2e-5, 2e-5])
    falling_rate(optimizer, 2e-3, 0, 1)
    assert optimizer.param_groups[0]["lr"] == 2e-3


def test_decay_takes_its_share_of_each_weight_and_less_as_the_rate_falls():
    layer = nn.Linear(3, 2).double()
    optimizer = adam(layer, 1e-2, decay=0.1)
    for epoch, share in ((0, 0.1), (4, 0.001)):
        falling_rate(optimizer, 1e-2, epoch, 5)
        before = layer.weight.detach().clone()
        layer.weight.grad = torch.zeros_like(layer.weight)  # so that nothing else moves it
        optimizer.step()
        assert torch.allclose(layer.weight, (1 - share) * before)


@pytest.mark.parametrize("seed", [0, 3, 2**40])
def test_one_seed_draws_the_same_numbers_again(seed):
    def drawn():
        seed_everything(seed)
        return torch.rand(3).tolist(), np.random.rand(3).tolist()

    first = drawn()
    assert drawn() == first
    seed_everything(seed + 1)
    assert torch.rand(3).tolist() != first[0]
