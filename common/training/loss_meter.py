"""Losses of one pass over a data set: their means, and the guard against NaN."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from common.errors import UserError
from common.training.batches import Batch
from common.training.distributed import Processes


@dataclass
class LossMeter:
    """Sums of losses over the items of a pass, batch after batch.

    Attributes:
        title: of the pass, for bars and errors.
        done: batches that are finished, those before a resumption included.
        sums: of each loss over the items so far, those of this process.
        items: how many those are.
        batch: the one in hand.
    """

    title: str
    processes: Processes
    done: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    items: int = 0
    batch: Batch | None = None

    def record(self, losses: dict[str, Tensor], summed: bool = False) -> Tensor:
        """Adds a batch's losses; returns what to minimise.

        That is their sum, scaled so that gradients averaged over processes are those of the whole
        batch. Raises UserError naming the batch when it is not finite, before it can do harm.

        Args:
            losses: means over our items of the batch, or sums over them.
            summed: whether they are sums. The mean is then that over items of the loss of their
                batch, which grows with the batch size, as published.
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

    def mean(self) -> float:
        """Mean over all items of the sum of the losses."""
        sums, items = self.totals()
        return sum(sums.values()) / items
