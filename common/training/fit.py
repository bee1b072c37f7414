"""One training loop for all baselines. It knows epochs, not tasks.

Everything random in a step is a pure function of (seed, epoch, batch, process), and everything
else is in `last.pth.tar`. So a run that was stopped, or killed, and resumed ends with the same
bits as one that was left alone.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tensorboardX import SummaryWriter
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from common.errors import Interrupted, UserError
from common.training.batches import Epochs, Source, read_batches
from common.training.checkpoints import BEST_FILE, LAST_FILE, load_weights, save_checkpoint
from common.training.distributed import Processes
from common.training.passes import Pass, Stopped, StopRequest
from common.training.run_folder import log, write_curves

SMALLEST_STEP = 1e-8  # the schedule does not lower the learning rate by less

# A baseline's epoch: forward, `record`, backward and step for each batch of the pass.
TrainEpoch = Callable[[Pass], None]
# A baseline's validation: `record` for each batch; returns further numbers for the curves. The
# flag asks for the slow ones, every `evaluation_frequency` epochs.
Validate = Callable[[Pass, bool], dict[str, float]]


@dataclass(frozen=True)
class FitSettings:
    """How long, how large, from which seed. `batch_size` is over all processes together."""

    batch_size: int
    max_epochs: int
    patience: int  # bad epochs (no relative gain of 1e-4 in validation loss) to wait
    evaluation_frequency: int  # epochs between thorough validations
    seed: int
    workers: int = 0


@dataclass
class Progress:
    """Where training stands, beside weights, optimiser and schedule."""

    epoch: int = 0  # complete epochs
    best_loss: float = 9e99  # lowest validation loss
    best_score: float | None = None  # highest validation score, where there is one
    finished: bool = False
    history: list[dict[str, float]] = field(default_factory=list)
    # An epoch that was stopped half-way: its batches, their items and sums of losses.
    batch: int = 0
    items: int = 0
    sums: dict[str, float] = field(default_factory=dict)


def seed_everything(seed: int) -> None:
    """Seeds torch and numpy before a model draws its weights."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)


def adam(
    model: nn.Module, learning_rate: float, eps: float = 1e-8, fused: bool = False
) -> torch.optim.Adam:
    """The optimiser of all baselines; those of the CALF family have another eps.

    `fused` takes a step in one pass over all weights: faster, and other bits.
    """
    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return torch.optim.Adam(
        learnt, lr=learning_rate, betas=(0.9, 0.999), eps=eps, fused=fused or None
    )


def plateau_schedule(optimizer: torch.optim.Optimizer, patience: int) -> ReduceLROnPlateau:
    """The published schedule: a tenth of the learning rate after patience + 1 bad epochs."""
    return ReduceLROnPlateau(optimizer, "min", factor=0.1, patience=patience, eps=SMALLEST_STEP)


def step_schedule(schedule: ReduceLROnPlateau, valid_loss: float) -> bool:
    """Tells the schedule an epoch's validation loss; True when training should end.

    That is `patience` bad epochs after the learning rate reached 1e-8, from where it cannot fall.
    """
    rate = schedule.optimizer.param_groups[0]["lr"]
    schedule.step(valid_loss)
    return rate < 2 * SMALLEST_STEP and schedule.num_bad_epochs >= schedule.patience


