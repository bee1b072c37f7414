"""Widths of one branch and of two, and how often a training step goes without one."""

import numpy as np
import pytest
import torch

from common.calibration.branches import branch_width, drop_one
from common.errors import UserError


@pytest.mark.parametrize("multiplier", [1, 2, 5])
def test_one_branch_is_as_wide_as_two(multiplier):
    together = branch_width(multiplier, features=True, players=True)
    assert together == multiplier
    for one in ({"features": True, "players": False}, {"features": False, "players": True}):
        assert branch_width(multiplier, **one) == 2 * together


def test_a_network_needs_a_branch():
    with pytest.raises(UserError, match="--backbone_feature"):
        branch_width(1, features=False, players=False)


def test_a_branch_is_dropped_for_the_whole_batch_as_often_as_asked_for():
    maps = [torch.ones(1, 3, 1), torch.ones(1, 3, 2)]
    torch.manual_seed(0)
    dropped = []
    for _ in range(4000):
        left = drop_one(maps, 0.4)
        assert [each.shape for each in left] == [each.shape for each in maps]
        assert all(len(each.unique()) == 1 for each in left)
        dropped.append([float(each.amax()) == 0 for each in left])
    assert not np.all(dropped, axis=1).any()  # never both
    assert np.mean(dropped, axis=0) == pytest.approx([0.2, 0.2], abs=0.02)


def test_nothing_is_dropped_of_one_branch_or_at_probability_0():
    one, two = torch.ones(1, 1, 1), torch.ones(1, 1, 2)
    for _ in range(50):
        assert drop_one([one], 1.0)[0] is one
        assert all(a is b for a, b in zip(drop_one([one, two], 0.0), (one, two), strict=True))


def test_at_probability_0_no_random_number_is_taken():
    torch.manual_seed(0)
    expected = torch.rand(())
    torch.manual_seed(0)
    drop_one([torch.ones(1), torch.ones(1)], 0.0)
    assert torch.rand(()) == expected
