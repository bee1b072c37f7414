"""How many halves a game has: not all go into extra time."""

from collections.abc import Sequence
from pathlib import Path

from common.data.events import EventClasses
from common.data.labels import read_labels


def count_halves(folder: Path, features: Sequence[str], classes: EventClasses) -> int:
    """Halves of the game in `folder`: what its files say, up to what the classes allow.

    Where games may differ it is the number of the last half that has features or annotated spots,
    so that features which got lost are missed where anything is annotated. Halves count from 1 on
    without a gap.

    Args:
        features: feature files without the number of the half.

    Raises:
        UserError: as `read_labels`.
    """
    if not classes.halves_vary:
        return classes.halves
    halves = range(classes.halves, 0, -1)
    last = next(
        (n for n in halves if any((folder / f"{n}_{name}").is_file() for name in features)), 1
    )
    labels = folder / classes.label_file
    if last < classes.halves and labels.is_file():
        last = max(last, int(read_labels(labels, classes).half.max(initial=1)))
    return last
