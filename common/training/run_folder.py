"""The folder of a run, models/<model_name>/: log, checkpoints, curves, results."""

import csv
import filecmp
import io
import logging
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from common.data.events import CLASS_SPLITS
from common.errors import UserError, log
from common.files import make_folder, sync_folder, write_bytes
from common.results.operating_points import POINT_FILE
from common.results.run_record import BEST_FILE, LAST_FILE, TESTED, TRAINED
from common.training.checkpoints import read_checkpoint, save_checkpoint
from common.training.event_file import FOLDER as EVENTS

CURVES = "curves.csv"
PUBLISHED_KEYS = ("epoch", "state_dict", "best_loss", "optimizer")
_PENDING = f".{TRAINED}"  # the record of a run that has not begun yet
_ASIDE = ".earlier"  # holds a run's files while those of another take their place
_RESULTS = (  # and what commands make of them
    TESTED, "settings_file_*.json", "outputs_*", "scores_*", "results_*.json", "results_*.zip",
    "report_*", POINT_FILE, "detections_*",
)  # fmt: skip


def refuse_claim(path: Path, *, training: bool, resume: bool, overwrite: bool) -> None:
    """Raises UserError when a trained run is in the way. Changes nothing.

    With `overwrite` the earlier run stays until the new one has a checkpoint: `replaced`.
    """
    existing = [path / name for name in (LAST_FILE, BEST_FILE) if (path / name).exists()]
    if training and any((path / part / LAST_FILE).exists() for part in CLASS_SPLITS):
        raise UserError(
            f"{path} holds the runs of class splits; pass --class_split both to go on with them, "
            "or another --model_name"
        )
    if training and existing and not resume and not overwrite:
        raise UserError(
            f"{path} already holds a trained run; pass --resume to continue it, --test_only to "
            "test it, --overwrite to replace it, or another --model_name"
        )
    if training and existing == [path / BEST_FILE] and not overwrite:
        raise UserError(
            f"{path} has a {BEST_FILE} but no {LAST_FILE} to resume from; pass --overwrite to "
            "train anew, or --load_weights with another --model_name to start from its weights"
        )
    results = [each.name for each in _results(path) if each.name != TESTED]
    if training and results and not existing and not overwrite:
        raise UserError(
            f"{path} holds results of weights that are not its own ({', '.join(results[:4])}); "
            "pass --overwrite to replace them, or another --model_name"
        )


def refuse_other_weights(path: Path, weights: Path | None) -> None:
    """Raises UserError if results of other weights would take the place of a trained run's.

    Args:
        weights: given to be tested, or spotted with; None for the run's own.
    """
    own = path / BEST_FILE
    parts = [path / part / LAST_FILE for part in CLASS_SPLITS]
    trained = [each for each in (own, path / LAST_FILE, *parts) if each.is_file()]
    if weights is None or not trained:
        return
    if not (own.is_file() and weights.is_file() and filecmp.cmp(own, weights, shallow=False)):
        raise UserError(
            f"{path} is a trained run, and {weights} holds other weights than its own: its results "
            "would be lost; pass another --model_name, or leave out --load_weights"
        )


def tidy_folder(path: Path) -> None:
    """Puts right what a process left that died here; only for who has the folder alone."""
    if (path / _ASIDE).is_dir():
        # The first file that goes there is the earlier last.pth.tar, if there is one.
        if any((path / _ASIDE).iterdir()) and (path / LAST_FILE).exists():  # the new run had begun
            settle_record(path)
            shutil.rmtree(path / _ASIDE)
        else:
            _bring_back(path)
    (path / _PENDING).unlink(missing_ok=True)
    for left in chain(path.glob(".*.tmp"), path.glob("outputs_*/**/.*.tmp")):
        left.unlink(missing_ok=True)
    if (path / LAST_FILE).is_file():
        try:
            complete_best(path, read_checkpoint(path / LAST_FILE))
        except UserError as error:  # whoever needs the file says so again
            log.debug("%s", error)


