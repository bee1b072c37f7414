"""A run: where and how a model is trained and tested, and how that begins."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from common.data.data_set import DataSet
from common.data.fetching import download
from common.errors import log
from common.results.run_record import check_same_inputs, record_settings
from common.training.checkpoints import BEST_FILE, load_weights
from common.training.device import autocast, describe
from common.training.distributed import Processes
from common.training.run_folder import claim_folder, start_log


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
    """

    folder: Path
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: str = "fp32"
    processes: Processes = field(default_factory=Processes)
    published: bool = False
    resume: bool = False

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


def start_run(
    run: Run,
    model: nn.Module,
    *,
    about: str,
    settings: Mapping[str, Any],
    inputs: Sequence[str],
    training: bool,
    overwrite: bool = False,
    load_weights_from: Path | None = None,
    loglevel: str = "INFO",
) -> None:
    """Claims the run's folder, begins its log and its record of settings.

    Args:
        about: the kind of the model, for the log.
        settings: all flags, for the record.
        inputs: names of those settings that decide what the network sees.
        training: whether it will be trained, or only tested.
        overwrite: replace an earlier run.
        load_weights_from: checkpoint to start from, or to test.

    Raises:
        UserError: another run is in the way, was trained on other inputs, or weights do not fit.
    """
    if load_weights_from:  # now: it may be a file that --overwrite takes away
        load_weights(model, load_weights_from)
    elif not training:
        check_same_inputs(run.folder, dict(settings), inputs)
    if run.processes.is_main:
        claim_folder(run.folder, training=training, resume=run.resume, overwrite=overwrite)
        start_log(run.folder, loglevel)
        record_settings(run.folder, dict(settings), "train" if training else "test")
    run.processes.wait_for_all()
    parameters = sum(p.numel() for p in model.parameters())
    log.info("device: %s, %s", describe(run.device), run.precision)
    log.info("model: %s, %d parameters", about, parameters)


def load_best(run: Run, model: nn.Module) -> None:
    """Puts the run's best weights into the model. Raises UserError as `load_weights`."""
    content = load_weights(model, run.folder / BEST_FILE)
    log.info("testing the weights of epoch %s", content.get("epoch", "?"))
