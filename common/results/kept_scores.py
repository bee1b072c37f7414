"""Confidences before suppression, kept with a run: what several runs can be averaged from.

`scores_<split>/<game>.scores` of a run's folder holds an array [T, C] of float16 for each half of a
game, about 370 kB with 17 classes.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.data.array_file import map_arrays, write_arrays
from common.errors import UserError

_SUFFIX = ".scores"


def scores_folder(run: Path, split: str) -> Path:
    """Where a run keeps the scores of a split."""
    return run / f"scores_{split}"


def write_scores(run: Path, split: str, game: str, halves: Sequence[NDArray[np.float32]]) -> None:
    """Keeps the confidences [T, C] of each half of a game, in half precision."""
    named = {str(number): scores.astype(np.float16) for number, scores in enumerate(halves, 1)}
    write_arrays(_file(run, split, game), named, {"game": game})


def read_scores(run: Path, split: str, game: str) -> list[NDArray[np.float32]]:
    """The kept confidences of each half of a game: [T, C] each.

    Raises UserError where there are none, or they do not read.
    """
    path = _file(run, split, game)
    found = map_arrays(path)
    if found is None:
        what = "they do not read" if path.exists() else "found none"
        raise UserError(
            f"expected the scores of {game} at {path}, {what}; test the run once more with "
            f"--test_only --split_test {split} --save_scores"
        )
    arrays = found[0]
    halves = [arrays[number] for number in sorted(arrays)]
    plain = all(half.ndim == 2 and half.dtype == np.float16 for half in halves)
    if not (halves and plain and all(np.isfinite(half).all() for half in halves)):
        raise UserError(
            f"{path} holds something else than finite scores [frames, classes] in float16; make it "
            f"anew with --test_only --split_test {split} --save_scores"
        )
    return [half.astype(np.float32) for half in halves]


def mean_scores(
    of_runs: Sequence[Sequence[NDArray[np.float32]]], game: str
) -> list[NDArray[np.float32]]:
    """The mean over runs of the confidences of each half of a game: [T, C] each.

    Raises UserError for runs whose halves have other frames or classes.
    """
    shapes = [[half.shape for half in halves] for halves in of_runs]
    if any(shape != shapes[0] for shape in shapes):
        raise UserError(
            f"the scores of {game} are of other frames or classes from run to run "
            f"({', '.join(map(str, shapes))}); average runs on features of one framerate"
        )
    return [np.mean(halves, axis=0) for halves in zip(*of_runs, strict=True)]


def _file(run: Path, split: str, game: str) -> Path:
    folder = scores_folder(run, split) / game
    return folder.with_name(folder.name + _SUFFIX)
