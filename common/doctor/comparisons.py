"""What shows only when the games of a data folder are held beside each other."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from common.data.label_tally import LabelTally
from common.data.late_spots import LateSpots
from common.doctor.checks import FolderCheck, GameReport
from common.errors import UserError, counted

# Half lengths that the released challenge predictions imply reach 1.38 times their median.
_SHORTEST, _LONGEST = 0.75, 1.5

# Spots of a sport are found up to the end of a half, and no half may be an exception.
_FEWEST_HALVES, _SHORT_REACH = 2, 0.6


def compare_games(
    check: FolderCheck, checked: Mapping[str, Sequence[GameReport]], dimension: int | None = None
) -> tuple[list[str], list[str]]:
    """Errors and notes over all games; those of single games are added to their reports.

    Args:
        checked: the reports of each split.
        dimension: D that each half must have; None: the one that most halves have.
    """
    reports = [report for of_split in checked.values() for report in of_split]
    compare_halves(reports, check.framerate, dimension)
    once = [*{report.game: report for report in reports}.values()]  # a game may be in two splits
    found = [compare_labels(once), ([], same_features(once))]
    found += [check_classes(check, split, of_split) for split, of_split in checked.items()]
    return [e for errors, _ in found for e in errors], [n for _, notes in found for n in notes]


def same_features(reports: Sequence[GameReport]) -> list[str]:
    """A sentence for halves that have all values in common, as after a slip of copying."""
    halves: dict[tuple[int, ...], list[str]] = {}
    for report in reports:
        for half, checksum in report.checksums.items():
            key = checksum, report.frames[half], report.dimensions[half]
            halves.setdefault(key, []).append(f"half {half} of {report.game}")
    return [
        f"{counted(len(alike), 'half', 'halves')} hold the same features: {', '.join(alike[:3])}"
        + (f" and {len(alike) - 3} more" if len(alike) > 3 else "")
        for alike in halves.values()
        if len(alike) > 1
    ]


def compare_labels(reports: Sequence[GameReport]) -> tuple[list[str], list[str]]:
    """Errors and notes about how labels and features fit together, over all games."""
    late = LateSpots()
    for report in reports:
        late.add_all(report.late)
    if fault := late.fault():
        return [fault], []
    reach = [share for report in reports for share in report.reach]
    if len(reach) < _FEWEST_HALVES or max(reach) > _SHORT_REACH:
        return [], []
    return [], [
        f"no half has spots behind {max(reach):.0%} of it; have the features more rows per second "
        "than --framerate says?"
    ]


def compare_halves(
    reports: Sequence[GameReport], framerate: float = 2, dimension: int | None = None
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
    # Lengths as alike as dimensions, and dimensions as different as lengths.
    turned = len(set(frames.tolist())) == 1 and len(dimensions) > max(2, len(frames) / 2)
    hint = "; are they stored as [features, frames]?" if turned else ""
    usual = f"{np.median(frames) / framerate / 60:.1f}"
    for report in reports:
        for half, found in report.dimensions.items():
            if found != expected:
                report.errors.append(
                    f"half {half}: {found} features per frame, not {expected}{hint}"
                )
        for half, length in report.frames.items():
            if length in odd:
                minutes = f"{length / framerate / 60:.1f} min"
                report.notes.append(f"half {half}: {minutes}, where {usual} are usual")


def odd_lengths(frames: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which halves are far shorter or longer than the median half."""
    ratio = frames / np.median(frames)
    return (ratio < _SHORTEST) | (ratio > _LONGEST)


def check_classes(
    check: FolderCheck, split: str, reports: Sequence[GameReport]
) -> tuple[list[str], list[str]]:
    """Errors and notes about what is annotated in a split."""
    labels = [report.labels for report in reports if report.labels is not None]
    tally = LabelTally(f"the split {split}", check.classes)
    for of_game in labels:
        tally.add(of_game)
    try:
        tally.require_known_class()
    except UserError as error:
        return [str(error)], []
    lacking = any(report.absent for report in reports)
    if reports and not (labels or lacking or split == "challenge"):
        return [], [
            f"no game of {split} has a {check.classes.label_file}: it can be spotted in, and not "
            "be learnt from or scored"
        ]
    return [], tally.remarks() if labels else []
