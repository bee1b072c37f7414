"""Sizes of a chunk, in frames."""

from dataclasses import dataclass

from common.errors import UserError


@dataclass(frozen=True)
class ChunkShape:
    """A chunk of `frames` T, of which the outer half of `receptive_frames` R see too little.

    Raises UserError for sizes with which no chunk can be drawn.
    """

    frames: int
    receptive_frames: int
    slots: int = 15  # N, spots that the network can report per chunk

    def __post_init__(self) -> None:
        if self.receptive_frames < 2 or self.slots < 1:
            raise UserError(
                f"the receptive field needs 2 frames or more, found {self.receptive_frames}, and "
                f"--num_detections must be 1 or more, found {self.slots}"
            )
        if self.frames <= 2 * self.receptive_frames or self.frames < 16:
            raise UserError(
                "--chunk_size must be more than twice --receptive_field and span 16 frames or "
                f"more, found {self.frames} and {self.receptive_frames} frames"
            )

    @property
    def border(self) -> int:
        """Frames at either end that are left to the neighbouring chunk, h = floor(R / 2)."""
        return self.receptive_frames // 2

    @property
    def masked(self) -> int:
        """Frames at either end that training takes no loss from, ceil(R / 2)."""
        return -(-self.receptive_frames // 2)
