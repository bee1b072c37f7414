"""Halves with what is annotated in them, to learn from."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.data.events import EventClasses
from common.data.features import HalfFeatures, open_game
from common.data.labels import TimeField, read_labels
from common.errors import UserError


class LabelledHalf(NamedTuple):
    """A half's game folder, number and features, and its spots' frames and classes, in file order.

    Frames may lie behind the half.
    """

    folder: Path
    number: int
    features: HalfFeatures
    spot_frames: NDArray[np.int64]
    spot_events: NDArray[np.int64]


def labelled_halves(
    root: Path,
    games: Sequence[str],
    features: Sequence[str],
    classes: EventClasses,
    framerate: int,
    label_time: TimeField = "gameTime",
    dimension: int | None = None,
) -> Iterator[LabelledHalf]:
    """The halves of all games, in order.

    Args:
        label_time: clock of the annotations.
        dimension: D to insist on; None takes the first half's.

    Raises:
        UserError: no games, or files that are missing or wrong.
    """
    if not games:
        raise UserError("there are no games to train on; check the splits that were asked for")
    for game in games:
        labels = read_labels(root / game / classes.label_file, classes)
        spots = labels.frames(framerate, label_time)
        halves = open_game(root, game, features, classes.halves, dimension)
        for number, half in enumerate(halves, 1):
            dimension = half.dimension
            ours = labels.half == number
            yield LabelledHalf(root / game, number, half, spots[ours], labels.event[ours])
