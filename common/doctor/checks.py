"""What would fail, or is odd, in the files of a data folder."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from zlib import crc32

import numpy as np
from tqdm import tqdm

from common.calibration.player_quirks import player_quirks
from common.calibration.players import read_players
from common.data.events import EventClasses
from common.data.features import HalfFeatures, open_half
from common.data.games import shared_games
from common.data.label_quirks import label_quirks, late_spots
from common.data.labels import Labels, read_labels
from common.data.late_spots import LateSpots
from common.data.periods import count_halves
from common.data.wanted_files import split_files
from common.errors import UserError, counted

# Enough to keep a disk busy. Each holds one block in memory.
_THREADS = 4
_BLOCK_BYTES = 1 << 24

_LABELLED = ("train", "valid", "test")  # splits that are nothing without annotations
_FEWEST_SPOTS = 5  # in a half, for a look at where its last one is


@dataclass
class GameReport:
    """Findings about one game: errors stop a training, notes do not."""

    game: str
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    absent: Sequence[str] = ()  # files it needs and does not have
    frames: dict[int, int] = field(default_factory=dict)  # half -> rows, of halves that open
    dimensions: dict[int, int] = field(default_factory=dict)  # half -> D
    labels: Labels | None = None
    late: LateSpots = field(default_factory=LateSpots)  # counts of halves that open
    checksums: dict[int, int] = field(default_factory=dict)  # half -> that of its values, if read
    reach: list[float] = field(default_factory=list)  # where in a half its last spot is, 0…1


@dataclass(frozen=True)
class FolderCheck:
    """What to look at in a data folder.

    Attributes:
        features: feature files without the number of the half, used side by side.
        framerate: feature rows per second.
        read_values: look for NaN and infinity, which means to read all files.
        players: look at box and calibration files, too.
    """

    root: Path
    features: tuple[str, ...]
    classes: EventClasses
    framerate: float = 2
    read_values: bool = True
    players: bool = False

    def halves(self, folder: Path) -> int:
        """How many halves a game has."""
        try:
            return count_halves(folder, self.features, self.classes)
        except UserError:  # of its labels, which have a check of their own
            return count_halves(folder, self.features, replace(self.classes, label_file=""))


def check_lists(
    root: Path, listed: Mapping[str, Sequence[str]], wanted: Sequence[str] | None = None
) -> list[str]:
    """What is wrong with the lists of games, a sentence each; see `check_split` for the games.

    Args:
        wanted: splits that are meant; None: those that a training takes by default.
    """
    empty = [split for split in wanted or listed if split in listed and not listed[split]]
    problems = [f"the split {split} holds no games" for split in empty]
    problems += [
        f"the split {split} holds {twice!r} twice; name each game once"
        for split, games in listed.items()
        for twice, count in Counter(games).items()
        if count > 1
    ]
    problems += shared_games(listed)
    if wanted is None and root.is_dir():
        problems += [
            f"none of the {counted(len(listed[split]), 'game')} of {split} is in {root}: a "
            "training needs them, or other splits by name; --split checks others alone"
            for split in ("train", "valid", "test")
            if listed.get(split) and not any((root / game).is_dir() for game in listed[split])
        ]
    return problems


def default_splits(listed: Mapping[str, Sequence[str]]) -> list[str]:
    """A sentence for each split that a training takes by default and that the lists do not have."""
    absent = [[name] for name in ("train", "valid") if name not in listed]
    if "test" not in listed and "challenge" not in listed:
        absent.append(["test", "challenge"])
    return [
        f"there is no split {' or '.join(names)}: a training then needs --split_{names[0]}"
        for names in absent
    ]


def check_split(check: FolderCheck, split: str) -> list[GameReport]:
    """Reports on the games of a split, each for itself; see `compare_halves` for the rest.

    Of the official games it looks at those that have a folder, as training does. Annotations may
    be absent from all games of a split of one's own: it is to be spotted in.
    """
    root, label_file = check.root, check.classes.label_file
    absent: dict[str, list[str]] = {}
    for path in split_files(root, split, check.features, label_file, check.halves, at_hand=True):
        lacking = absent.setdefault(path.parent.relative_to(root).as_posix(), [])
        if not path.is_file():
            lacking.append(path.name)
    if split not in _LABELLED and all(label_file in lacking for lacking in absent.values()):
        for lacking in absent.values():  # games to spot in, as those of the challenge
            lacking.remove(label_file)
    with ThreadPoolExecutor(_THREADS) as pool:
        checked = pool.map(partial(check_game, check), absent.keys(), absent.values())
        return [*tqdm(checked, split, len(absent), False, unit="game", delay=1, disable=None)]


def check_game(check: FolderCheck, game: str, absent: Sequence[str]) -> GameReport:
    """Findings about the files of one game, without a look at the others.

    Args:
        absent: names of files that it needs and does not have.
    """
    report = GameReport(game, absent=absent)
    folder = check.root / game
    if absent:
        report.errors.append("missing: " + ", ".join(absent))
    labels = _check_labels(check, folder, report)
    for half in range(1, check.halves(folder) + 1):
        if not any(f"{half}_{name}" in absent for name in check.features):
            _check_half(check, half, labels, report)
    return report


def _check_labels(check: FolderCheck, folder: Path, report: GameReport) -> Labels | None:
    """The annotations of a game if it has a file of them that can be read."""
    if not (folder / check.classes.label_file).is_file():
        return None
    try:
        labels = read_labels(folder / check.classes.label_file, check.classes)
        report.labels = labels
        report.notes += label_quirks(labels, check.framerate)
        return labels
    except (UserError, OSError) as error:
        report.errors.append(_inside(folder, error))
        return None


def _check_half(check: FolderCheck, half: int, labels: Labels | None, report: GameReport) -> None:
    """Adds what is wrong with the features and the players of a half."""
    folder = check.root / report.game
    try:
        features = open_half(folder, half, check.features)
        report.frames[half] = features.frames
        report.dimensions[half] = features.dimension
        if labels is not None:
            report.notes += late_spots(labels, half, features.frames, check.framerate)
            frames = labels.frames(check.framerate)[labels.half == half]
            report.late.add(half, frames, features.frames)
            if len(frames) >= _FEWEST_SPOTS:
                report.reach.append(float(frames.max() / features.frames))
        if check.players:
            boxes = read_players(folder, half)
            report.notes += player_quirks(boxes, half, features.frames)
        if not check.read_values:
            return
        empty, report.checksums[half] = read_all(features)
        if empty:
            report.notes.append(
                f"half {half}: {empty} of {counted(features.frames, 'row')} hold nothing but 0; "
                "was the file written to its end?"
            )
    except (UserError, OSError) as error:
        report.errors.append(_inside(folder, error))


def _inside(folder: Path, error: Exception) -> str:
    return str(error).replace(f"{folder}/", "")


def read_all(features: HalfFeatures, block_bytes: int = _BLOCK_BYTES) -> tuple[int, int]:
    """Reads a half in blocks; returns how many rows hold nothing but 0, and a checksum of all.

    Raises UserError naming the first row that is not finite.
    """
    empty = checksum = 0
    block = max(1, block_bytes // (4 * features.dimension))
    # Infinities meet in sums; the report says so in better words than numpy's warning.
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, features.frames, block):
            rows = features.rows(start, min(start + block, features.frames))
            empty += int((~rows.any(axis=1)).sum())
            checksum = crc32(rows.data, checksum)
    return empty, checksum
