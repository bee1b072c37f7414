"""The curves of a training: one value per epoch, NaN where an epoch has none."""

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.errors import UserError

_LARGEST = 1e100  # float32 ends at 3e38; figures overflow from 1e300 on
Curves = dict[str, NDArray[np.float64]]


def read_curves(run: Path) -> Curves | None:
    """Columns of the run's curves.csv, by name; None where it has none or no epoch.

    Raises UserError when the file is not a table of numbers with epochs and losses.
    """
    path = run / "curves.csv"
    if not path.is_file():
        return None
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:  # tables save it so
            rows = list(csv.DictReader(file))
        if not rows:
            return None
        curves = {
            name: np.array([float(row[name] or "nan") for row in rows]) for name in rows[0] if name
        }
    except (ValueError, csv.Error) as error:  # also text that is not UTF-8
        raise UserError(f"{path}: expected numbers, found otherwise ({error})") from None
    for needed in ("epoch", "train_loss", "valid_loss"):
        if needed not in curves:
            raise UserError(f"{path}: expected a column {needed}, found {', '.join(curves)}")
    for name, column in curves.items():
        if (large := np.abs(column[np.isfinite(column)]) > _LARGEST).any():
            found = column[np.isfinite(column)][large][0]
            raise UserError(f"{path}: expected numbers that can be drawn as {name}, found {found}")
    if not np.isfinite(curves["epoch"]).all():
        raise UserError(f"{path}: expected the number of an epoch in each row, found none")
    return curves


def best_epoch(curves: Curves) -> int:
    """Row of the epoch whose weights are tested: of highest score, else of lowest loss."""
    score = curves.get("valid_a_mAP", np.full(1, np.nan))
    if np.isnan(score).all():
        score = -curves["valid_loss"]
    return int(np.argmax(np.where(np.isnan(score), -np.inf, score)))
