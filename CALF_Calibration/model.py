"""CALF's network with a second branch that sees the top view of each frame, or a vector of it."""

from torch import Tensor, nn
from torch.nn import functional as F

from common.calf.pyramid import look_around, pyramid_layers, reduce_frames
from common.calibration.picture_branch import PictureBranch
from common.calibration.two_branches import BRANCH_WIDTH, TwoBranchModel

__all__ = ["DenseBranch", "PictureBranch", "PyramidBranch", "TwoBranchModel"]


class DenseBranch:
    """One layer over a vector per frame, that a frozen network made of the top view.

    Args:
        width: 2 in the published configuration.
        vectors: size of a vector, 512 or 1792.
    """

    def __init__(self, width: int, receptive_frames: int, vectors: int) -> None:
        self.dense = nn.Conv2d(1, BRANCH_WIDTH * width, (1, vectors))
        self.layers: dict[str, nn.Module] = {"dense_1": self.dense}

    def reduce(self, *players: Tensor, training: bool) -> Tensor:
        """[…, E] -> […, 76 · width]"""
        (vectors,) = players
        return F.relu(F.linear(vectors, self.dense.weight.flatten(1), self.dense.bias))

    def look_around(self, frames: Tensor) -> Tensor:
        """Nothing more."""
        return frames


class PyramidBranch:
    """CALF's own branch, over a vector per frame in place of its features."""

    def __init__(self, width: int, receptive_frames: int, vectors: int) -> None:
        layers = pyramid_layers(vectors, width, receptive_frames, "_copy")
        self.layers: dict[str, nn.Module] = dict(layers)
        self.frame_layers, self.pyramid = list(layers.values())[:2], list(layers.values())[2:]

    def reduce(self, *players: Tensor, training: bool) -> Tensor:
        """[…, E] -> […, 16 · width]"""
        (vectors,) = players
        return reduce_frames(vectors, self.frame_layers)

    def look_around(self, frames: Tensor) -> Tensor:
        """[T, B, 16 · width] -> [T, B, 76 · width]"""
        return look_around(frames, self.pyramid)
