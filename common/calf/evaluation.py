"""Average-mAP of a network on whole games, without writing files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common.calf.half_inputs import FeaturesOnly, Sight, game_places
from common.calf.spotting import Spotting, detect, score_half
from common.calf.spotting_model import SpottingModel
from common.data.events import EventClasses
from common.data.labels import TimeField
from common.metric.average_map import TOLERANCES_SECONDS, average_map
from common.metric.matching import Spots
from common.results.predictions import JsonTree, frame_to_milliseconds, milliseconds_to_frame
from common.results.reading import EVALUATION_FRAMERATE, Reading, read_targets
from common.training.distributed import Processes


class GameEvaluator:
    """The loose average-mAP on some games, again and again while a network is trained.

    Equal to what the evaluator says of the result files. The annotations are read once.
    """

    def __init__(
        self,
        root: Path,
        games: Sequence[str],
        features: Sequence[str],
        classes: EventClasses,
        spotting: Spotting,
        gt_time: TimeField = "position",
        sight: Sight | None = None,
    ) -> None:
        self.root, self.games, self.features, self.classes = root, games, features, classes
        self.spotting, self.sight = spotting, sight or FeaturesOnly()
        self.targets = read_targets(JsonTree(root), games, classes, Reading(gt_time=gt_time))

    def a_map(self, model: SpottingModel, title: str, processes: Processes | None = None) -> float:
        """Loose average-mAP; the games are dealt out to processes, and all get the result."""
        processes = processes or Processes()
        model.eval()
        number_of = {game: number for number, game in enumerate(self.games)}
        ours = [
            self._spots(model, game, number_of[game])
            for game in processes.deal_out(self.games, title)
        ]
        parts = [part for parts in processes.gather(ours) for part in parts]
        detections = Spots(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        return average_map(
            self.targets,
            detections,
            len(self.classes),
            TOLERANCES_SECONDS["loose"],
            EVALUATION_FRAMERATE,
        ).a_map()

    def _spots(self, model: SpottingModel, game: str, number: int) -> tuple[np.ndarray, ...]:
        """Half, frame, class and confidence of a game's detections, as a result file holds them."""
        places = game_places(self.root / game, self.features, self.classes.halves, model.features)
        columns = []
        for half, place in enumerate(places, number * self.classes.halves):
            inputs = self.sight.open(place)
            peaks = detect(score_half(model, inputs, self.spotting).cells, self.spotting)
            milliseconds = frame_to_milliseconds(
                peaks.frame, self.spotting.framerate, self.spotting.published
            )
            frame = milliseconds_to_frame(milliseconds, EVALUATION_FRAMERATE)
            confidence = peaks.confidence.astype(np.float64)
            columns.append((np.full(len(frame), half), frame, peaks.event, confidence))
        return tuple(np.concatenate(column) for column in zip(*columns, strict=True))
