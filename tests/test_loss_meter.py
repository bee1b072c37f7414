"""Losses of a pass: means over items, parts of a batch in several processes, the guard."""

import math

import pytest
import torch

from common.errors import UserError
from common.training.batches import Batch
from common.training.distributed import Processes
from common.training.loss_meter import LossMeter

NOTHING = (torch.zeros(1),)


class Two(Processes):
    """One of two processes, where the other has the same sums."""

    def sum(self, *numbers):
        return [2 * number for number in numbers]


def losses(**values):
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()}


def test_the_mean_is_over_items_and_over_the_sum_of_the_losses():
    meter = LossMeter("epoch 1 train", Processes())
    for items, one, another in ((4, 1.0, 0.5), (2, 4.0, 0.5)):
        meter.batch = Batch(NOTHING, items, items)
        assert float(meter.record(losses(one=one, another=another))) == one + another
        meter.finish_batch()
    assert meter.totals() == ({"one": 12.0, "another": 3.0}, 6)
    assert meter.mean() == 15 / 6


def test_sums_over_a_batch_count_for_all_its_items():
    meter = LossMeter("epoch 1 train", Processes())
    for items, value in ((4, 8.0), (2, 5.0)):
        meter.batch = Batch(NOTHING, items, items)
        assert float(meter.record(losses(loss=value), summed=True)) == value
        meter.finish_batch()
    assert meter.mean() == (4 * 8 + 2 * 5) / 6


@pytest.mark.parametrize(
    ("items", "summed", "share"), [(3, False, 6 / 5), (2, False, 4 / 5), (3, True, 2), (0, True, 0)]
)
def test_what_is_minimised_averages_over_processes_to_the_whole_batch(items, summed, share):
    meter = LossMeter("epoch 1 train", Two(0, 0, 2), batch=Batch(NOTHING, items, 5, 2))
    value = torch.tensor(3.0, requires_grad=True)
    meter.record({"loss": value}, summed).backward()
    meter.finish_batch()
    assert float(value.grad) == pytest.approx(share)
    sums, counted = meter.totals()
    assert counted == 2 * items
    assert sums == {"loss": 2 * 3.0 * ((5 if items else 0) if summed else items)}


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_names_the_batch_and_counts_nothing(bad):
    meter = LossMeter("epoch 3 valid", Processes(), done=6, batch=Batch(NOTHING, 4, 4))
    with pytest.raises(UserError, match=r"epoch 3 valid: the loss of batch 7 is not .*bce 0.5"):
        meter.record(losses(bce=0.5, other=bad))
    assert (meter.sums, meter.items) == ({}, 0)


def test_recording_leaves_no_graph_behind():
    meter = LossMeter("epoch 1 train", Processes(), batch=Batch(NOTHING, 4, 4))
    loss = meter.record({"loss": torch.tensor(2.0, requires_grad=True)})
    assert loss.requires_grad
    assert meter.sums == {"loss": 8.0}
    assert type(meter.sums["loss"]) is float


def test_a_loss_outside_an_iteration_is_a_mistake():
    with pytest.raises(AssertionError, match="inside the iteration"):
        LossMeter("epoch 1 train", Processes()).record(losses(loss=1.0))
