"""What an epoch loop is written with: iterators that hold seeds, checkpoints, stops, processes.

    with Training(run, model, optimizer, settings) as training:
        for epoch in training.epochs():
            for features, targets in epoch.training(clips, order):
                loss = epoch.record({"bce": …})
                …  # zero_grad, backward, step
            for features, targets in epoch.validation(other_clips):
                epoch.record({"bce": …})
            epoch.close()

Everything random in a step is a pure function of (seed, epoch, batch, process), and everything
else is in `last.pth.tar`. So a run that was stopped, or killed, and resumed ends with the same
bits as one that was left alone.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from common.errors import Interrupted, log
from common.training.checkpoints import BEST_FILE, LAST_FILE, load_weights, save_checkpoint
from common.training.epoch import Epoch
from common.training.event_file import EventFile
from common.training.loss_meter import LossMeter, QueuedLosses
from common.training.optimisation import plateau_schedule, step_schedule
from common.training.progress import Progress, TrainingSettings
from common.training.recorded_steps import RecordedSteps, tape_for
from common.training.resumption import (
    checked_last,
    checked_progress,
    restore_optimizer,
    restore_schedule,
    told_of,
)
from common.training.run import Run
from common.training.run_folder import (
    complete_best,
    files_of_run,
    make_way,
    replaced,
    settle_record,
    write_curves,
)
from common.training.stopping import StopRequest


class Training:
    """Trains `model` until the schedule or `max_epochs` ends it; a context manager.

    Leaves the best weights in model.pth.tar, the newest state in last.pth.tar, and the curves as
    CSV and for TensorBoard.

    Args:
        run: its folder exists; with `resume` training goes on from last.pth.tar if there is one.
        model: without a wrapper for several processes.
        select_by: the number of a thorough validation whose highest value marks the best weights,
            as soon as there is one; the lowest validation loss until then, and always if None.
        varying: why no two training steps are alike, if so: they are not recorded then.
        data: digests of what is trained and selected on, by purpose, which may not change.
    """

    def __init__(
        self,
        run: Run,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        settings: TrainingSettings,
        select_by: str | None = None,
        varying: str = "",
        data: Mapping[str, str] | None = None,
    ) -> None:
        self.run, self.model, self.optimizer = run, model, optimizer
        self.settings, self.select_by = settings, select_by
        self.schedule = plateau_schedule(optimizer, settings.patience)
        self.progress = Progress()
        self.stop = StopRequest()
        tape = tape_for(run.device, run.capture, run.processes.world_size, varying)
        self.steps = RecordedSteps(tape, lambda: optimizer.param_groups[0]["lr"])
        self.queued: dict[str, QueuedLosses] = {}
        if run.device.type not in ("cpu", "mps"):  # the one has no queue, the other no double
            self.queued = {name: QueuedLosses(run.device) for name in ("train", "valid")}
        self._open = ExitStack()
        self._earlier: list[Path] = []  # files of a run that this one takes the place of
        self._events: EventFile | None = None
        if run.resume and (run.folder / LAST_FILE).exists():
            self._restore()
        self.progress.begin_on(data or {}, run.folder / LAST_FILE)

    def __enter__(self) -> "Training":
        folder = self.run.folder
        if self.run.processes.is_main:
            if not self.run.resume:
                self._earlier = files_of_run(folder)
            if not self._earlier:
                settle_record(folder)
            if self.progress.history:
                write_curves(folder, self.progress.history)
            self._events = EventFile(folder, self.progress.epoch + 1)
            self._open.callback(self._events.close)
        self._open.enter_context(self.stop.listening())
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.close()

    def epochs(self) -> Iterator[Epoch]:
        """The epochs that are left, each to be closed before the next.

        Raises Interrupted after a signal to stop, with everything saved for --resume.
        """
        while not self.progress.finished and self.progress.epoch < self.settings.max_epochs:
            yield Epoch(self)
        # Also a meeting: the other processes read next what the first has just written.
        if self.stop.asked(self.run.processes):
            raise self.interrupted("after the last epoch")

    def close_epoch(self, row: dict[str, float], valid_loss: float) -> None:
        """Schedule, checkpoints, curves."""
        progress, folder = self.progress, self.run.folder
        improved = progress.improves(valid_loss, row.get(self.select_by or ""))
        progress.close_epoch(row, improved)
        progress.finished = step_schedule(self.schedule, valid_loss)
        if self.run.processes.is_main:
            # The last first: it tells whether the best were written, and what they are. Results
            # of other weights before it: whatever stops this, none lie beside the new ones.
            with replaced(folder, self._earlier):
                if improved and not self._earlier:
                    make_way(folder)
                self._save_last()
                if improved:
                    save_checkpoint(folder / BEST_FILE, self._published_content())
                write_curves(folder, progress.history)
            self._earlier = []
        log.info(
            "epoch %d: %s%s",
            progress.epoch,
            ", ".join(f"{k} {v:.5g}" for k, v in row.items() if k != "epoch"),
            " (best)" if improved else "",
        )
        if self._events is not None:
            self._events.add(row, progress.epoch)

    def save_half_way(self, meter: LossMeter) -> None:
        """Saves the state of an epoch that is stopped after `meter.done` batches."""
        progress = self.progress
        progress.batch = meter.done
        progress.sums, progress.items = meter.totals()
        if self.run.processes.is_main:
            with replaced(self.run.folder, self._earlier):
                self._save_last()
            self._earlier = []

    def interrupted(self, where: str) -> Interrupted:
        """What to raise after a stop."""
        return Interrupted(
            f"stopped by {self.stop.signal or 'a signal to another process'} {where}; everything "
            "is saved, the same command with --resume goes on from there"
        )

    def _published_content(self) -> dict[str, Any]:
        classes = {"classes": list(self.run.classes)} if self.run.classes else {}
        return {
            "epoch": self.progress.epoch,
            "state_dict": self.model.state_dict(),
            "best_loss": self.progress.best_loss,
            "optimizer": self.optimizer.state_dict(),
            **classes,
        }

    def _save_last(self) -> None:
        further = {
            "scheduler": self.schedule.state_dict(),
            "progress": asdict(self.progress),
            "settings": asdict(self.settings),
        }
        save_checkpoint(self.run.folder / LAST_FILE, {**self._published_content(), **further})
        settle_record(self.run.folder)

    def _restore(self) -> None:
        path = self.run.folder / LAST_FILE
        content = load_weights(self.model, path, self.run.classes)
        checked_last(content, path)
        with told_of(path):
            self.settings.refuse_others(content["settings"], path)
            restore_optimizer(self.optimizer, content["optimizer"])
            restore_schedule(self.schedule, content["scheduler"])
            self.progress = Progress(**checked_progress(content["progress"]))
        if self.run.processes.is_main:
            complete_best(self.run.folder, content)
        log.info("resuming after epoch %d, batch %d", self.progress.epoch, self.progress.batch)
