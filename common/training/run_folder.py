"""The folder of a run, models/<model_name>/: log, checkpoints, curves, results."""

import csv
import io
import logging
import sys
import time
from pathlib import Path

from common.data.events import CLASS_SPLITS
from common.errors import UserError, log
from common.files import write_bytes
from common.training.checkpoints import BEST_FILE, LAST_FILE


def claim_folder(path: Path, *, training: bool, resume: bool, overwrite: bool) -> None:
    """Makes the folder of a run, or refuses when a trained run is in the way.

    With `overwrite` the checkpoints and curves of the earlier run are removed; its other files are
    replaced as new ones are written.
    """
    existing = [path / name for name in (LAST_FILE, BEST_FILE) if (path / name).exists()]
    if training and any((path / part / LAST_FILE).exists() for part in CLASS_SPLITS):
        raise UserError(
            f"{path} holds the runs of class splits; pass --class_split both to go on with them, "
            "or another --model_name"
        )
    if training and existing and overwrite:
        for old in (*existing, path / "curves.csv", *path.glob("tensorboard/events.*")):
            old.unlink(missing_ok=True)
    elif training and existing and not resume:
        raise UserError(
            f"{path} already holds a trained run; pass --resume to continue it, --test_only to "
            "test it, --overwrite to replace it, or another --model_name"
        )
    elif training and existing == [path / BEST_FILE]:
        raise UserError(
            f"{path} has a {BEST_FILE} but no {LAST_FILE} to resume from; pass --overwrite to "
            "train anew, or --load_weights with another --model_name to start from its weights"
        )
    path.mkdir(parents=True, exist_ok=True)


def start_log(path: Path, level: str = "INFO") -> None:
    """Logs to the screen and to <run folder>/<date>_<time>.log, as published."""
    try:
        log.setLevel(level.upper())
    except ValueError:
        raise UserError(
            f"unknown --loglevel {level!r}; choose DEBUG, INFO, WARNING or ERROR"
        ) from None
    for earlier in list(log.handlers):  # of another run in this process
        log.removeHandler(earlier)
        earlier.close()
    stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
    for handler, form in (
        (logging.StreamHandler(sys.stdout), "%(message)s"),
        (
            logging.FileHandler(path / f"{stamp}.log", encoding="utf-8"),
            "%(asctime)s %(levelname)s %(message)s",
        ),
    ):
        handler.setFormatter(logging.Formatter(form))
        handler.handleError = _give_up  # type: ignore[method-assign]
        log.addHandler(handler)


def _give_up(record: logging.LogRecord) -> None:
    """Lets the error through: a full disk is one sentence at the end, not a traceback per line."""
    raise  # called while the error is handled


def write_curves(path: Path, history: list[dict[str, float]]) -> None:
    """Writes one row per epoch to curves.csv; cells of numbers an epoch did not have are empty."""
    columns = list(dict.fromkeys(name for row in history for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_bytes(path / "curves.csv", text.getvalue().encode())
