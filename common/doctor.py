"""Looks over a data folder before training: what would fail, and which quirks it has.

python -m common.doctor --SoccerNet_path DATA --features ResNET_TF2.npy --split train valid test
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from common.calibration.player_quirks import player_quirks
from common.calibration.players import read_players
from common.data.events import EventClasses, event_classes
from common.data.features import HalfFeatures, open_half
from common.data.games import read_splits
from common.data.label_quirks import label_quirks, late_spots
from common.data.labels import read_labels
from common.data.wanted_files import how_to_get, split_files
from common.errors import UserError, run_cli
from common.results.tables import counted

# Enough to keep a disk busy. Each holds one block in memory.
_THREADS = 4
_BLOCK_BYTES = 1 << 24

# Half lengths that the released challenge predictions imply reach 1.38 times their median.
_SHORTEST, _LONGEST = 0.75, 1.5

_MOST_NAMED = 3  # games with the same findings


@dataclass
class GameReport:
    """Findings about one game: errors stop a training, notes do not."""

    game: str
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    absent: Sequence[str] = ()  # files it needs and does not have
    frames: dict[int, int] = field(default_factory=dict)  # half -> rows, of halves that open
    dimensions: dict[int, int] = field(default_factory=dict)  # half -> D
    spots: int = 0


def check_split(
    root: Path,
    split: str,
    names: Sequence[str],
    classes: EventClasses,
    framerate: int = 2,
    read_values: bool = True,
    players: bool = False,
) -> list[GameReport]:
    """Reports on the games of a split, each for itself; see `compare_halves` for the rest.

    Of the official games it looks at those that have a folder, as training does.

    Args:
        names: feature files without the number of the half.
        read_values: look for NaN and infinity, which means to read all files.
        players: look at box and calibration files, too.
    """
    absent: dict[str, list[str]] = {}
    for path in split_files(root, split, names, classes.label_file, classes.halves, at_hand=True):
        lacking = absent.setdefault(path.parent.relative_to(root).as_posix(), [])
        if not path.is_file():
            lacking.append(path.name)
    check = partial(check_game, root, names, classes, framerate, read_values, players)
    with ThreadPoolExecutor(_THREADS) as pool:
        checked = pool.map(check, absent.keys(), absent.values())
        return [*tqdm(checked, split, len(absent), False, unit="game", delay=1, disable=None)]


def check_game(
    root: Path,
    names: Sequence[str],
    classes: EventClasses,
    framerate: int,
    read_values: bool,
    players: bool,
    game: str,
    absent: Sequence[str],
) -> GameReport:
    """Findings about the files of one game, without a look at the others.

    Args:
        absent: names of files that it needs and does not have.
    """
    report = GameReport(game, absent=absent)
    folder = root / game
    if absent:
        report.errors.append("missing: " + ", ".join(absent))
    labels = None
    if (folder / classes.label_file).is_file():
        try:
            labels = read_labels(folder / classes.label_file, classes)
            report.spots = len(labels)
            report.notes += label_quirks(labels, framerate)
        except (UserError, OSError) as error:
            report.errors.append(_inside(folder, error))
    for half in range(1, classes.halves + 1):
        if any(f"{half}_{name}" in absent for name in names):
            continue
        try:
            features = open_half(folder, half, names)
            report.frames[half] = features.frames
            report.dimensions[half] = features.dimension
            if labels is not None:
                report.notes += late_spots(labels, half, features.frames, framerate)
            if players:
                boxes = read_players(folder, half)
                report.notes += player_quirks(boxes, half, features.frames)
            if read_values:
                read_all(features)
        except (UserError, OSError) as error:
            report.errors.append(_inside(folder, error))
    return report


def _inside(folder: Path, error: Exception) -> str:
    return str(error).replace(f"{folder}/", "")


def read_all(features: HalfFeatures) -> None:
    """Reads a half in blocks. Raises UserError naming the first row that is not finite."""
    block = max(1, _BLOCK_BYTES // (4 * features.dimension))
    # Infinities meet in sums; the report says so in better words than numpy's warning.
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, features.frames, block):
            features.rows(start, min(start + block, features.frames))


def compare_halves(
    reports: Sequence[GameReport], framerate: int = 2, dimension: int | None = None
) -> None:
    """Adds to the reports where a half has another dimension or length than most halves.

    Args:
        dimension: D that each half must have; None: the one that most halves have.
    """
    dimensions = Counter(d for report in reports for d in report.dimensions.values())
    if not dimensions:
        return
    expected = dimension or dimensions.most_common(1)[0][0]
    frames = np.array([n for report in reports for n in report.frames.values()])
    odd = frames[odd_lengths(frames)]
    usual = f"{np.median(frames) / framerate / 60:.1f}"
    for report in reports:
        for half, found in report.dimensions.items():
            if found != expected:
                report.errors.append(f"half {half}: {found} features per frame, not {expected}")
        for half, length in report.frames.items():
            if length in odd:
                minutes = f"{length / framerate / 60:.1f} min"
                report.notes.append(f"half {half}: {minutes}, where {usual} are usual")


def odd_lengths(frames: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which halves are far shorter or longer than the median half."""
    ratio = frames / np.median(frames)
    return (ratio < _SHORTEST) | (ratio > _LONGEST)


