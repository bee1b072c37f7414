"""CALF's network: one branch of frame features, then capsules and spots."""

from torch import Tensor, nn

from common.calf.chunk_shape import ChunkShape
from common.calf.pyramid import look_around, pyramid_layers, reduce_frames
from common.calf.spotting_model import SpottingModel

_WIDTH = 2


class ContextAwareModel(SpottingModel):
    """Temporal pyramid, capsule segmentation and list of spots (CALF paper, section 3).

    Args:
        features: D, size of the frame features.
        classes: C.
        shape: sizes of a chunk.
        capsule: P, size of a capsule.
    """

    # Layers of the branch, under their published names.
    conv_1: nn.Conv2d
    conv_2: nn.Conv2d
    conv_p_1: nn.Conv2d
    conv_p_2: nn.Conv2d
    conv_p_3: nn.Conv2d
    conv_p_4: nn.Conv2d

    def __init__(self, features: int, classes: int, shape: ChunkShape, capsule: int = 16) -> None:
        super().__init__(features, classes, shape, capsule)
        for name, layer in pyramid_layers(features, _WIDTH, shape.receptive_frames).items():
            self.add_module(name, layer)
        self.add_head(76 * _WIDTH)

    def reduce(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """[…, D] -> […, 32]"""
        (frames,) = inputs
        return (reduce_frames(frames, [self.conv_1, self.conv_2]),)

    def branches(self, *parts: Tensor) -> Tensor:
        """[T, B, 32] -> [T, B, 152]"""
        (frames,) = parts
        return look_around(frames, [self.conv_p_1, self.conv_p_2, self.conv_p_3, self.conv_p_4])
