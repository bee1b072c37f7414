"""Average precision of the result files of many games, and the forms it is written in."""

from collections.abc import Sequence
from typing import Any

from common.data.events import EventClasses
from common.errors import UserError
from common.metric.average_map import TOLERANCES_SECONDS, AveragePrecision, average_map
from common.results.json_tree import JsonTree
from common.results.reading import AS_TODAY, Reading, read_games


def evaluate_games(
    labels: JsonTree,
    predictions: JsonTree,
    games: Sequence[str],
    classes: EventClasses,
    *,
    metrics: Sequence[str] = ("loose", "tight"),
    reading: Reading = AS_TODAY,
) -> dict[str, AveragePrecision]:
    """Average precision of the games' result files for each metric, reading each file once.

    Raises:
        UserError: unknown metric, missing games (with their list), malformed files.
    """
    unknown = [metric for metric in metrics if metric not in [*TOLERANCES_SECONDS]]
    if unknown:
        raise UserError(f"unknown metric {unknown[0]!r}; choose of {', '.join(TOLERANCES_SECONDS)}")
    targets, detections = read_games(labels, predictions, games, classes, reading)
    return {
        metric: average_map(
            targets, detections, len(classes), TOLERANCES_SECONDS[metric], reading.framerate
        )
        for metric in metrics
    }


def published_results(result: AveragePrecision, version: int = 2) -> dict[str, Any]:
    """The dictionary that the SoccerNet package returns."""
    out: dict[str, Any] = {}
    for kind, suffix in (("all", ""), ("visible", "_visible"), ("unshown", "_unshown")):
        known = version == 2 or kind == "all"  # labels of version 1 do not say what was shown
        out[f"a_mAP{suffix}"] = result.a_map(kind) if known else None
        out[f"a_mAP_per_class{suffix}"] = result.per_class(kind).tolist() if known else None
    return out


def summary(result: AveragePrecision, names: Sequence[str]) -> dict[str, Any]:
    """Scores of one metric as JSON holds them: averages, mAP per tolerance, AP per class."""
    return {
        "a_mAP": result.a_map(),
        "a_mAP_visible": result.a_map("visible"),
        "a_mAP_unshown": result.a_map("unshown"),
        "a_mAP_unshown_of_annotated_classes": result.a_map_of_annotated(),
        "tolerances_seconds": list(result.tolerances),
        "mAP_per_tolerance": {
            kind: result.per_tolerance(kind).tolist() for kind in ("all", "visible", "unshown")
        },
        "per_class": {
            name: {
                "AP": float(result.per_class()[c]),
                "AP_visible": float(result.per_class("visible")[c]),
                "AP_unshown": float(result.per_class("unshown")[c]),
                "spots": int(result.spots[0, c]),
                "visible": int(result.spots[1, c]),
                "unshown": int(result.spots[2, c]),
                "detections": int(result.detections[0, c]),
                "AP_per_tolerance": result.ap[0, :, c].tolist(),
            }
            for c, name in enumerate(names)
        },
    }
