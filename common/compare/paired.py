"""Scores of runs on the same resamples of games, and their paired differences."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tqdm import tqdm

from common.errors import UserError
from common.metric.average_map import TOLERANCES_SECONDS
from common.metric.bootstrap import Interval, Resampled, ResampledMap, draw_weights, resample
from common.results.scored_run import ScoredRun

AVERAGE = "average"  # stands where a class would
_BAR = {"delay": 1, "leave": False, "disable": None}


@dataclass(frozen=True)
class Line:
    """A score of one run, and its difference to the first run (None of the first itself)."""

    metric: str
    kind: str
    event: str  # class, or AVERAGE for the average-mAP; a class "average" is "average (class)"
    run: str
    score: Interval
    difference: Interval | None
    p: float | None


def compare_runs(
    runs: Sequence[ScoredRun],
    *,
    names: Sequence[str],
    metrics: Sequence[str],
    kinds: tuple[str, ...] = ("all",),
    resamples: int = 10_000,
    seed: int = 0,
) -> list[Line]:
    """Average-mAP and average precision of each class for all runs, on the same resamples.

    Classes without spots of a kind have no line of that kind.

    Raises UserError if the runs do not have the same games, classes and annotations.
    """
    for run in runs[1:]:
        require_comparable(runs[0], run)
    classes, weights = runs[0].classes, draw_weights(len(runs[0].games), resamples, seed)
    lines: list[Line] = []
    for metric in metrics:
        maps = []
        for run, name in zip(runs, names, strict=True):
            bar = partial(tqdm, desc=f"{name}, {metric}", unit="class", **_BAR)
            maps.append(
                resample(
                    run.targets, run.detections, len(classes), TOLERANCES_SECONDS[metric], weights,
                    halves=classes.halves, framerate=run.framerate, kinds=kinds,
                    progress=bar,
                )
            )  # fmt: skip
        for kind in kinds:
            lines += _lines(metric, kind, classes.names, names, [each[kind] for each in maps])
    return lines


def _lines(
    metric: str, kind: str, classes: Sequence[str], names: Sequence[str], maps: list[ResampledMap]
) -> Iterator[Line]:
    annotated = [c for c in range(len(classes)) if maps[0].spots[c]]
    rows = [(AVERAGE, [each.a_map() for each in maps])]
    rows += [(_event(classes[c], classes), [each.of_class(c) for each in maps]) for c in annotated]
    for event, numbers in rows:
        for name, ours in zip(names, numbers, strict=True):
            difference = None if ours is numbers[0] else ours.minus(numbers[0])
            yield Line(metric, kind, event, name, ours.interval(), *_interval_and_p(difference))


def _event(name: str, classes: Sequence[str]) -> str:
    """What stands for a class: its name, if that does not stand for the average."""
    event = name
    while event == AVERAGE or (event != name and event in classes):
        event += " (class)"
    return event


def _interval_and_p(difference: Resampled | None) -> tuple[Interval | None, float | None]:
    return (difference.interval(), difference.p_value()) if difference else (None, None)


def unique_names(paths: Sequence[Path], runs: Sequence[ScoredRun]) -> list[str]:
    """Names of the runs; where two have the same, the whole path; and a number if that is, too."""
    names = [run.name for run in runs]
    names = [
        name if names.count(name) == 1 else str(path)
        for name, path in zip(names, paths, strict=True)
    ]
    earlier = [names[:number].count(name) for number, name in enumerate(names)]
    return [
        f"{n} ({before + 1})" if before else n for n, before in zip(names, earlier, strict=True)
    ]


def require_comparable(one: ScoredRun, other: ScoredRun) -> None:
    """Raises UserError, saying what differs, unless both runs were scored on the same spots."""
    advice = "pass --SoccerNet_path to score all runs on one data root, or compare other runs"
    pair = f"{one.name} and {other.name}"
    if one.classes.names != other.classes.names:
        raise UserError(
            f"{pair} have different classes, {len(one.classes)} ({', '.join(one.classes.names)}) "
            f"and {len(other.classes)} ({', '.join(other.classes.names)}); {advice}"
        )
    if one.games != other.games:
        apart = sorted(set(one.games) ^ set(other.games))
        what = f"such as {apart[0]}" if apart else "in another order"
        raise UserError(
            f"{pair} were tested on different games, {len(one.games)} and {len(other.games)}, "
            f"{what}; compare runs of the same games"
        )
    same = all(
        getattr(one.targets, field).tobytes() == getattr(other.targets, field).tobytes()
        for field in ("half", "frame", "event", "value")
    )
    if not same:
        raise UserError(
            f"the annotations of the same games differ in {one.root} and {other.root}; {advice}"
        )
