"""What a network of the CALF family sees: frame features, and perhaps the players."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from common.data.events import EventClasses
from common.data.features import HalfFeatures, open_half
from common.data.frame_rows import blocks_of
from common.results.suppression import Peaks


class HalfInputs(Protocol):
    """The frames of a half, in blocks that fit into memory."""

    @property
    def frames(self) -> int:
        """Number of frames."""
        ...

    def blocks(self, device: torch.device) -> Iterator[tuple[Tensor, ...]]:
        """The arguments of a network's `reduce` for all frames in order, a block at a time."""
        ...


@dataclass(frozen=True)
class HalfPlace:
    """Where a half's files lie: its game's folder, its number from 1 on, and its features."""

    folder: Path
    number: int
    features: HalfFeatures


class FurtherRows(Protocol):
    """What chunks hold beside features, of many halves."""

    def take(
        self, half: NDArray[np.int64], start: NDArray[np.int64], length: int
    ) -> Tensor | tuple[Tensor, ...]:
        """One or more tensors about frames start…start + length - 1 of each half [B]."""
        ...


class Sight(Protocol):
    """How a baseline reads what its network sees, beside features and labels."""

    @property
    def files(self) -> Sequence[str]:
        """Names of what it needs of each half, without the half's number."""
        ...

    def missing_files(self, folder: Path, classes: EventClasses) -> list[Path]:
        """Files that a game lacks."""
        ...

    def open(self, place: HalfPlace) -> HalfInputs:
        """A half to be spotted in."""
        ...

    def further_rows(self, places: Sequence[HalfPlace]) -> list[FurtherRows]:
        """What chunks of these halves hold beside features, in the order of `reduce`."""
        ...

    def draw_moments(
        self, folder: Path, place: HalfPlace, peaks: Peaks, names: Sequence[str], framerate: int
    ) -> None:
        """Draws what the network saw around detections, into `folder`."""
        ...


@dataclass(frozen=True)
class FeatureInputs:
    """Features alone."""

    features: HalfFeatures

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.features.frames

    def blocks(self, device: torch.device) -> Iterator[tuple[Tensor, ...]]:
        """See `HalfInputs`."""
        return ((block,) for block in blocks_of(self.features, device))


class FeaturesOnly:
    """The sight of CALF, and of its variants without a player branch."""

    files: Sequence[str] = ()

    def missing_files(self, folder: Path, classes: EventClasses) -> list[Path]:
        """See `Sight`."""
        return []

    def open(self, place: HalfPlace) -> HalfInputs:
        """See `Sight`."""
        return FeatureInputs(place.features)

    def further_rows(self, places: Sequence[HalfPlace]) -> list[FurtherRows]:
        """See `Sight`."""
        return []

    def draw_moments(
        self, folder: Path, place: HalfPlace, peaks: Peaks, names: Sequence[str], framerate: int
    ) -> None:
        """See `Sight`: features have no picture."""


def game_places(
    folder: Path, features: Sequence[str], halves: int, dimension: int | None
) -> list[HalfPlace]:
    """The halves of a game."""
    return [
        HalfPlace(folder, number, open_half(folder, number, features, dimension))
        for number in range(1, halves + 1)
    ]