def summary(split: str, listed: int, reports: Sequence[GameReport], framerate: int = 2) -> str:
    """One line about a split, which lists so many games."""
    errors = sum(bool(report.errors) for report in reports)
    notes = sum(bool(report.notes) for report in reports)
    spots = sum(report.spots for report in reports)
    part = f"{len(reports)} of " if len(reports) < listed else ""
    line = (
        f"{split}: {part}{counted(listed, 'game')}, {errors} with errors, {notes} with notes; "
        f"{counted(spots, 'spot')}"
    )
    frames = np.array([n for report in reports for n in report.frames.values()])
    if len(frames):
        shortest, median, longest = np.quantile(frames, [0, 0.5, 1]) / framerate / 60
        dimensions = Counter(d for report in reports for d in report.dimensions.values())
        line += (
            f"; {len(frames)} halves of {shortest:.1f} to {longest:.1f} min (median {median:.1f})"
            f", {dimensions.most_common(1)[0][0]} features per frame"
        )
    return line


def findings_table(reports: Sequence[GameReport], with_notes: bool = True) -> Table:
    """The games that have findings, those with errors first; alike ones share a row."""
    games: dict[tuple[str, ...], list[str]] = {}
    for report in reports:
        notes = report.notes if with_notes else []
        findings = (*(f"error: {e}" for e in report.errors), *(f"note: {n}" for n in notes))
        if findings:
            games.setdefault(findings, []).append(report.game)
    table = Table("game", "findings", pad_edge=False, show_lines=True)
    for findings, alike in sorted(games.items(), key=lambda row: row[0][0].startswith("note")):
        named = alike[:_MOST_NAMED]
        if len(alike) > len(named):
            named = [*named[:1], f"and {len(alike) - 1} more games"]
        table.add_row("\n".join(named), "\n".join(findings))
    return table


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m common.doctor",
        description="Check a data folder: files, values, half lengths, labels. Exit code 1 if "
        "training on it would fail. Reads all features; --fast reads only their headers.",
    )
    add = parser.add_argument
    add("--SoccerNet_path", type=Path, required=True, help="data folder")
    add("--features", nargs="+", required=True, metavar="NAME",
        help="feature files without the number of the half, used side by side")  # fmt: skip
    add("--split", nargs="+", help="splits to check [those of which games are there]")
    add("--version", type=int, default=2, help="SoccerNet version: 1 (3 classes) or 2 (17) [2]")
    add("--feature_dim", type=int, help="features per frame, all files [what most halves have]")
    add("--framerate", type=int, default=2, help="feature rows per second [2]")
    add("--fast", action="store_true", help="do not look for NaN and infinity in the values")
    add("--players", action="store_true",
        help="look at the box and calibration files of players, too")  # fmt: skip
    add("--no-notes", action="store_true", help="list only what training would fail on")
    return parser.parse_args()


def main() -> int:
    """Prints a table of findings and a line per split; 1 if training would fail."""
    args = _parse_arguments()
    root = args.SoccerNet_path
    classes = event_classes(root, args.version)
    if args.framerate < 1:
        raise UserError(f"--framerate must be rows per second from 1 on, found {args.framerate}")
    listed = read_splits(root)
    here = [split for split in listed if any((root / game).is_dir() for game in listed[split])]
    splits = args.split or here or list(listed)
    checked = {
        split: check_split(
            root, split, args.features, classes, args.framerate, not args.fast, args.players
        )
        for split in splits
    }
    reports = [report for of_split in checked.values() for report in of_split]
    compare_halves(reports, args.framerate, args.feature_dim)
    table = findings_table(reports, not args.no_notes)
    if table.row_count:
        # Wide enough for game names in a log file, too; file names are no markup.
        width = max(Console().width, 120)
        Console(width=width, markup=False, highlight=False, emoji=False).print(table)
    for split, of_split in checked.items():
        print(summary(split, len(listed[split]), of_split, args.framerate))
    absent = [root / report.game / name for report in reports for name in report.absent]
    if absent:
        print(how_to_get(absent, root, splits, args.features, classes.label_file))
    return int(any(report.errors for report in reports))


if __name__ == "__main__":
    run_cli(main)
