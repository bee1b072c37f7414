"""Order and content of batches, whatever the number of threads and processes."""

import threading
import time

import numpy as np
import pytest
import torch

from common.errors import UserError
from common.training.batches import read_batches, shuffled
from common.training.distributed import Processes

CPU = torch.device("cpu")
WORKERS = pytest.mark.parametrize("workers", [0, 1, 4])


class Numbers:
    """Item i is the number i; notes what is read, and takes its time for early batches."""

    def __init__(self, length, slow=False):
        self.length, self.slow = length, slow
        self.read = []
        self.lock = threading.Lock()

    def __len__(self):
        return self.length

    def batch(self, indices):
        if self.slow:
            time.sleep(0.002 * (1 + int(indices[0]) % 3))
        with self.lock:
            self.read.append(indices.tolist())
        items = torch.from_numpy(indices)
        return items, -items[:, None]


@pytest.fixture(autouse=True)
def four_cores(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 4)


def contents(batches):
    return [batch.tensors[0].tolist() for batch in batches]


def test_every_item_once_in_an_order_of_its_own_for_each_seed_and_epoch():
    orders = [shuffled(50, seed, epoch) for seed in range(3) for epoch in range(3)]
    for order in orders:
        assert np.array_equal(np.sort(order), np.arange(50))
    assert len({tuple(order) for order in orders}) == 9


def test_an_order_follows_from_seed_and_epoch_alone():
    first = shuffled(30, 1, 2)
    np.random.seed(5)
    torch.manual_seed(5)
    shuffled(30, 1, 1)
    assert np.array_equal(shuffled(30, 1, 2), first)
    assert shuffled(0, 1, 2).tolist() == []


@WORKERS
@pytest.mark.parametrize(("length", "sizes"), [(10, [4, 4, 2]), (8, [4, 4]), (3, [3]), (0, [])])
def test_batches_come_in_order_the_last_one_as_it_is(length, sizes, workers):
    source, order = Numbers(length, slow=True), shuffled(length, 0, 0)
    batches = list(read_batches(source, order, batch_size=4, device=CPU, workers=workers))
    assert [batch.items for batch in batches] == sizes
    assert [item for batch in contents(batches) for item in batch] == order.tolist()
    for batch in batches:
        assert torch.equal(batch.tensors[1][:, 0], -batch.tensors[0])
        assert batch.share(summed=False) == batch.share(summed=True) == 1


@WORKERS
def test_an_epoch_can_be_taken_up_in_its_middle(workers):
    order = shuffled(23, 0, 1)
    how = {"batch_size": 5, "device": CPU, "workers": workers}
    whole = contents(read_batches(Numbers(23), order, **how))
    for first in range(7):
        source = Numbers(23)
        later = contents(read_batches(source, order, **how, first_batch=first))
        assert later == whole[first:]
        assert len(source.read) == len(later)  # nothing before it is read


@WORKERS
@pytest.mark.parametrize("world_size", [2, 3, 8])
def test_processes_share_each_batch_and_gradients_average_to_those_of_the_whole(
    world_size, workers
):
    order = shuffled(21, 3, 0)  # batches of 8, 8 and 5: fewer than processes
    how = {"batch_size": 8, "device": CPU, "workers": workers}
    ranks = [
        list(read_batches(Numbers(21), order, **how, processes=Processes(rank, 0, world_size)))
        for rank in range(world_size)
    ]
    for number, parts in enumerate(zip(*ranks, strict=True)):
        whole = order[8 * number : 8 * number + 8]
        ours = [item for part in parts for item in part.tensors[0][: part.items].tolist()]
        assert sorted(ours) == sorted(whole.tolist())
        assert all(len(part.tensors[0]) == max(part.items, 1) for part in parts)
        # A "gradient" is the mean or sum over the part's items, times its share, averaged.
        for summed, expected in ((False, whole.mean()), (True, whole.sum())):
            gradients = [
                (numbers.sum() if summed else numbers.mean()) * part.share(summed)
                for part in parts
                for numbers in [part.tensors[0].double()]
            ]
            assert float(sum(gradients)) / world_size == pytest.approx(expected)


def test_a_process_without_an_item_counts_nothing():
    fourth = Processes(3, 0, 4)
    batches = list(
        read_batches(Numbers(9), np.arange(9), batch_size=4, device=CPU, processes=fourth)
    )
    assert [batch.items for batch in batches] == [1, 1, 0]
    assert batches[2].share(summed=False) == batches[2].share(summed=True) == 0
    assert len(batches[2].tensors[0]) == 1


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_threads_read_ahead_but_not_the_whole_epoch(workers):
    source = Numbers(1000)
    batches = read_batches(source, np.arange(1000), batch_size=10, device=CPU, workers=workers)
    for taken in range(1, 4):
        next(batches)
        assert taken <= len(source.read) <= taken + workers
    batches.close()
    assert len(source.read) <= 3 + workers
    assert not [t for t in threading.enumerate() if t.name.startswith("batches")]


def test_a_core_is_left_to_those_who_compute(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    source = Numbers(100, slow=True)
    batches = read_batches(source, np.arange(100), batch_size=2, device=CPU, workers=50)
    next(batches)
    assert len([t for t in threading.enumerate() if t.name.startswith("batches")]) == 1
    batches.close()


@WORKERS
def test_an_error_while_reading_arrives_at_the_batch_it_belongs_to(workers):
    class Broken(Numbers):
        def batch(self, indices):
            if 17 in indices:
                raise UserError("row 17 is NaN")
            return super().batch(indices)

    batches = read_batches(Broken(40), np.arange(40), batch_size=5, device=CPU, workers=workers)
    assert contents(next(batches) for _ in range(3)) == np.arange(15).reshape(3, 5).tolist()
    with pytest.raises(UserError, match="row 17"):
        next(batches)
    assert list(batches) == []
