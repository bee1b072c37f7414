"""Average-mAP on whole games while a network is trained, without writing files."""

from collections.abc import Iterable, Sequence

import numpy as np

from common.data.data_set import DataSet
from common.metric.average_map import TOLERANCES_SECONDS, average_map
from common.metric.matching import Spots
from common.results.json_tree import JsonTree
from common.results.predictions import frame_to_milliseconds, milliseconds_to_frame
from common.results.reading import (
    EVALUATION_FRAMERATE,
    HALF_MINUTES,
    Reading,
    read_targets,
)
from common.results.suppression import Peaks

GamePeaks = tuple[str, list[Peaks]]  # a game, and the detections of each of its halves


def scored_splits(
    score: str, select_on: Sequence[str], watched: Sequence[str]
) -> dict[str, Sequence[str]]:
    """Which splits each number of a slow validation is of, by its column of the curves.

    A further split has <split>_a_mAP; one whose name would take another's column, watched_ before
    it. The challenge has no annotations, and what is selected on is there already.

    Args:
        score: column of the number that selects the best weights.
        select_on: the splits that it is of.
        watched: further splits, for the curves only.
    """
    columns: dict[str, Sequence[str]] = {score: select_on}
    for split in dict.fromkeys(watched):
        name = f"{split}_a_mAP"
        if split == "challenge" or (name == score and list(select_on) == [split]):
            continue
        while name in columns:
            name = f"watched_{name}"
        columns[name] = [split]
    return columns


class GameScore:
    """The average-mAP on some games, again and again. The annotations are read once."""

    def __init__(self, data: DataSet, games: Sequence[str]) -> None:
        self.data, self.games = data, games
        reading = Reading(gt_time=data.gt_time)
        self.targets = read_targets(JsonTree(data.root), games, data.classes, reading)

    def a_map(
        self, found: Iterable[GamePeaks], published: bool = False, metric: str = "loose"
    ) -> float:
        """Average-mAP of the detections of all games, as the evaluator finds it in files.

        Args:
            published: positions as the original writes them.
            metric: loose, tight, or at1 … at5.
        """
        number_of = {game: number for number, game in enumerate(self.games)}
        rate, halves = self.data.framerate, self.data.classes.halves
        columns = []
        for game, peaks_of_halves in found:
            for half, peaks in enumerate(peaks_of_halves, number_of[game] * halves):
                milliseconds = frame_to_milliseconds(peaks.frame, rate, published)
                frame = milliseconds_to_frame(milliseconds, EVALUATION_FRAMERATE)
                frame = np.minimum(frame, HALF_MINUTES * 60 * EVALUATION_FRAMERATE - 1)
                confidence = peaks.confidence.astype(np.float64)
                columns.append((np.full(len(frame), half), frame, peaks.event, confidence))
        detections = Spots(*(np.concatenate(column) for column in zip(*columns, strict=True)))
        return average_map(
            self.targets,
            detections,
            len(self.data.classes),
            TOLERANCES_SECONDS[metric],
            EVALUATION_FRAMERATE,
        ).a_map()
