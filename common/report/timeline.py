"""The spots and detections of each game, small enough for a page of a hundred games."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.metric.matching import Spots, last_of_each_cell
from common.report.errors_by_kind import Judged

MOST_UNCOUNTED = 300  # detections below the threshold that a game shows: the most confident


def timelines(
    judged: Judged, detections: Spots, games: Sequence[str], halves: int
) -> list[dict[str, Any]]:
    """What the page needs to draw a game, for each game: plain lists, ready for JSON.

    A game is {"name", "halves"}; a half {"spots", "found", "uncounted"}, each a list of columns:

    - spots: frame, class, 1 if visible, number in `found` of the detection that took it or -1;
    - found (counted detections): frame, class, confidence in %, number in `ERROR_KINDS`, number in
      `spots` of the spot that explains it or -1;
    - uncounted (below the threshold of their class): frame, class, confidence in %.

    Args:
        judged: of all games.
        detections: of all games, those below the threshold included.
    """
    spot_number = _number_in_half(judged.targets)
    found_number = _number_in_half(judged.detections)
    percent = _percent(judged.detections)
    spots = _by_half(
        judged.targets,
        judged.targets.value > 0,
        _in_half(judged.detection, found_number),
        halves=len(games) * halves,
    )
    found = _by_half(
        judged.detections,
        percent,
        judged.kind,
        _in_half(judged.spot, spot_number),
        halves=len(games) * halves,
    )
    rest = _uncounted(judged, detections, halves)
    uncounted = _by_half(rest, _percent(rest), halves=len(games) * halves)
    parts = [
        {"spots": a, "found": b, "uncounted": c}
        for a, b, c in zip(spots, found, uncounted, strict=True)
    ]
    return [
        {"name": game, "halves": parts[number * halves : (number + 1) * halves]}
        for number, game in enumerate(games)
    ]


def _uncounted(judged: Judged, detections: Spots, halves: int) -> Spots:
    """The most confident detections of each game that were not counted."""
    detections = last_of_each_cell(detections)
    detections = detections.select(detections.value >= 0)
    length = 1 + int(detections.frame.max(initial=0))
    last = 1 + int(detections.half.max(initial=0))
    every, counted = (
        (each.event * last + each.half) * length + each.frame
        for each in (detections, judged.detections)
    )
    rest = detections.select(~np.isin(every, counted))
    game = rest.half // halves
    order = np.lexsort((-rest.value, game))
    rank = np.arange(len(order)) - np.searchsorted(game[order], game[order])
    return rest.select(order[rank < MOST_UNCOUNTED])


def _number_in_half(spots: Spots) -> NDArray[np.int64]:
    """Number of each spot among those of its half, in the order of `spots`."""
    order = np.argsort(spots.half, kind="stable")
    half = spots.half[order]
    number = np.zeros(len(spots), np.int64)
    number[order] = np.arange(len(spots)) - np.searchsorted(half, half)
    return number


def _in_half(number: NDArray[np.int64], number_in_half: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers in the whole to numbers in the half; -1 stays."""
    if not len(number_in_half):
        return number
    return np.where(number < 0, -1, number_in_half[number])


def _percent(spots: Spots) -> NDArray[np.int64]:
    return np.rint(100 * np.minimum(spots.value, 1)).astype(np.int64)


def _by_half(spots: Spots, *columns: NDArray, halves: int) -> list[list[list[int]]]:
    """Frame, class and the other columns of each half."""
    order = np.argsort(spots.half, kind="stable")
    cuts = np.searchsorted(spots.half[order], np.arange(1, halves))
    table = np.stack([spots.frame, spots.event, *columns]).astype(np.int64)[:, order]
    return [part.tolist() for part in np.split(table, cuts, axis=1)]