def complete_best(path: Path, last: Mapping[str, Any]) -> None:
    """Writes the best weights if they are those of the last checkpoint and did not get there."""
    progress, best = last.get("progress"), path / BEST_FILE
    if not isinstance(progress, dict):
        return
    epoch, best_epoch, batch = last.get("epoch"), progress.get("best_epoch"), progress.get("batch")
    if not all(type(each) is int for each in (epoch, best_epoch, batch)):  # tensors are no numbers
        return
    if epoch and best_epoch == epoch and batch == 0 and (there := _epoch_of(best)) != epoch:
        if there is not None:
            make_way(path)
        save_checkpoint(best, {n: last[n] for n in (*PUBLISHED_KEYS, "classes") if n in last})


def _epoch_of(checkpoint: Path) -> int | None:
    """Which epoch's weights a checkpoint holds; None where nothing is that reads."""
    try:
        epoch = read_checkpoint(checkpoint).get("epoch")
    except UserError:
        return None
    return epoch if type(epoch) is int else None


def pend_record(path: Path) -> Path:
    """The file for the record of a run until `settle_record`."""
    return path / _PENDING


def settle_record(path: Path) -> None:
    """The pending record, if there is one, becomes the run's."""
    if (path / _PENDING).exists():
        (path / _PENDING).replace(path / TRAINED)


def files_of_run(path: Path) -> list[Path]:
    """What of a trained run another one takes the place of; nothing without a checkpoint.

    Results (files, and the folders outputs_…) are of its weights, and go with them.
    """
    if not any((path / name).exists() for name in (LAST_FILE, BEST_FILE)):
        return []
    names = (LAST_FILE, BEST_FILE, CURVES, TRAINED)
    files = [path / name for name in names if (path / name).exists()]
    return [*files, *path.glob(f"{EVENTS}/events.*"), *_results(path)]


def remove_results(path: Path) -> list[str]:
    """Removes the results of weights that are no more, for good; returns their names."""
    results = _results(path)
    for each in results:
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()
    if results:
        sync_folder(path)
    return [each.name for each in results]


def make_way(path: Path) -> None:
    """Removes, and tells, the results of the weights that others are about to take the place of.

    Those of a pair of models are of either's weights.
    """
    removed, pair = remove_results(path), path.parent
    own = any((pair / name).exists() for name in (LAST_FILE, BEST_FILE))
    if path.name in CLASS_SPLITS and (pair / TRAINED).is_file() and not own:
        removed += [f"../{name}" for name in remove_results(pair)]
    if removed:
        log.info(
            "better weights take the place of the earlier ones, whose results are removed: %s",
            ", ".join(removed),
        )


def _results(path: Path) -> list[Path]:
    return sorted(chain.from_iterable(path.glob(name) for name in _RESULTS))


@contextmanager
def replaced(path: Path, earlier: Sequence[Path]) -> Iterator[None]:
    """Takes the files of an earlier run away if the block ends well; else they stay as they were.

    If the process dies inside, `tidy_folder` ends it: with the new run if that has a last.pth.tar.
    """
    if not earlier:
        yield
        return
    aside, moved = path / _ASIDE, False
    make_folder(aside)
    try:
        for file in earlier:
            file.replace(aside / file.name)
            # The last.pth.tar is the first: no other may be aside without it, after a power cut
            # neither; and none may be left when there is a new one.
            if file.name == LAST_FILE or file == earlier[-1]:
                sync_folder(aside)
                sync_folder(path)
        moved = True
        yield
    except BaseException:
        if moved:
            for name in (LAST_FILE, BEST_FILE, CURVES, TRAINED):
                (path / name).unlink(missing_ok=True)
        _bring_back(path)
        raise
    shutil.rmtree(aside)


def _bring_back(path: Path) -> None:
    # The last.pth.tar comes last, for what lies aside beside it counts as replaced.
    for file in sorted((path / _ASIDE).iterdir(), key=lambda file: file.name == LAST_FILE):
        folder = path / EVENTS if file.name.startswith("events.") else path
        folder.mkdir(exist_ok=True)
        if file.name == LAST_FILE:
            sync_folder(path)
        file.replace(folder / file.name)
    (path / _ASIDE).rmdir()


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
    """Writes one row per epoch to curves.csv; cells of numbers an epoch did not have are empty.

    A file that has them already is left alone.
    """
    columns = list(dict.fromkeys(name for row in history for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    file, content = path / CURVES, text.getvalue().encode()
    if not file.is_file() or file.read_bytes() != content:
        write_bytes(file, content)
