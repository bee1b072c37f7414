"""CALF's network: a temporal pyramid over frame features, then capsules and spots."""

from torch import Tensor, nn

from common.calf.chunk_shape import ChunkShape
from common.calf.pyramid import CHANNELS, FeatureBranch
from common.calf.spotting_head import SpottingHead, check_chunks
from common.training.published_names import keep_published_names

_WIDTH = 2


class ContextAwareModel(nn.Module):
    """Temporal pyramid, capsule segmentation and list of spots (CALF paper, section 3).

    Args:
        features: D, size of the frame features.
        classes: C.
        shape: sizes of a chunk.
        capsule: P, size of a capsule.
    """

    def __init__(self, features: int, classes: int, shape: ChunkShape, capsule: int = 16) -> None:
        super().__init__()
        self.features, self.classes, self.shape = features, classes, shape
        self.branch = FeatureBranch(features, _WIDTH, shape.receptive_frames)
        self.head = SpottingHead(CHANNELS * _WIDTH, classes, shape, capsule)
        keep_published_names(self, lambda name: name.partition(".")[2])

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Segmentation [B, T, C] and spots [B, N, 2 + C] of chunks [B, T, D]: `SpottingHead`."""
        check_chunks(features, self.shape.frames, self.features)
        return self.forward_reduced(self.reduce(features).transpose(0, 1))

    def reduce(self, features: Tensor) -> Tensor:
        """What is computed of each frame by itself, once however many chunks hold it.

        […, D] -> […, 32]
        """
        return self.branch.reduce(features)

    def forward_reduced(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`, of chunks whose frames went through `reduce`: [T, B, 32]."""
        return self.head(self.branch(frames))  # by way of [T, B, 152]
