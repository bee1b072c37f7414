"""Losses of one pass over a data set: their means, and the guard against NaN."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from common.errors import UserError
from common.training.batches import Batch
from common.training.distributed import Processes


class QueuedLosses:
    """Sums of losses that stay on the device that computes them, until somebody asks.

    To ask for a number there means to wait for everything before it, so nobody does inside a pass.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._names: tuple[str, ...] = ()
        self._sums = self._bad = torch.empty(0)  # of each loss; those of the first odd batch
        # Batches so far, and the first of them whose loss is not finite; -1: none.
        self._counts = torch.tensor([0, -1], device=device)

    def clear(self) -> None:
        """Before a pass. The tensors stay where they are: a recorded step adds to just these."""
        self._sums.zero_()
        self._counts[0], self._counts[1] = 0, -1

    def add(self, losses: Mapping[str, Tensor], total: Tensor, weight: int) -> None:
        """Adds a batch's losses, each times a number of items; `total` is their sum."""
        if not self._names:
            self._names = tuple(losses)
            size = (2, len(losses))
            self._sums, self._bad = torch.zeros(size, dtype=torch.float64, device=self._device)
        values = torch.stack([value.detach().double() for value in losses.values()])
        self._sums += values * weight
        done, first = self._counts
        is_first = (first < 0) & ~torch.isfinite(total.detach())
        self._bad.copy_(torch.where(is_first, values, self._bad))
        first.copy_(torch.where(is_first, done, first))
        done += 1

    def read(self) -> tuple[dict[str, float], int, dict[str, float]]:
        """Waits for the device: sums, number of the first batch that is odd or -1, its losses."""
        sums, bad = (
            dict(zip(self._names, numbers.tolist(), strict=True))
            for numbers in (self._sums, self._bad)
        )
        return sums, int(self._counts[1]), bad


@dataclass
class LossMeter:
    """Sums of losses over the items of a pass, batch after batch.

    Attributes:
        title: of the pass, for bars and errors.
        done: batches that are finished, those before a resumption included.
        sums: of each loss over the items so far, those of this process.
        items: how many those are.
        batch: the one in hand.
        queued: where losses are added up on their device; else here, each as it comes.
    """

    title: str
    processes: Processes
    done: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    items: int = 0
    batch: Batch | None = None
    queued: QueuedLosses | None = None

    def __post_init__(self) -> None:
        self._begun = self.done
        if self.queued is not None:
            self.queued.clear()

    def record(self, losses: dict[str, Tensor], summed: bool = False) -> Tensor:
        """Adds a batch's losses; returns what to minimise.

        That is their sum, scaled so that gradients averaged over processes are those of the whole
        batch. Raises UserError naming the batch when it is not finite, before it can do harm; where
        losses are queued `check` does.

        Args:
            losses: means over our items of the batch, or sums over them.
            summed: whether they are sums. The mean is then that over items of the loss of their
                batch, which grows with the batch size, as published.
        """
        batch = self.batch
        assert batch is not None, "record belongs inside the iteration"
        loss = torch.stack(list(losses.values())).sum()
        if self.queued is not None:
            self.queued.add(losses, loss, batch.weight(summed))
            return loss * batch.share(summed)
        if not torch.isfinite(loss):
            numbers = {name: float(value.detach()) for name, value in losses.items()}
            raise self._not_finite(self.done + 1, numbers)
        for name, value in losses.items():
            sum_so_far = self.sums.get(name, 0.0)
            self.sums[name] = sum_so_far + float(value.detach()) * batch.weight(summed)
        return loss * batch.share(summed)

    def finish_batch(self) -> None:
        """The batch in hand is done with."""
        assert self.batch is not None, "there is no batch in hand"
        self.items += self.batch.items
        self.done += 1

    def check(self) -> dict[str, float]:
        """Our sums so far; where losses are queued, waits for them.

        Raises UserError naming the first batch whose loss was not finite.
        """
        if self.queued is None:
            return self.sums
        queued, first, bad = self.queued.read()
        if first >= 0:
            raise self._not_finite(self._begun + first + 1, bad)
        return self.sums | {name: self.sums.get(name, 0.0) + n for name, n in queued.items()}

    def totals(self) -> tuple[dict[str, float], int]:
        """Sum of each loss over all processes, and the number of items. Raises as `check`."""
        mine = self.check()
        *sums, items = self.processes.sum(*mine.values(), self.items)
        return dict(zip(mine, sums, strict=True)), round(items)

    def mean(self) -> float:
        """Mean over all items of the sum of the losses."""
        sums, items = self.totals()
        return sum(sums.values()) / items

    def _not_finite(self, batch: int, losses: Mapping[str, float]) -> UserError:
        parts = ", ".join(f"{name} {value}" for name, value in losses.items())
        return UserError(
            f"{self.title}: the loss of batch {batch} is not finite ({parts}); lower --LR, or run "
            "python -m common.doctor on the data"
        )
