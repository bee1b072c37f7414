"""Spots behind the last feature row of their half: a few are a slip, many a fault of the data."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass
class LateSpots:
    """Counts over games, by the number of the half."""

    spots: Counter[int] = field(default_factory=Counter)
    late: Counter[int] = field(default_factory=Counter)

    def add(self, half: int, spot_frames: NDArray[np.int64], frames: int) -> None:
        """Counts the spots of a half that has so many feature rows."""
        self.spots[half] += len(spot_frames)
        self.late[half] += int((spot_frames >= frames).sum())

    def add_all(self, other: "LateSpots") -> None:
        """Adds the counts of other games."""
        self.spots.update(other.spots)
        self.late.update(other.late)

    def fault(self) -> str:
        """What is wrong with the data in a sentence, if so many are late that it is no slip."""
        too_many = {half for half in self.spots if _too_many(self.spots[half], self.late[half])}
        later = sorted(too_many - {1})
        if later and _share(self.spots[1], self.late[1]) < 0.5:
            half = later[0]
            return (
                f"{self.late[half]} of {self.spots[half]} spots of half {half} lie behind the last "
                f"row of their half, of half 1 {self.late[1]} of {self.spots[1]}; check "
                "that gameTime and position count from the start of each half, not of the game, "
                "and that the features hold the whole half"
            )
        spots, late = self.spots.total(), self.late.total()
        if not _too_many(spots, late):
            return ""
        return (
            f"{late} of {spots} spots lie behind the last row of their half; check "
            "--framerate, and that features are stored as [frames, features]"
        )


def _share(spots: int, late: int) -> float:
    return late / spots if spots else 0.0


def _too_many(spots: int, late: int) -> bool:
    return late >= 10 and late > spots / 2
