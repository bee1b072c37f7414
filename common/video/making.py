"""How the features of a half are made, and whether files that are there were made like that."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import UserError
from common.video.decoding import open_video
from common.video.feature_notes import is_known, write_note
from common.video.fingerprint import fingerprint
from common.video.flags import DIMENSIONS
from common.video.game_videos import HalfVideo
from common.video.weights_file import MD5, checksum

if TYPE_CHECKING:
    from common.video.reduction import Reduction

_PUBLISHED = "published"  # weights: those of Keras, or of the package


@dataclass(frozen=True, kw_only=True)
class Making:
    """How rows are made, whatever they are of.

    Attributes:
        backbone: name of one of `DIMENSIONS`.
        weights: its file; None: the published ones.
        framerate: rows per second.
        transform: of frames.
        precision: of the backbone's products.
        reduction: of the rows of the last file of a half; None: they stay as they are.
    """

    backbone: str
    weights: Path | None
    framerate: float
    transform: str
    precision: str
    reduction: "Reduction | None"

    def note(self, video: HalfVideo, files: Sequence[Path]) -> None:
        """Notes how the files of a half were made."""
        for path in files:
            write_note(path, self._facts(video, path == files[-1]))

    def is_known(self, video: HalfVideo, files: Sequence[Path]) -> bool:
        """Whether notes tell that those files of a half that are there were made like this.

        Raises UserError as `feature_notes.is_known`.
        """
        known = True
        for path in filter(Path.is_file, files):
            known &= is_known(
                path,
                self._facts(video, path == files[-1]),
                rows=_expected_rows(video, self.framerate),
                width=self._width(path == files[-1]),
            )
        return known

    def _facts(self, video: HalfVideo, last: bool) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "start": float(video.start or 0),
            "duration": video.duration,
            "backbone": self.backbone,
            "weights": self._weights,
            "framerate": float(self.framerate),
            "transform": self.transform,
            "precision": self.precision,
            "pca": self.reduction.digest if self.reduction and last else None,
        }
        with suppress(UserError):  # features may outlive their video
            facts["video"] = [*fingerprint(video.path, "a video")]
        return facts

    @cached_property
    def _weights(self) -> str:
        if self.weights is None or not self.weights.exists():  # then they are fetched
            return _PUBLISHED
        found = checksum(self.weights)
        return _PUBLISHED if found in MD5.values() else found

    def _width(self, last: bool) -> int:
        return self.reduction.dimension if self.reduction and last else DIMENSIONS[self.backbone]


def _expected_rows(video: HalfVideo, framerate: float) -> float | None:
    """About how many rows there are, by the header; None where nothing tells."""
    try:
        with open_video(video.path) as (container, _):
            microseconds = container.duration or 0
    except UserError:  # no video any more, or nothing that reads it
        return None
    sampling = video.sampling(framerate)
    seconds = min(sampling.end, microseconds / 1e6) - sampling.begin
    return seconds * framerate if microseconds > 0 else None
