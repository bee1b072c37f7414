"""Tracking data of a match: from frames, as kloppy reads them, to positions of both halves."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from common.calibration.pitch import LENGTH, WIDTH
from common.errors import UserError, counted
from common.synthetic.tracking import AWAY, HOME, OTHERS, TrackedHalf, TrackedMatch, on_pitch
from common.synthetic.tracking_formats import open_dataset

_FARTHEST = 10.0  # metres outside; who is farther takes no part, and may be behind the camera


def read_tracking(paths: Sequence[Path]) -> TrackedMatch:
    """Positions of a match, from its files, in any order.

    Raises:
        UserError: kloppy is not installed, the files are of no format that is known, or broken.
    """
    dataset = open_dataset(paths)
    name = ", ".join(path.name for path in paths[:3])
    try:
        return tracked_match(dataset)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None


def tracked_match(dataset: Any) -> TrackedMatch:
    """Positions of both halves of a dataset of kloppy, whose places are metres from the centre.

    A match of which one half is missing plays the other one twice, with sides changed. Where both
    halves are stored with teams on the same sides, the second one is turned.

    Raises:
        UserError: there is nobody in either half, or no pitch has the size that is given.
    """
    dimensions = dataset.metadata.pitch_dimensions
    size = [_span(dimensions.x_dim, LENGTH), _span(dimensions.y_dim, WIDTH)]
    frames: dict[int, list[Any]] = {}
    for frame in dataset.records:
        frames.setdefault(frame.period.id, []).append(frame)
    notes: list[str] = []
    found: dict[int, TrackedHalf] = {}
    for half in (1, 2):
        if any(frame.players_data for frame in frames.get(half, ())):
            found[half], told = _half(half, frames[half], size)
            notes += [sentence for sentence in told if sentence not in notes]
    if not found:
        raise UserError("expected positions of players in period 1 or 2, found none")
    if any(period > 2 for period in frames):
        notes.append("extra time is left out")
    if dataset.metadata.orientation.name.startswith("STATIC") and 2 in found:
        found[2] = found[2].turned()
    for missing, other, words in ((1, 2, "first"), (2, 1, "second")):
        if missing not in found:
            found[missing] = found[other].turned()
            notes.append(f"there is no {words} half: the other is played twice, with sides changed")
    return TrackedMatch((found[1], found[2]), notes)


def _span(dimension: Any, usual: float) -> float:
    """Metres from end to end; some files do not say it."""
    if dimension.min is None or dimension.max is None:
        return usual
    return float(dimension.max - dimension.min)


def _half(half: int, frames: list[Any], size: Sequence[float]) -> tuple[TrackedHalf, list[str]]:
    """Positions of a half, in the order of time, and what is to be told of them."""
    frames = sorted(frames, key=lambda frame: frame.timestamp)
    seconds = np.array([frame.timestamp.total_seconds() for frame in frames])
    kept = np.append(True, np.diff(seconds) > 0)  # of two frames of one time the first
    frames, seconds = [frames[k] for k in np.flatnonzero(kept)], seconds[kept]
    column: dict[Any, int] = {}
    for frame in frames:
        for person in frame.players_data:
            column.setdefault(person, len(column))
    people = np.full((len(frames), len(column), 2), np.nan, np.float32)
    ball = np.full((len(frames), 2), np.nan, np.float32)
    for row, frame in enumerate(
        tqdm(frames, f"half {half}", unit="frame", delay=2, leave=False, disable=None)
    ):
        with np.errstate(over="ignore"):  # infinitely far, see `_near`
            for person, data in frame.players_data.items():
                people[row, column[person]] = _place(data.coordinates)
            ball[row] = _place(frame.ball_coordinates)
    placed, told = on_pitch(people, *size)
    kits = np.array([_kit(person) for person in column], np.int64)
    tracked = TrackedHalf(
        seconds - seconds[0], _near(placed), _near(on_pitch(ball, *size)[0]), kits
    )
    return tracked, [sentence for sentence in (told, *_told(half, tracked)) if sentence]


def _place(point: Any) -> tuple[float, float]:
    """As `pitch.py` has it: y grows to the near side. NaN where it is not known.

    Raises UserError for what is no number.
    """
    if point is None or point.x is None or point.y is None:
        return np.nan, np.nan
    try:
        return float(point.x), -float(point.y)
    except (TypeError, ValueError, OverflowError):
        raise UserError(
            f"expected places in metres, found x {point.x!r} and y {point.y!r}; export it again"
        ) from None


def _near(places: NDArray[np.float32]) -> NDArray[np.float32]:
    """Places on the pitch and around it; NaN for others, and for what is infinite."""
    with np.errstate(invalid="ignore"):
        near = np.abs(places) <= np.array([LENGTH / 2, WIDTH / 2]) + _FARTHEST
    return np.where(near.all(axis=-1, keepdims=True), places, np.float32(np.nan))


def _kit(person: Any) -> int:
    team = getattr(person, "team", None)
    ground = team.ground.name if team is not None and team.ground is not None else ""
    return {"HOME": HOME, "AWAY": AWAY}.get(ground, OTHERS)


def _told(half: int, tracked: TrackedHalf) -> Iterable[str]:
    """What the files do not hold of a half."""
    rows = np.arange(int(2 * tracked.seconds) + 1) / 2
    _, ball, present = tracked.at(rows)
    if not present.all():
        yield (
            f"half {half}: nobody is tracked in {1 - present.mean():.0%} of "
            f"{tracked.seconds / 60:.1f} minutes, which are filmed as replays"
        )
    lost = np.isnan(ball[present, 0])
    if lost.any():
        yield (
            f"half {half}: without a ball in {lost.mean():.0%} of the time in which somebody is "
            "tracked; the camera then looks at the middle of the players"
        )
    if alone := int((tracked.kits == OTHERS).sum()):
        yield f"half {half}: {counted(alone, 'person', 'people')} without a team, in black"
