"""A run: where and how a model is trained and tested, and how that begins."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import torch
from torch import nn

from common.data.data_set import DataSet
from common.data.fetching import download
from common.errors import UserError, log
from common.files import locked
from common.results.given_files import refuse_names_of_files
from common.results.run_record import (
    BEST_FILE,
    LAST_FILE,
    TESTED,
    TRAINED,
    new_record,
    read_record,
    resumed_record,
    write_record,
)
from common.training.checkpoints import check_classes, load_weights
from common.training.device import autocast, describe, require_precision
from common.training.distributed import Processes
from common.training.recorded_flags import changes, in_words
from common.training.resumption import checked_last
from common.training.run_folder import (
    files_of_run,
    pend_record,
    refuse_claim,
    refuse_other_weights,
    start_log,
    tidy_folder,
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """Where a model is trained and tested, and how.

    Attributes:
        folder: models/<model_name>, for all that the run writes.
        device: what computes.
        precision: of matrix products, fp32 or bf16.
        processes: those that torchrun started, or one.
        published: repeat the quirks of the original that move numbers.
        resume: go on from the last checkpoint if there is one.
        capture: record training steps on a CUDA card: auto, on or off.
        classes: what the network's outputs stand for, in order; kept with its weights.

    Raises UserError if the device does not compute at the precision.
    """

    folder: Path
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: str = "fp32"
    processes: Processes = field(default_factory=Processes)
    published: bool = False
    resume: bool = False
    capture: str = "auto"
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_precision(self.device, self.precision)

    def autocast(self) -> AbstractContextManager:
        """Context in which matrix products run at the run's precision."""
        return autocast(self.device, self.precision)


def fetch_files(
    data: DataSet, splits: Sequence[str], processes: Processes, further: Sequence[str] = ()
) -> None:
    """Downloads what the splits lack, in the first process; `further` files beside features."""
    if processes.is_main:
        names = [*data.features, *further]
        splits = list(dict.fromkeys(splits))
        download(data.root, splits, names, data.classes.label_file, data.classes.halves)
    processes.wait_for_all()


@contextmanager
def start_run(
    run: Run,
    model: nn.Module,
    *,
    about: str,
    settings: Mapping[str, Any],
    training: bool,
    overwrite: bool = False,
    load_weights_from: Path | None = None,
    loglevel: str = "INFO",
) -> Iterator[None]:
    """Has the run's folder alone inside the block; begins its log and its record of settings.

    Nothing is written before everything is checked. Where there is a trained run, the new record
    becomes the run's when `Training` goes on with it; one that is to be replaced stays with its
    record until there is a new checkpoint.

    Args:
        about: the kind of the model, for the log.
        settings: all flags, for the log and the record.
        training: whether it will be trained, or only tested.
        overwrite: replace an earlier run.
        load_weights_from: checkpoint to start from, or to test.

    Raises:
        UserError: another run or process is in the way, other classes, or weights do not fit.
    """
    folder, processes = run.folder, run.processes
    claim = partial(_refuse_what_is_there, run, settings, training, overwrite, load_weights_from)
    weights = folder / BEST_FILE if load_weights_from is None else load_weights_from
    if processes.is_main:
        claim()
    goes_on = training and run.resume and (folder / LAST_FILE).exists()
    if (load_weights_from and not goes_on) or not (training or folder.is_dir()):
        load_weights(model, weights, () if training else run.classes)
    with ExitStack() as stack:
        changed: list[str] = []
        if processes.is_main:
            stack.enter_context(locked(folder))
            tidy_folder(folder)
            claim()  # again: a run may have ended here meanwhile
            if run.resume or not (training or load_weights_from):
                _check_own_weights(run, model, folder / LAST_FILE if training else weights)
            start_log(folder, loglevel)
            log.info("settings: %s", in_words(settings))
            changed = _record(run, settings, training=training)
            stack.callback(pend_record(folder).unlink, missing_ok=True)
        processes.wait_for_all()
        if run.resume:
            stack.enter_context(_recorded_threads(folder / TRAINED, run.device))
        log.info("device: %s, %s", describe(run.device), run.precision)
        parameters = sum(p.numel() for p in model.parameters())
        log.info("model: %s, %d parameters", about, parameters)
        if changed:
            log.info("settings as recorded, but for: %s", ", ".join(changed))
        yield


def _refuse_what_is_there(
    run: Run, settings: Mapping[str, Any], training: bool, overwrite: bool, weights: Path | None
) -> None:
    """Raises UserError if something in the run's folder is in the way of this start."""
    refuse_claim(run.folder, training=training, resume=run.resume, overwrite=overwrite)
    if not training:
        refuse_other_weights(run.folder, weights)
    if not overwrite:
        refuse_names_of_files(run.folder, settings.get("split_test") or ())


def _check_own_weights(run: Run, model: nn.Module, weights: Path) -> None:
    """Raises UserError if the run cannot go on, or be tested, as what it was."""
    record = run.folder / TRAINED
    if record.is_file():
        check_classes(run.classes, read_record(record).get("classes"), record)
    if not (run.resume or weights.exists()) and (run.folder / LAST_FILE).exists():
        raise UserError(
            f"{run.folder} was stopped before it had a {BEST_FILE} to test; go on with --resume"
        )
    if weights.exists() or not run.resume:  # a run that was stopped early has none yet
        content = load_weights(model, weights, run.classes)
        if run.resume:
            checked_last(content, weights)


def _record(run: Run, settings: Mapping[str, Any], *, training: bool) -> list[str]:
    """Writes what the run is; returns which settings are not as it was trained."""
    own = {
        "classes": list(run.classes) or None,
        "threads": torch.get_num_threads(),
        "processes": run.processes.world_size,
    }
    now, file = orjson.loads(orjson.dumps(dict(settings), default=str)), run.folder / TRAINED
    known = file.is_file() and (run.resume if training else not now.get("load_weights"))
    then = read_record(file) if known else None
    record = resumed_record(then, now, **own) if training and then else new_record(now, **own)
    if not training:
        file = run.folder / TESTED
    elif files_of_run(run.folder):  # until it goes on, or has a checkpoint of its own
        file = pend_record(run.folder)
    write_record(file, record)
    if not then:
        return []
    count = then.get("processes", own["processes"])
    other = [f"{own['processes']} processes (was {count})"] if count != own["processes"] else []
    return [*changes(then["settings"], now), *(other if training else [])]


@contextmanager
def _recorded_threads(record: Path, device: torch.device) -> Iterator[None]:
    """Computes with as many threads as the run did before: sums depend on their number."""
    before = torch.get_num_threads()
    recorded = read_record(record).get("threads") if record.is_file() else None
    if recorded and recorded != before and device.type == "cpu":
        log.info("%d threads, as the run has had so far (not %d)", recorded, before)
        torch.set_num_threads(recorded)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def load_best(run: Run, model: nn.Module) -> None:
    """Puts the run's best weights into the model. Raises UserError as `load_weights`."""
    content = load_weights(model, run.folder / BEST_FILE, run.classes)
    log.info("testing the weights of epoch %s", content.get("epoch", "?"))
