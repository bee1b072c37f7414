"""Which frames of a video become rows: the published count, and timestamps where counting misleads.

The released features count frames. With `r` frames of video per row, frame `i`, counted from 1, is
a row if `i mod r < 1`: of 25 frames a second and two rows those are 13, 25, 38, 50, …, each the
picture on screen as its half second ends. Row `k` from 0 thus shows second `(k + 1) / framerate`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_DRIFT_SECONDS = 1.0  # that counting may be wrong by: labels are whole seconds
_NEAR = 1e-6  # seconds; timestamps are sums of rounded numbers


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Which part of a video is taken, and how often.

    Attributes:
        framerate: rows per second.
        start: seconds from the first frame on that are left out.
        duration: seconds that are taken; None: to the end.
    """

    framerate: float = 2.0
    start: float | None = None
    duration: float | None = None

    @property
    def begin(self) -> float:
        """Second from which on frames are taken."""
        return self.start or 0.0

    @property
    def end(self) -> float:
        """Second up to which frames are taken."""
        return float("inf") if self.duration is None else self.begin + self.duration


RELEASED = Sampling()  # of the released features


def counted_frames(frames: int, per_row: float) -> NDArray[np.int64]:
    """Numbers, from 0, of the frames that are rows, of a video without start and end.

    Example: at 25 fps and two rows a second, 12.5 frames per row, these are 12, 24, 37, 49, …

    Args:
        per_row: r, frames of video per row, at least 1.
    """
    return np.flatnonzero(np.mod(np.arange(1, frames + 1), per_row) < 1)


def published_rate(rate: float, length: float | None, frames: int) -> float:
    """Frames per second that the released features counted with.

    Where a file has fewer frames than its length promises (sound that goes on, a rate that varies),
    they were taken to be spread evenly over it.

    Args:
        rate: of the file's header.
        length: seconds of the file, sound included, as its header says; None if it does not.
        frames: that are in the file.
    """
    if length and int(length * rate) - (frames + 1) > 1:
        return (frames + 1) / length
    return rate


def counting_rate(
    rate: float, length: float | None, times: NDArray[np.float64], framerate: float
) -> float | None:
    """Frames per second to count frames with, or None if only timestamps tell the time.

    That is so where the published count would be wrong by more than a second (rates that vary,
    files that end early), and where a video has fewer frames than rows are asked for.

    Args:
        rate, length: as for `published_rate`.
        times: seconds of all frames in their order, from the first one on.
        framerate: rows per second.
    """
    counted = published_rate(rate, length, len(times))
    if counted < framerate:
        return None
    drift = np.abs(times - np.arange(len(times)) / counted)
    return None if drift.max(initial=0.0) > _DRIFT_SECONDS else counted


class RowCounter:
    """Tells of each frame in turn how many rows it is: none or one, more where a picture stands.

    Attributes:
        rate: frames per second to count with; None: timestamps decide. It becomes None once that
            frames which could not be read have put the count out by more than a second.
    """

    def __init__(self, sampling: Sampling, rate: float | None) -> None:
        self.rate = rate
        self._sampling = sampling
        self._reached = 0  # rows until now, those outside of what is taken included

    def rows(self, number: int, begin: float, end: float) -> int:
        """Rows that frame `number`, from 1, is, on screen from second `begin` to `end`."""
        if self.rate and abs(begin - (number - 1) / self.rate) > _DRIFT_SECONDS:
            self.rate = None
        before, framerate = self._reached, self._sampling.framerate
        if self.rate:
            # Whole multiples of r up to `number`: one more than before if number mod r < 1.
            reached = int(number // (self.rate / framerate))
        else:
            reached = int((end + _NEAR) * framerate)
        self._reached = max(before, reached)
        if self.rate:
            return (reached - before) * self.within(number, begin)
        first = int(np.ceil((self._sampling.begin - _NEAR) * framerate))
        last = min(reached, (self._sampling.end + _NEAR) * framerate)
        return max(0, int(last) - max(before, first - 1))

    def within(self, number: int, begin: float) -> bool:
        """Whether a frame belongs to the part of the video that is taken."""
        begin_of_part = self._sampling.begin
        here = number >= self.rate * begin_of_part if self.rate else begin >= begin_of_part
        return here and not self.is_over(number, begin)

    def is_over(self, number: int, begin: float) -> bool:
        """Whether the part of the video that is taken has ended before this frame."""
        if self.rate:
            return number > self.rate * self._sampling.end
        return begin > self._sampling.end + _NEAR
