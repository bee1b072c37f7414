"""Where the people of a real match were: positions of its halves, at any time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.calibration.pitch import CIRCLE, LENGTH, PENALTY_AREA, WIDTH
from common.errors import UserError
from common.synthetic.game import LARGEST_STOPPAGE

HOME, AWAY, OTHERS = 0, 1, 2  # whom a person plays for, as the kits of `players.py`
_LONGEST_GAP = 1.0  # seconds between two frames, through which people are taken to walk straight
_SAME_TIME = 1e-6  # seconds
_SHORTEST = 3.0  # seconds of a half that can be filmed: two, and the stoppage time
_LENGTHS, _WIDTHS = (80, 130), (45, 100)  # metres; of what is no pitch, units are wrong


@dataclass(frozen=True)
class TrackedHalf:
    """Positions of one half, in metres on a pitch of 105 x 68 as `pitch.py` has it.

    Attributes:
        times: of the frames, in seconds from the first on, ascending, [F].
        people: in each frame, NaN where somebody is not tracked, [F, n, 2].
        ball: the same, [F, 2].
        kits: whom each person plays for, [n].
    """

    times: NDArray[np.float64]
    people: NDArray[np.float32]
    ball: NDArray[np.float32]
    kits: NDArray[np.int64]

    @property
    def seconds(self) -> float:
        """From the first to the last frame."""
        return float(self.times[-1])

    def at(
        self, times: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
        """People [T, n, 2] and ball [T, 2] at these times, and whether anybody is tracked, [T].

        Between two frames everybody goes straight. Who is missing in one of them is missing, and so
        is everybody where frames lie more than a second apart.
        """
        people = self._between(times, self.people)
        return people, self._between(times, self.ball), np.isfinite(people[..., 0]).sum(axis=1) > 0

    def turned(self) -> "TrackedHalf":
        """The same with sides changed."""
        return TrackedHalf(self.times, -self.people, -self.ball, self.kits)

    def _between(
        self, times: NDArray[np.float64], values: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        last = len(self.times) - 1
        place = np.searchsorted(self.times, times + _SAME_TIME, "right") - 1
        before = np.clip(place, 0, last)
        after = np.minimum(before + 1, last)
        age, gap = times - self.times[before], self.times[after] - self.times[before]
        on_frame = np.abs(age) <= _SAME_TIME
        unknown = ~on_frame & ((place < 0) | (place == last) | (gap > _LONGEST_GAP))
        part = np.where(on_frame | (gap == 0), 0, age / np.where(gap == 0, 1, gap))
        one_per_row = (len(times), *(1,) * (values.ndim - 1))
        part, on_frame = part.reshape(one_per_row), on_frame.reshape(one_per_row)
        here, there = values[before].astype(np.float64), values[after].astype(np.float64)
        found = np.where(on_frame, here, here + part * (there - here))
        found[unknown] = np.nan
        return found


@dataclass(frozen=True)
class TrackedMatch:
    """Both halves of a match, and what its files do not hold, a sentence each."""

    halves: tuple[TrackedHalf, TrackedHalf]
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        seconds = min(half.seconds for half in self.halves)
        if seconds < _SHORTEST:
            raise UserError(
                f"expected positions of at least {_SHORTEST:g} seconds of a half, found "
                f"{seconds:g}; give a longer stretch of the match"
            )

    @property
    def most_minutes(self) -> float:
        """The longest half before stoppage time that is wholly in the files."""
        seconds = min(half.seconds for half in self.halves)
        return seconds / (1 + LARGEST_STOPPAGE) / 60

    def check_minutes(self, minutes: float) -> None:
        """Raises UserError if halves of so many minutes are longer than what the files hold."""
        if minutes > self.most_minutes:
            raise UserError(
                f"--minutes {minutes:g} is longer than the halves of --tracking, of which up to "
                f"{int(self.most_minutes * 100) / 100:g} can be filmed with stoppage time; give "
                "fewer, or leave out --minutes"
            )


def on_pitch(
    places: NDArray[np.float32], length: float, width: float
) -> tuple[NDArray[np.float32], str]:
    """Places [..., 2], in metres from the centre of a pitch of this size, on one of 105 x 68.

    Penalty areas and the centre circle keep their metres, as the laws of the game give them, and so
    does what lies outside; what is between is stretched. The second result says so, if need be.

    Example: on a pitch of 100 metres, the edge of a penalty area at 33.5 comes to 36.

    Raises:
        UserError: no pitch has this size.
    """
    if not (_LENGTHS[0] <= length <= _LENGTHS[1] and _WIDTHS[0] <= width <= _WIDTHS[1]):
        raise UserError(
            f"expected tracking data of a pitch in metres, found one of {length:g} x {width:g}; "
            "see the description of the match"
        )
    if (length, width) == (LENGTH, WIDTH):
        return places, ""
    depth, breadth = PENALTY_AREA
    stretched = np.stack(
        [
            _stretched(places[..., 0], length / 2, LENGTH / 2, (CIRCLE,), (depth,)),
            _stretched(places[..., 1], width / 2, WIDTH / 2, (breadth / 2,), ()),
        ],
        axis=-1,
    )
    size = f"{length:g} x {width:g}"
    return stretched, f"the pitch of {size} metres is laid on one of {LENGTH} x {WIDTH}"


def _stretched(
    values: NDArray[np.float32],
    reach: float,
    wanted: float,
    from_centre: tuple[float, ...],
    from_line: tuple[float, ...],
) -> NDArray[np.float32]:
    """Distances from the centre, of which those of lines are kept; `reach` becomes `wanted`."""
    far = np.abs(values)
    marks = [0, *from_centre, *(reach - d for d in from_line), reach]
    goals = [0, *from_centre, *(wanted - d for d in from_line), wanted]
    outside = np.maximum(far - reach, 0)
    return (np.sign(values) * (np.interp(far, marks, goals) + outside)).astype(np.float32)


def watched(people: NDArray[np.float64], ball: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the camera looks: the ball, else the middle of the people, else as before: [T, 2]."""
    present = np.isfinite(people)
    total = np.where(present, people, 0).sum(axis=1)
    count = present.sum(axis=1)
    with np.errstate(invalid="ignore"):
        middle = total / count  # NaN where nobody is
    look = np.where(np.isfinite(ball), ball, middle)
    known = np.flatnonzero(np.isfinite(look).all(axis=1))
    if not len(known):
        return np.zeros_like(look)
    rows = np.arange(len(look))
    return np.stack([np.interp(rows, known, column[known]) for column in look.T], axis=1)
