"""How scores become detections: settings that all baselines share."""

from dataclasses import dataclass

import torch

from common.results.suppression import check_suppression


@dataclass(frozen=True)
class Spotting:
    """Where a network runs, and what is kept of its scores.

    Raises UserError for a suppression that cannot work, before anything is computed.
    """

    device: torch.device
    framerate: int  # rows per second
    nms_frames: int
    nms_threshold: float = 0.0
    precision: str = "fp32"
    published: bool = False
    unscored_frames: int = 0  # at the end of a half, that the pooling originals have no window for

    def __post_init__(self) -> None:
        check_suppression(self.nms_frames, self.nms_threshold)
