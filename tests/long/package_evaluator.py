"""The evaluator of the SoccerNet package, its code untouched, on files or on what they would hold.

Most of its time goes to 200 thresholds, which mostly find what the one before found, and to numpy's
handling of single numbers. With short forms of some functions of numpy, and of the thresholds those
that differ, the same answer comes in a tenth of the time; `plain` gives it numpy's own, to compare.
"""

import importlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

_before = np.geterr()
evaluator = importlib.import_module("SoccerNet.Evaluation.ActionSpotting")
np.seterr(**_before)  # the import changes it


def _nan_to_num(value: np.float64) -> np.float64 | float:
    """Of a number; what else there is, is left to numpy."""
    if -np.inf < value < np.inf:
        return value
    return 0.0 if value != value else np.nan_to_num(value)


def _sum(values: np.ndarray) -> np.float64:
    """Of zeros and ones, whose order does not matter."""
    return np.float64(sum(values.tolist())) if len(values) < _FEW else np.sum(values)


_FEW = 64
_LEVELS = np.linspace(0, 1, 200).tolist()
_SHORT = SimpleNamespace(
    **{
        **vars(np),
        "where": np.ndarray.nonzero,
        "sum": _sum,
        "max": np.maximum.reduce,
        "copy": np.ndarray.copy,
        "linspace": lambda *of: _LEVELS,
        "nan_to_num": _nan_to_num,
    }
)
_average_map = evaluator.average_mAP


def _without_a_bar(items: Any) -> Any:
    return items


evaluator.tqdm = _without_a_bar


def official_scores(*, plain: bool = True, **arguments: Any) -> dict[str, Any]:
    """What the package's `evaluate` returns. Raises whatever it raises."""
    evaluator.np = np if plain else _SHORT
    with np.errstate(divide="ignore", invalid="ignore"):
        return evaluator.evaluate(**arguments)


def official_scores_of(
    annotations: Mapping[str, Sequence[dict]],
    predictions: Mapping[str, Sequence[dict]],
    tolerances: Sequence[int],
    *,
    plain: bool = False,
    **arguments: Any,
) -> dict[str, Any]:
    """The same of files that are not there: what they would hold, for each game.

    Args:
        tolerances: in seconds; the package has names for some of these only.
        arguments: the others of `evaluate`.
    """
    files = {f"labels/{game}/l": {"annotations": each} for game, each in annotations.items()}
    files |= {f"results/{game}/r": {"predictions": each} for game, each in predictions.items()}
    levels = _levels_that_differ(predictions)
    _SHORT.linspace = lambda *of: levels
    evaluator.open = files.__getitem__
    evaluator.json = SimpleNamespace(load=_without_a_bar)
    evaluator.zipfile = SimpleNamespace(is_zipfile=lambda path: False)
    evaluator.getListGames = lambda **of: list(annotations)

    def at_tolerances(*parts: Any, deltas: Any) -> Any:
        return _average_map(*parts, deltas=np.array(tolerances))

    evaluator.average_mAP = at_tolerances
    return official_scores(
        plain=plain, SoccerNet_path="labels", Predictions_path="results", label_files="l",
        prediction_file="r", metric="at1", **arguments,
    )  # fmt: skip


def _levels_that_differ(predictions: Mapping[str, Sequence[dict]]) -> list[float]:
    """The first threshold, and of the others those that a confidence is the first not to reach."""
    values = (float(entry["confidence"]) for each in predictions.values() for entry in each)
    first = {bisect_right(_LEVELS, value) for value in values if value >= 0}
    return [_LEVELS[number] for number in sorted({0, *first}) if number < len(_LEVELS)]