class Fit:
    """Trains `model` until the schedule or `max_epochs` ends it: `Fit(...).run()`.

    Leaves the best weights in model.pth.tar, the newest state in last.pth.tar, and the curves as
    CSV and for TensorBoard.

    Args:
        folder: of the run; exists.
        model: also optimised in `train_epoch`, there perhaps wrapped for several processes.
        training, validation: what the passes of an epoch read.
        select_by: the number of the thorough validation whose highest value marks the best
            weights, as soon as there is one; the lowest validation loss until then, and always if
            this is None.
        resume: go on from last.pth.tar if there is one.
    """

    def __init__(
        self,
        folder: Path,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        training: Epochs,
        validation: Epochs,
        settings: FitSettings,
        device: torch.device,
        processes: Processes | None = None,
        resume: bool = False,
        select_by: str | None = None,
    ) -> None:
        self.folder, self.model, self.optimizer = folder, model, optimizer
        self.training, self.validation = training, validation
        self.settings, self.device, self.select_by = settings, device, select_by
        self.processes = processes or Processes()
        self.schedule = plateau_schedule(optimizer, settings.patience)
        self.progress = Progress()
        self.stop = StopRequest()
        if resume and (folder / LAST_FILE).exists():
            self._restore()

    def run(self, train_epoch: TrainEpoch, validate: Validate) -> None:
        """Trains epoch by epoch.

        Raises:
            Interrupted: after Ctrl-C or SIGTERM, with everything saved for --resume.
            UserError: a loss is not finite.
        """
        progress = self.progress
        writer = SummaryWriter(
            str(self.folder / "tensorboard"),
            purge_step=progress.epoch + 1,
            write_to_disk=self.processes.is_main,
        )
        with writer, self.stop.listening():
            while not progress.finished and progress.epoch < self.settings.max_epochs:
                row = self._one_epoch(train_epoch, validate)
                for name, value in row.items():
                    writer.add_scalar(name, value, progress.epoch)
            # Also a meeting: the other processes read next what the first has just written.
            if self.stop.asked(self.processes):
                raise self._interrupted("after the last epoch")

    def _one_epoch(self, train_epoch: TrainEpoch, validate: Validate) -> dict[str, float]:
        progress, started = self.progress, time.monotonic()
        training = self._training_pass()
        try:
            train_epoch(training)
        except Stopped:
            self._save_half_way(training)
            where = f"in epoch {progress.epoch + 1} after batch {training.done}"
            raise self._interrupted(where) from None
        self.processes.share_buffers(self.model)
        source, order = self.validation(progress.epoch)
        validation = self._pass(source, order, "valid")
        frequency = self.settings.evaluation_frequency
        thorough = progress.epoch > 0 and progress.epoch % frequency == 0
        further = validate(validation, thorough)
        valid_loss = validation.mean_loss()
        row = {
            "epoch": progress.epoch + 1,
            "train_loss": training.mean_loss(),
            "valid_loss": valid_loss,
            **further,
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "seconds": round(time.monotonic() - started, 3),
        }
        self._close_epoch(row, valid_loss)
        return row

    def _improves(self, valid_loss: float, score: float | None) -> bool:
        """Whether these are the best weights so far; notes that they are."""
        progress = self.progress
        lower = valid_loss < progress.best_loss
        progress.best_loss = min(valid_loss, progress.best_loss)
        if score is None:
            return lower and progress.best_score is None
        higher = progress.best_score is None or score > progress.best_score
        if higher:
            progress.best_score = score
        return higher

    def _close_epoch(self, row: dict[str, float], valid_loss: float) -> None:
        """Schedule, checkpoints, curves."""
        progress = self.progress
        improved = self._improves(valid_loss, row.get(self.select_by or ""))
        progress.epoch += 1
        progress.batch, progress.items, progress.sums = 0, 0, {}
        progress.history.append(row)
        if improved and self.processes.is_main:
            save_checkpoint(self.folder / BEST_FILE, self._published_content())
        progress.finished = step_schedule(self.schedule, valid_loss)
        if self.processes.is_main:
            self._save_last()
            write_curves(self.folder, progress.history)
        log.info(
            "epoch %d: %s%s",
            progress.epoch,
            ", ".join(f"{k} {v:.5g}" for k, v in row.items() if k != "epoch"),
            " (best)" if improved else "",
        )

    def _training_pass(self) -> Pass:
        settings, progress = self.settings, self.progress
        source, order = self.training(progress.epoch)
        training = self._pass(source, order, "train", progress.batch)
        training.seed, training.stop = (settings.seed, progress.epoch), self.stop
        # What was summed before a stop counts once, but all sum the same things.
        training.sums = dict.fromkeys(progress.sums, 0.0)
        if self.processes.is_main:
            training.sums, training.items = dict(progress.sums), progress.items
        return training

    def _pass(
        self, source: Source, order: NDArray[np.int64], what: str, first_batch: int = 0
    ) -> Pass:
        size = self.settings.batch_size
        batches = read_batches(
            source, order, size, self.device, self.settings.workers, self.processes, first_batch
        )
        title = f"epoch {self.progress.epoch + 1} {what}"
        return Pass(batches, -(-len(order) // size), title, self.processes, done=first_batch)

    def _save_half_way(self, training: Pass) -> None:
        progress = self.progress
        progress.batch = training.done
        progress.sums, progress.items = training.totals()
        if self.processes.is_main:
            self._save_last()

    def _interrupted(self, where: str) -> Interrupted:
        return Interrupted(
            f"stopped by {self.stop.signal or 'a signal to another process'} {where}; everything "
            "is saved, the same command with --resume goes on from there"
        )

    def _published_content(self) -> dict[str, Any]:
        return {
            "epoch": self.progress.epoch,
            "state_dict": self.model.state_dict(),
            "best_loss": self.progress.best_loss,
            "optimizer": self.optimizer.state_dict(),
        }

    def _save_last(self) -> None:
        further = {
            "scheduler": self.schedule.state_dict(),
            "progress": asdict(self.progress),
            "settings": asdict(self.settings),
        }
        save_checkpoint(self.folder / LAST_FILE, {**self._published_content(), **further})

    def _restore(self) -> None:
        path = self.folder / LAST_FILE
        content = load_weights(self.model, path)
        if "progress" not in content:
            raise UserError(f"{path} has no state to resume from; use it with --load_weights")
        for name in ("batch_size", "seed"):
            then, now = content["settings"][name], getattr(self.settings, name)
            if then != now:
                raise UserError(
                    f"{path} was trained with {name} {then}, found {now}; resume with the same"
                )
        self.optimizer.load_state_dict(content["optimizer"])
        self.schedule.load_state_dict(content["scheduler"])
        self.progress = Progress(**content["progress"])
        log.info("resuming after epoch %d, batch %d", self.progress.epoch, self.progress.batch)
