"""Batches in an order that is a pure function of seed and epoch, read ahead by threads.

Threads, not processes: reading a batch is copying rows out of memory maps, which runs without
Python's lock. Nothing is pickled or copied twice, and the bits never depend on their number.
"""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from common.training.distributed import Processes


class Source(Protocol):
    """A data set that reads whole batches; `batch` may be called from several threads."""

    def __len__(self) -> int: ...

    def batch(self, indices: NDArray[np.int64]) -> tuple[Tensor, ...]:
        """The items of these numbers, stacked along axis 0."""
        ...


@dataclass(frozen=True)
class Batch:
    """Tensors on the device, and which part of the whole batch they are.

    `items` of the batch are ours, `whole` of all `processes` together.
    """

    tensors: tuple[Tensor, ...]
    items: int
    whole: int
    processes: int = 1

    def weight(self, summed: bool) -> int:
        """Number of items that a loss of ours stands for, if it is their sum, or their mean.

        All processes' sums belong to the whole batch; a part without items belongs to nothing.
        """
        return self.whole if summed and self.items else self.items

    def share(self, summed: bool) -> float:
        """Factor on our loss, so that gradients averaged over processes are the whole batch's."""
        return self.weight(summed) * self.processes / self.whole


def shuffled(length: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Order of the items in an epoch: a permutation of 0…length - 1 from seed and epoch alone."""
    return np.random.default_rng([seed, epoch]).permutation(length)


def read_batches(
    source: Source,
    order: NDArray[np.int64],
    *,
    batch_size: int,
    device: torch.device,
    workers: int = 0,
    processes: Processes | None = None,
    first_batch: int = 0,
) -> Iterator[Batch]:
    """Yields the batches of `order`, from number `first_batch` on, on the device.

    Args:
        batch_size: items per batch over all processes together.
        workers: threads that read ahead, fewer than cores; 0 reads when asked.
    """
    processes = processes or Processes()
    starts = range(first_batch * batch_size, len(order), batch_size)

    def read(start: int) -> Batch:
        whole = order[start : start + batch_size]
        ours = whole[processes.rank :: processes.world_size]
        # A process without an item takes one that counts nothing: all must meet in each step.
        tensors = source.batch(ours if len(ours) else whole[:1])
        if device.type == "cuda":
            tensors = tuple(tensor.pin_memory() if tensor.is_cpu else tensor for tensor in tensors)
        tensors = tuple(tensor.to(device, non_blocking=True) for tensor in tensors)
        return Batch(tensors, len(ours), len(whole), processes.world_size)

    workers = min(workers, max(1, (os.cpu_count() or 1) - 1))  # a core is left to who computes
    if workers == 0:
        yield from map(read, starts)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="batches") as pool:
        pending: deque[Future[Batch]] = deque()
        try:
            for start in starts:
                pending.append(pool.submit(read, start))
                if len(pending) > workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
