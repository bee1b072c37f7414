"""Error bars: how far the scores of a row would move with other games of the same kind."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from tqdm import tqdm

from common.errors import UserError
from common.metric.average_map import TOLERANCES_SECONDS
from common.metric.bootstrap import (
    FEW_GAMES,
    FEW_GAMES_WARNING,
    Resampled,
    draw_weights,
    resample,
)
from common.reproduce.outcome import RowOutcome
from common.reproduce.report import Step
from common.results.reading import Reading
from common.results.scored_run import read_run

RESAMPLES = 2000
_SEED = 0  # the same draws for all rows: their differences are paired
_EQUAL = 1e-9


@dataclass(frozen=True)
class Bounded:
    """Outcomes with their intervals, the steps of the table's order, and why some have none."""

    outcomes: list[RowOutcome]
    steps: list[Step]
    remarks: list[str]


def bounded(outcomes: Sequence[RowOutcome], order: Sequence[str], data: Path) -> Bounded:
    """The outcomes with 95 % intervals over games, of means over the seeds."""
    means: dict[str, Resampled] = {}
    remarks, found = [], []
    if any(0 < outcome.games < FEW_GAMES for outcome in outcomes):
        remarks.append(FEW_GAMES_WARNING)
    for outcome in tqdm(outcomes, desc="intervals", unit="row", disable=None, delay=2, leave=False):
        name, interval = outcome.row.name, None
        try:
            if outcome.scores:
                means[name] = _mean(outcome, data)
                interval = _percent(means[name])
        except UserError as error:
            remarks.append(f"{name}: no interval over games: {error}")
        found.append(replace(outcome, interval=interval))
    steps = [
        _step(better, worse, means)
        for better, worse in pairwise(order)
        if better in means and worse in means
    ]
    return Bounded(found, steps, remarks)


def _mean(outcome: RowOutcome, data: Path) -> Resampled:
    """Mean over the runs of a row, of the same resamples of games.

    Raises UserError if the result files of one are not there, or do not give the score it has (a
    program may score some of the classes only).
    """
    runs, row = [], outcome.row
    for folder, score in zip(outcome.folders, outcome.scores.values(), strict=True):
        run = _resampled(
            folder=folder / row.part,
            split=row.split,
            metric=row.metric,
            kind=row.kind,
            clock=row.clock,
            data=data,
        )
        if abs(100 * run.value - score) > _EQUAL:
            raise UserError(f"the result files of {folder} score {100 * run.value}, not {score}")
        runs.append(run)
    samples = np.mean([run.samples for run in runs], axis=0)
    return Resampled(float(np.mean([run.value for run in runs])), samples)


@cache
def _resampled(
    *, folder: Path, split: str, metric: str, kind: str, clock: str, data: Path
) -> Resampled:
    """Average-mAP of a run's games, and of resamples of them."""
    reading = Reading(gt_time="gameTime" if clock == "gameTime" else "position")
    run = read_run(folder, split, SoccerNet_path=data, reading=reading)
    return resample(
        run.targets,
        run.detections,
        len(run.classes),
        TOLERANCES_SECONDS[metric],
        draw_weights(len(run.games), RESAMPLES, _SEED),
        halves=run.classes.halves,
        framerate=run.framerate,
        kinds=(kind,),
    )[kind].a_map()


def _step(better: str, worse: str, means: dict[str, Resampled]) -> Step:
    difference = means[better].minus(means[worse])
    return Step(better, worse, 100 * difference.value, _percent(difference))


def _percent(number: Resampled) -> tuple[float, float]:
    interval = number.interval()
    return 100 * interval.low, 100 * interval.high
