"""An epoch: iterators over batches that hold seeds, stops, sums of losses and recorded steps."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from common.training.batches import Batch, Source, read_batches
from common.training.loss_meter import LossMeter

if TYPE_CHECKING:  # which makes epochs
    from common.training.training import Training


class Epoch:
    """One epoch: iterate over `training`, then over `validation`, `record` the losses, `close`.

    Attributes:
        number: complete epochs before this one.
        thorough: whether this is one of the epochs with the slow validation.
    """

    def __init__(self, training: "Training") -> None:
        self._owner, self._started = training, time.monotonic()
        self.number = training.progress.epoch
        frequency = training.settings.evaluation_frequency
        self.thorough = self.number > 0 and self.number % frequency == 0
        self._meters: dict[str, LossMeter] = {}
        self._meter: LossMeter | None = None  # of the pass in hand

    def training(
        self, source: Source, order: NDArray[np.int64] | None = None
    ) -> Iterator[tuple[Tensor, ...]]:
        """The tensors of each batch of `order`, from where an earlier attempt was stopped.

        Without an order, of all items as they come.

        Torch is seeded before each batch with numbers that say where we are, which pins dropout
        whatever happened before. Between two batches a stop that was asked for saves and raises
        Interrupted.

        On a CUDA card most batches are not yielded: what the loop did with one is recorded, and
        carried out on the others here (`recorded_steps`).
        """
        owner, processes = self._owner, self._owner.run.processes
        progress = owner.progress
        progress.begin_epoch(len(source) if order is None else len(order))
        meter = self._new_meter("train", progress.batch)
        # What was summed before a stop counts once, but all sum the same things.
        meter.sums = dict.fromkeys(progress.sums, 0.0)
        if processes.is_main:
            meter.sums, meter.items = dict(progress.sums), progress.items
        with owner.steps.working():
            for batch in self._batches(meter, source, order):
                if owner.stop.asked(processes):
                    owner.save_half_way(meter)
                    raise owner.interrupted(f"in epoch {self.number + 1} after batch {meter.done}")
                regular = batch.items == owner.settings.batch_size
                yield from owner.steps.tensors_of(batch, self._seed, regular=regular)

    def _seed(self) -> None:
        """Seeds torch with where we are."""
        assert self._meter is not None, "a seed belongs inside an iteration"
        owner = self._owner
        rank = owner.run.processes.rank
        here = [owner.settings.seed, self.number, self._meter.done, rank]
        torch.manual_seed(int(np.random.SeedSequence(here).generate_state(1)[0]))

    def validation(
        self, source: Source, order: NDArray[np.int64] | None = None
    ) -> Iterator[tuple[Tensor, ...]]:
        """The tensors of each batch of `order`; without one, of all items as they come."""
        if "train" in self._meters:
            self._meters["train"].check()
        self._owner.run.processes.share_buffers(self._owner.model)
        meter = self._new_meter("valid")
        for batch in self._batches(meter, source, order):
            yield batch.tensors

    def record(self, losses: dict[str, Tensor], summed: bool = False) -> Tensor:
        """Adds the losses of the batch in hand; returns what to minimise: `LossMeter.record`."""
        assert self._meter is not None, "record belongs inside an iteration"
        return self._meter.record(losses, summed)

    @property
    def items(self) -> int:
        """Items of the batch in hand that are ours; in the last one it may be none."""
        assert self._meter is not None and self._meter.batch is not None
        return self._meter.batch.items

    def close(self, **further: float) -> None:
        """Ends the epoch: best weights, schedule, checkpoints, curves.

        Args:
            further: numbers for the curves beside the losses.
        """
        valid_loss = self._meters["valid"].mean()
        row = {
            "epoch": self.number + 1,
            "train_loss": self._meters["train"].mean(),
            "valid_loss": valid_loss,
            **further,
            "learning_rate": self._owner.optimizer.param_groups[0]["lr"],
            "seconds": round(time.monotonic() - self._started, 3),
        }
        self._owner.close_epoch(row, valid_loss)

    def _new_meter(self, what: str, done: int = 0) -> LossMeter:
        title, processes = f"epoch {self.number + 1} {what}", self._owner.run.processes
        queued = self._owner.queued.get(what)
        self._meter = self._meters[what] = LossMeter(title, processes, done, queued=queued)
        return self._meter

    def _batches(
        self, meter: LossMeter, source: Source, order: NDArray[np.int64] | None
    ) -> Iterator[Batch]:
        """Reads the batches with a progress bar, and keeps the meter up to date."""
        order = np.arange(len(source)) if order is None else order
        run, settings = self._owner.run, self._owner.settings
        batches = read_batches(
            source,
            order,
            batch_size=settings.batch_size,
            device=run.device,
            workers=settings.workers,
            processes=run.processes,
            first_batch=meter.done,
        )
        with tqdm(
            total=-(-len(order) // settings.batch_size),
            initial=meter.done,
            desc=meter.title,
            unit="batch",
            delay=2,
            leave=False,
            disable=None if run.processes.is_main else True,
        ) as bar:
            for meter.batch in batches:
                yield meter.batch
                meter.finish_batch()
                bar.update()
