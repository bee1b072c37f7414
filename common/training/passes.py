"""One pass over a data set: progress, mean losses, the guard against NaN, the wish to stop."""

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from common.errors import UserError
from common.training.batches import Batch
from common.training.distributed import Processes


class Stopped(Exception):  # noqa: N818 - an event, not a mistake
    """Raised between two batches once a stop was requested."""


class StopRequest:
    """Remembers that Ctrl-C or SIGTERM came; a second one stops at once."""

    def __init__(self) -> None:
        self.signal: str | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Takes over both signals inside the block."""
        before = {s: signal.signal(s, self._note) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if self.signal is not None:
            raise KeyboardInterrupt(name)
        self.signal = name

    def asked(self, processes: Processes) -> bool:
        """Whether a signal came to any process. All must ask at the same place.

        So all leave before the same batch, and none waits for the others' gradients.
        """
        return processes.sum(self.signal is not None)[0] > 0


@dataclass
class Pass:
    """Iterate over it to get the tensors of each batch; `record` the losses of each.

    In training torch is seeded before each batch with numbers that say where we are, which pins
    dropout whatever happened before.
    """

    batches: Iterable[Batch]
    total: int  # batches in the whole pass
    title: str
    processes: Processes = field(default_factory=Processes)
    seed: tuple[int, int] | None = None  # (seed, epoch) in training
    stop: StopRequest | None = None
    done: int = 0  # batches, those before a resumption included
    sums: dict[str, float] = field(default_factory=dict)  # loss name -> sum over items
    items: int = 0
    batch: Batch | None = None  # the one in hand

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        with tqdm(
            total=self.total,
            initial=self.done,
            desc=self.title,
            unit="batch",
            delay=2,
            leave=False,
            disable=None if self.processes.is_main else True,
        ) as bar:
            for batch in self.batches:
                self.batch = batch
                if self.stop is not None and self.stop.asked(self.processes):
                    raise Stopped
                if self.seed is not None:
                    place = np.random.SeedSequence([*self.seed, self.done, self.processes.rank])
                    torch.manual_seed(int(place.generate_state(1)[0]))
                yield batch.tensors
                self.done += 1
                bar.update()

    def record(self, losses: dict[str, Tensor], summed: bool = False) -> Tensor:
        """Adds a batch's losses to the pass; returns what to minimise.

        That is their sum, scaled so that gradients averaged over processes are those of the whole
        batch. Raises UserError naming the batch when it is not finite, before it can do harm.

        Args:
            losses: means over our items of the batch, or sums over them.
            summed: whether they are sums. A pass tells the mean over items of the loss of their
                batch, which for sums grows with the batch size, as published.
        """
        batch = self.batch
        assert batch is not None, "record belongs inside the iteration"
        loss = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(loss):
            parts = ", ".join(f"{name} {float(value.detach())}" for name, value in losses.items())
            raise UserError(
                f"{self.title}: the loss of batch {self.done + 1} is not finite ({parts}); lower "
                "--LR, or run python -m common.doctor on the data"
            )
        for name, value in losses.items():
            sum_so_far = self.sums.get(name, 0.0)
            self.sums[name] = sum_so_far + float(value.detach()) * batch.weight(summed)
        self.items += batch.items
        return loss * batch.share(summed)

    def totals(self) -> tuple[dict[str, float], int]:
        """Sum of each loss over all processes, and the number of items."""
        *sums, items = self.processes.sum(*self.sums.values(), self.items)
        return dict(zip(self.sums, sums, strict=True)), round(items)

    def mean_loss(self) -> float:
        """Mean over all items of the sum of the losses."""
        sums, items = self.totals()
        return sum(sums.values()) / items
