"""How far a run is, from the files that it writes, and how long the rest may take."""

import csv
from dataclasses import dataclass
from pathlib import Path

from common.errors import UserError, counted
from common.files import read_json


@dataclass(frozen=True)
class EpochsDone:
    """Epochs that are complete, how many there may be, and the mean seconds of one."""

    epochs: int
    most: int | None
    seconds: float

    def __str__(self) -> str:
        """Such as "epoch 7 of at most 20, at most 12 min left"."""
        if not self.epochs:
            return "before its first epoch"
        if self.most is None:
            return f"after {counted(self.epochs, 'epoch')}"
        if self.epochs >= self.most:
            return f"trained, after {counted(self.epochs, 'epoch')}"
        left = duration((self.most - self.epochs) * self.seconds)
        return f"epoch {self.epochs + 1} of at most {self.most}, at most {left} left"


def progress_of(folder: Path) -> EpochsDone:
    """How far the run in a folder is; of several models in it, the one at work."""
    curves = sorted(folder.rglob("curves.csv"), key=_modified)
    if not curves:
        return EpochsDone(0, None, 0.0)
    seconds: list[float] = []
    try:
        with curves[-1].open(newline="", encoding="utf-8") as file:
            seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError):  # being replaced, or not ours
        pass
    return EpochsDone(
        len(seconds), _most_epochs(curves[-1].parent), sum(seconds) / max(1, len(seconds))
    )


def duration(seconds: float) -> str:
    """A rough length of time: 40 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _most_epochs(folder: Path) -> int | None:
    for place in (folder, folder.parent):
        try:
            found = read_json(place / "settings_train.json")["settings"]["max_epochs"]
        except (OSError, UserError, KeyError, TypeError):
            continue
        return found if isinstance(found, int) else None
    return None
