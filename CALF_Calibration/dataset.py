"""What the player branch sees of a half: top views, or vectors that a frozen network made of them.

Chunks are drawn and read as in CALF; this adds the players' part to them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from common.calf.half_inputs import FurtherRows, HalfInputs, HalfPlace
from common.calibration.top_view import TopView
from common.calibration.top_view_rows import PlayersByTopView, TopViewRows
from common.data.events import EventClasses
from common.data.features import HalfFeatures, open_half
from common.data.frame_rows import MappedRows
from common.errors import UserError
from common.results.suppression import Peaks

__all__ = ["PlayersByTopView", "PlayersByVector", "TopViewRows"]

_BLOCK_ROWS = 1024  # read at a time


@dataclass(frozen=True)
class PlayersByVector:
    """A sight with what a frozen network made of each top view, from one file per half."""

    file: str  # name without the number of the half
    view: TopView
    cache_dir: Path | None = None

    files: Sequence[str] = ()  # nothing that could be downloaded

    def missing_files(self, folder: Path, classes: EventClasses) -> list[Path]:
        """Files that a game lacks."""
        return []  # `_vectors` says what to do about them

    def open(self, place: HalfPlace) -> HalfInputs:
        """A half to be spotted in."""
        return _PairedInputs(place.features, self._vectors(place))

    def further_rows(self, places: Sequence[HalfPlace]) -> list[FurtherRows]:
        """Vectors for chunks of these halves."""
        return [MappedRows([self._vectors(place) for place in places])]

    def draw_moments(
        self, folder: Path, place: HalfPlace, peaks: Peaks, names: Sequence[str], framerate: int
    ) -> None:
        """What the frozen network saw around the surest detections."""
        sight = PlayersByTopView(self.view, self.cache_dir)
        sight.draw_moments(folder, place, peaks, names, framerate)

    def _vectors(self, place: HalfPlace) -> HalfFeatures:
        try:
            vectors = open_half(place.folder, place.number, [self.file])
        except UserError as error:
            raise UserError(
                f"{error}; make them first, with python -m CALF_Calibration.extract_top_view and "
                "those of these flags that it has, see its --help"
            ) from None
        if vectors.frames != place.features.frames:
            raise UserError(
                f"{vectors.paths[0]} has {vectors.frames} rows, the features of this half "
                f"{place.features.frames}; extract the file again"
            )
        return vectors


@dataclass(frozen=True)
class _PairedInputs:
    features: HalfFeatures
    vectors: HalfFeatures

    @property
    def frames(self) -> int:
        return self.features.frames

    def blocks(self, device: torch.device) -> Iterator[tuple[Tensor, ...]]:
        for start in range(0, self.frames, _BLOCK_ROWS):
            end = min(start + _BLOCK_ROWS, self.frames)
            yield tuple(
                torch.from_numpy(half.rows(start, end)).to(device)
                for half in (self.features, self.vectors)
            )
