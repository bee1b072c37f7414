"""Batches in an order that is a pure function of seed and epoch, read ahead by threads.

Threads, not processes: reading a batch is copying rows out of memory maps, which runs without
Python's lock. Nothing is pickled or copied twice, and the bits never depend on their number.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

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


@runtime_checkable
class KeptSource(Protocol):
    """A data set that may lie on the device, where a batch is cut out without the host.

    `addresses`, [n, …], say where each item lies; None as long as they are on disk.
    """

    addresses: Tensor | None

    def cut(self, addresses: Tensor) -> tuple[Tensor, ...]:
        """The items at these addresses, stacked along axis 0."""
        ...


@dataclass(frozen=True)
class Batch:
    """What is on the device of a batch, and which part of the whole batch it is.

    `items` of the batch are ours, `whole` of all `processes` together. `inputs` are its tensors, or
    what `cut` makes them of.
    """

    inputs: tuple[Tensor, ...]
    items: int
    whole: int
    processes: int = 1
    cut: Callable[..., tuple[Tensor, ...]] | None = None

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The items, stacked along axis 0; made anew each time it is asked for."""
        return self.made_of(self.inputs)

    def made_of(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """What `tensors` would be of other inputs of the same shapes."""
        return inputs if self.cut is None else self.cut(*inputs)

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
    if isinstance(source, KeptSource) and source.addresses is not None:
        addresses = source.addresses[torch.from_numpy(order).to(source.addresses.device)]
        yield from _cut_batches(addresses, source.cut, batch_size, processes, first_batch)
        return
    starts = range(first_batch * batch_size, len(order), batch_size)

    def read(start: int) -> Batch:
        whole = order[start : start + batch_size]
        ours = whole[processes.rank :: processes.world_size]
        # A process without an item takes one that counts nothing: all must meet in each step.
        tensors = source.batch(ours if len(ours) else whole[:1])
        if device.type == "cuda":
            tensors = tuple(tensor.pin_memory() if tensor.is_cpu else tensor for tensor in tensors)
        return Batch(tensors, len(ours), len(whole), processes.world_size)

    for batch in _read_ahead(read, starts, workers):
        # Copied here and not by the reader, so that the copy has its place in the queue of who
        # computes with it.
        moved = tuple(tensor.to(device, non_blocking=True) for tensor in batch.inputs)
        yield replace(batch, inputs=moved)


def _read_ahead(read: Callable[[int], Batch], starts: range, workers: int) -> Iterator[Batch]:
    """What `read` makes of each start, in order; so many threads are ahead."""
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


def _cut_batches(
    addresses: Tensor,
    cut: Callable[..., tuple[Tensor, ...]],
    batch_size: int,
    processes: Processes,
    first_batch: int,
) -> Iterator[Batch]:
    """As `read_batches`, of items that lie on the device at these addresses, in their order."""
    for start in range(first_batch * batch_size, len(addresses), batch_size):
        whole = addresses[start : start + batch_size]
        ours = whole[processes.rank :: processes.world_size]
        inputs = (ours if len(ours) else whole[:1],)
        yield Batch(inputs, len(ours), len(whole), processes.world_size, cut)
