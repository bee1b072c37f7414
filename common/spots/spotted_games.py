"""Games with spots, wherever these come from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from common.data.events import SOCCERNET_V1, SOCCERNET_V2, EventClasses
from common.files import read_whole
from common.spots.moments import GameMoments, Moment, in_order
from common.spots.parsing import parse_annotations


@dataclass(frozen=True)
class SpottedGames:
    """Games with spots; `read` reads one.

    Attributes:
        name: of the run, or of the file.
        classes: of the run, in its order, or of what stands in the file.
        games: paths as in the split, or the name of files that were spotted in.
        root: data root; None: no annotations are known.
        run: folder that may hold thresholds.
        read_detections: of a game, in any order.
    """

    name: str
    classes: EventClasses
    games: tuple[str, ...]
    root: Path | None = None
    run: Path | None = None
    read_detections: Callable[[str], Sequence[Moment]] = field(repr=False, default=lambda game: ())
    _told: set[str] = field(repr=False, compare=False, default_factory=set)

    def read(self, game: str) -> GameMoments:
        """Detections and annotations of one of the games.

        The log names annotations of no known class. Raises UserError for malformed files.
        """
        annotations: list[Moment] = []
        if self.root is not None and (path := self.root / game / self.classes.label_file).is_file():
            content = read_whole(path, "the annotations")
            annotations = parse_annotations(content, str(path), self.classes, self._told)
        found = in_order(self.read_detections(game)), in_order(annotations)
        return GameMoments(game, tuple(found[0]), tuple(found[1]))


def published_classes(version: int | None) -> EventClasses:
    """The classes of SoccerNet: those of version 2, unless 1 is asked for."""
    return SOCCERNET_V1 if version == 1 else SOCCERNET_V2
