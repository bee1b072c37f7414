"""What is odd about annotations, for the doctor."""

import numpy as np

from common.data.labels import Labels
from common.errors import counted

_MOST_NAMED = 3  # spots


def label_quirks(labels: Labels, framerate: float = 2) -> list[str]:
    """What a reader of these labels must survive, a sentence each."""
    quirks = []
    timed = labels.milliseconds >= 0
    if at_zero := int((labels.milliseconds == 0).sum()):
        quirks.append(f"{counted(at_zero, 'spot')} at position 0")
    gap = np.abs(labels.milliseconds / 1000 - labels.seconds)
    if len(apart := np.flatnonzero(timed & (gap > 1))):
        named = ", ".join(f"{_clock(labels, i)} ({gap[i]:.0f} s)" for i in apart[:_MOST_NAMED])
        more = f" and {len(apart) - _MOST_NAMED} more" if len(apart) > _MOST_NAMED else ""
        quirks.append(
            f"gameTime and position differ by more than 1 s in {counted(len(apart), 'spot')}, at "
            f"{named}{more}"
        )
    if doubled := shared_frames(labels, framerate):
        quirks.append(f"{counted(doubled, 'spot')} in one frame with another of the same class")
    time = np.where(timed, labels.milliseconds, 1000 * labels.seconds)
    step, next_half = np.diff(time), np.diff(labels.half)
    backward = np.flatnonzero((next_half < 0) | ((next_half == 0) & (step < 0)))
    if len(backward):
        quirks.append(f"not sorted: a later spot stands before {_clock(labels, backward[0] + 1)}")
    if labels.unknown:
        names = ", ".join(repr(label) for label in list(labels.unknown)[:3])
        number = sum(labels.unknown.values())
        quirks.append(f"{counted(number, 'spot')} of unknown classes, left out: {names}")
    return quirks


def shared_frames(labels: Labels, framerate: float = 2) -> int:
    """Number of spots that another one of the same class, half and frame hides."""
    cells = np.stack([labels.half, labels.event, labels.frames(framerate, "position")])
    return len(labels) - np.unique(cells, axis=1).shape[1]


def late_spots(labels: Labels, half: int, frames: int, framerate: float = 2) -> list[str]:
    """A sentence if spots of a half lie beyond its last feature row, else nothing."""
    of_half = labels.frames(framerate)[labels.half == half]
    late = int((of_half >= frames).sum())
    if not late:
        return []
    wrong = "; is --framerate right?" if late > 0.05 * len(of_half) else ""
    return [f"half {half}: {counted(late, 'spot')} beyond the last row, {frames - 1}{wrong}"]


def _clock(labels: Labels, i: int) -> str:
    return f"{labels.half[i]} - {labels.seconds[i] // 60:02d}:{labels.seconds[i] % 60:02d}"
