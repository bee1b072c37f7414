"""The folder of a run, models/<model_name>/: settings, log, checkpoints, curves, results."""

import csv
import io
import logging
import platform
import sys
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import orjson

from common.checkpoints import BEST_FILE, LAST_FILE
from common.errors import UserError
from common.files import read_json, write_bytes, write_json

log = logging.getLogger("spotting")

_RECORDED_PACKAGES = ("soccer-action-spotting", "torch", "numpy", "SoccerNet")


def open_run(path: Path, *, training: bool, resume: bool, overwrite: bool) -> None:
    """Makes the folder of a run, or refuses when a trained run is in the way.

    With `overwrite` the checkpoints and curves of the earlier run are removed; its other files are
    replaced as new ones are written.
    """
    existing = [path / name for name in (LAST_FILE, BEST_FILE) if (path / name).exists()]
    if training and (parts := sorted(path.glob(f"*/{LAST_FILE}"))):
        raise UserError(
            f"{path} holds the runs of class splits ({', '.join(p.parent.name for p in parts)}); "
            "pass --class_split both to go on with them, or another --model_name"
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


def record_settings(path: Path, settings: dict[str, Any], kind: str) -> None:
    """Writes settings, command line and versions to settings_<kind>.json."""
    content = {
        "settings": settings,
        "command": ["/".join(Path(sys.argv[0]).parts[-2:]), *sys.argv[1:]],
        "started": time.strftime("%Y-%m-%d %H:%M:%S"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _RECORDED_PACKAGES},
    }
    text = orjson.dumps(content, default=str, option=orjson.OPT_INDENT_2)
    write_bytes(path / f"settings_{kind}.json", text + b"\n")


def check_same_inputs(path: Path, settings: dict[str, Any], names: Sequence[str]) -> None:
    """Raises UserError if a run is to be tested on other inputs than it was trained on.

    Args:
        names: settings that decide what the network sees.
    """
    file = path / "settings_train.json"
    if not file.is_file():
        return
    trained = read_json(file)["settings"]
    given = orjson.loads(orjson.dumps(settings, default=str))
    other = [name for name in names if name in trained and trained[name] != given.get(name)]
    if other:
        told = ", ".join(f"--{name} {trained[name]}, now {given.get(name)}" for name in other)
        raise UserError(
            f"{path} was trained with {told}; pass the flags of its training, or to test it like "
            f"this all the same --load_weights {path / BEST_FILE} and another --model_name"
        )


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
        (logging.FileHandler(path / f"{stamp}.log"), "%(asctime)s %(levelname)s %(message)s"),
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


def write_results(path: Path, split: str, content: dict[str, Any]) -> Path:
    """Writes the scores of a split to results_<split>.json; returns its path."""
    file = path / f"results_{split}.json"
    write_json(file, content)
    return file


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
