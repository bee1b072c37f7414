"""A data set, read in one way: what travels together from the flags to the files."""

import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.data.events import EventClasses
from common.data.features import Half, open_half
from common.data.games import games_at_hand, list_games, shared_games
from common.data.label_tally import LabelTally
from common.data.labels import Labels, TimeField, read_labels
from common.data.late_spots import LateSpots
from common.data.periods import count_halves
from common.data.wanted_files import how_to_get, require_files
from common.errors import UserError, counted, log


class LabelledHalf(NamedTuple):
    """A half, and the frames and classes of its spots in file order; frames may lie behind it."""

    half: Half
    spot_frames: NDArray[np.int64]
    spot_events: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """Where games lie, and how their files are read.

    Attributes:
        root: data root.
        features: feature files without the number of the half; several are joined side by side.
        classes: the classes to learn, in the order of a network's outputs.
        framerate: feature rows per second.
        label_time: clock of the annotations that are learnt from.
        gt_time: clock of the annotations that are scored against.
        dimension: D that the features must have; None takes any.
        most_games: only so many games of each split; None takes all.

    It remembers which tested games had labels when `require_files` looked.
    """

    root: Path
    features: tuple[str, ...]
    classes: EventClasses
    framerate: float = 2
    label_time: TimeField = "gameTime"
    gt_time: TimeField = "position"
    dimension: int | None = None
    most_games: int | None = None
    _labelled: set[Path] = field(default_factory=set, repr=False, compare=False)

    def games(self, splits: Sequence[str]) -> list[str]:
        """Games of the splits that are at hand, in order. Raises UserError as `games_at_hand`."""
        return [g for s in splits for g in games_at_hand(self.root, [s])[: self.most_games]]

    def require_files(self, tested: Sequence[str], trained: Sequence[Sequence[str]] = ()) -> None:
        """Makes sure that all files are there, before hours are spent.

        Args:
            tested: splits that need features alone.
            trained: lists of splits that need labels, too, and hold no game twice.

        Raises:
            UserError: files are missing (how many, which, what to do), a game counts twice, the
                annotations of a split are all of classes that are not known, or features of a
                tested split would not open.
        """
        labelled = [split for splits in trained for split in splits]
        for splits, labels in ((tested, None), (labelled, self.classes.label_file)):
            require_files(
                self.root, splits, self.features, labels, self._count_halves, self.most_games
            )
        for splits in trained:
            list_games(self.root, splits)
        used = dict.fromkeys([*labelled, *tested])
        for split in used:
            self._require_known_class(split)
        for sentence in shared_games({split: self.games([split]) for split in used}):
            log.warning(sentence)
        short = [g for g in self.games([*used]) if self.halves(g) < self.classes.halves]
        if short:
            log.info("%s have fewer than %d halves, such as %s",
                     counted(len(short), "game"), self.classes.halves, short[0])  # fmt: skip
        first = next((split for split in used if self.games([split])), None)
        if first:
            data = replace(self, dimension=self.measure(first))
            for game in self.games(tested):  # those of a training are opened before it
                data.open_game(game)
        paths = {self.root / g / self.classes.label_file for g in self.games(tested)}
        self._labelled.update(path for path in paths if path.is_file())

    def _require_known_class(self, split: str) -> None:
        """Raises UserError if a split has annotations and not one is of a known class."""
        tally = LabelTally(f"the split {split} in {self.root}", self.classes)
        for game in self.games([split]):
            if (labels := self.labels(game)) is not None:
                tally.add(labels)
            if tally.spots:
                return
        tally.require_known_class()

    def halves(self, game: str) -> int:
        """How many halves a game has. Raises UserError as `count_halves`."""
        return self._count_halves(self.root / game)

    def _count_halves(self, folder: Path) -> int:
        return count_halves(folder, self.features, self.classes)

    def require_further(
        self,
        splits: Iterable[str],
        missing: Callable[[Path, int], Sequence[Path]],
        names: Sequence[str],
    ) -> None:
        """Makes sure that files beside features and labels are there.

        Args:
            missing: those that a game lacks, given its folder and number of halves.
            names: how they are called where they can be downloaded.

        Raises:
            UserError: how many are missing, which, and what to do.
        """
        splits = [*dict.fromkeys(splits)]
        lacking = [
            path
            for game in self.games(splits)
            for path in missing(self.root / game, self.halves(game))
        ]
        if lacking:
            raise UserError(
                f"{counted(len(lacking), 'file')} beside the features "
                f"{'is' if len(lacking) == 1 else 'are'} missing, such as {lacking[0]}\n"
                + how_to_get(lacking, self.root, splits, names, None)
            )

    def measure(self, split: str) -> int:
        """D of the features of a split, as they are on disk. Raises UserError as `open_half`."""
        games = self.games([split])
        if not games:
            raise UserError(f"the split {split} holds no games; check splits.json")
        return open_half(self.root / games[0], 1, self.features, self.dimension).dimension

    def open_game(self, game: str) -> list[Half]:
        """The halves of a game, memory-mapped. Raises UserError as `open_half`."""
        folder = self.root / game
        return [
            Half(folder, number, open_half(folder, number, self.features, self.dimension))
            for number in range(1, self.halves(game) + 1)
        ]

    def labels(self, game: str) -> Labels | None:
        """Annotations of a game, None without a label file. Raises UserError as `read_labels`."""
        self._miss_labels([game])
        path = self.root / game / self.classes.label_file
        return read_labels(path, self.classes) if path.is_file() else None

    def has_labels(self, games: Sequence[str]) -> bool:
        """Whether any of the games can be scored; challenge games cannot.

        Raises UserError if labels that `require_files` saw are gone.
        """
        self._miss_labels(games)
        return any((self.root / game / self.classes.label_file).is_file() for game in games)

    def _miss_labels(self, games: Sequence[str]) -> None:
        paths = [self.root / game / self.classes.label_file for game in games]
        gone = [path for path in paths if path in self._labelled and not path.is_file()]
        if gone:
            raise UserError(
                f"the labels of {counted(len(gone), 'game')} were there when the program began and "
                f"are gone, such as {gone[0]}; bring them back and run the same command with "
                "--test_only"
            )

    def digests(self, train_on: Sequence[str], select_on: Sequence[str]) -> dict[str, str]:
        """Of what is learnt from these splits, by purpose: names of games, frames and spots.

        Neither features nor their place count. Raises UserError as `labelled_halves`.
        """
        return {"training": self._digest(train_on), "validation": self._digest(select_on)}

    def _digest(self, splits: Sequence[str]) -> str:
        digest = hashlib.sha256()
        for game in self.games(splits):
            labels = read_labels(self.root / game / self.classes.label_file, self.classes)
            frames = [half.features.frames for half in self.open_game(game)]
            digest.update(repr((unicodedata.normalize("NFC", game), frames)).encode())
            for column in (
                labels.half,
                labels.event,
                labels.frames(self.framerate, self.label_time),
            ):
                digest.update(np.asarray(column, np.int64).tobytes())
        return digest.hexdigest()

    def labelled_halves(self, games: Sequence[str]) -> Iterator[LabelledHalf]:
        """The halves of all games with what is annotated in them, in order.

        Raises UserError: no games, files that are missing or wrong, another D than the first's, or
        most spots behind the end of their half.
        """
        if not games:
            raise UserError("there are no games to train on; check the splits that were asked for")
        data, late = self, LateSpots()
        tally = LabelTally(f"{counted(len(games), 'game')} in {self.root}", self.classes)
        for game in games:
            labels = read_labels(self.root / game / self.classes.label_file, self.classes)
            tally.add(labels)
            frames = labels.frames(self.framerate, self.label_time)
            for half in data.open_game(game):
                data = replace(data, dimension=half.features.dimension)
                ours = labels.half == half.number
                late.add(half.number, frames[ours], half.features.frames)
                yield LabelledHalf(half, frames[ours], labels.event[ours])
        for remark in tally.remarks():
            log.warning("%s", remark)
        if fault := late.fault():
            last = half.features
            raise UserError(
                f"{fault}: {last.paths[0]} has {last.frames} frames of {last.dimension} features"
            )
