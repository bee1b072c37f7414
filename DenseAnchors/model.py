"""The network: frames reduced, a U-Net over two minutes, a confidence and a displacement each."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from common.training.device import at_least_single
from DenseAnchors.unet import LEVELS, ThreeFrames, UNet, glorot_linear

_REDUCED = 512  # features of more are reduced to so many first
_MIDDLE, _FRAME = 256, 64  # channels of a frame by itself
MULTIPLE = 1 << (LEVELS - 1)  # a chunk's frames are one of it: they are halved five times


class DenseAnchorModel(nn.Module):
    """Says of each frame and class whether an event is near, and how far it is.

    Args:
        features: D, size of the frame features; more than 512 are reduced to so many first.
        classes: C.
        chunk_frames: T, a multiple of 32.
        most_channels: of a level of the U-Net.
        dropout: rate at which features, and values inside the blocks, are dropped in training.
        scaled: whether features are divided by what `scale` tells.
        separate: a network for confidences and one for displacements, instead of one for both.
    """

    def __init__(
        self,
        features: int,
        classes: int,
        chunk_frames: int,
        *,
        most_channels: int = 256,
        dropout: float = 0.0,
        scaled: bool = False,
        separate: bool = False,
    ) -> None:
        super().__init__()
        if chunk_frames % MULTIPLE or chunk_frames < MULTIPLE:
            raise ValueError(f"chunks of {chunk_frames} frames are no multiple of {MULTIPLE}")
        self.features, self.classes, self.chunk_frames = features, classes, chunk_frames
        # Magnitude of each feature, [D]; 0 as long as it is not known.
        self.scale: Tensor | None
        self.register_buffer("scale", torch.zeros(features) if scaled else None)
        heads: Sequence[Sequence[str]] = [["confidence", "displacement"]]
        if separate:
            heads = [["confidence"], ["displacement"]]
        self.frames = nn.ModuleList(frame_layers(features, dropout) for _ in heads)
        self.networks = nn.ModuleList(
            AnchorNetwork(classes, each, most_channels, dropout) for each in heads
        )

    def forward(self, chunks: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of confidences and displacements of chunks: [B, T, D] -> [B, T, C] each.

        Displacements are shares of the radius that they were trained with, -1…1.
        """
        if chunks.shape[1:] != (self.chunk_frames, self.features):
            raise ValueError(
                f"expected chunks [B, {self.chunk_frames}, {self.features}] (frames, features), "
                f"found {list(chunks.shape)}; build the network for chunks of this size"
            )
        return self.forward_reduced(self.reduce(chunks))

    def reduce(self, frames: Tensor) -> Tensor:
        """What is computed of each frame by itself, once however many chunks hold it.

        […, D] -> […, 64 n], of n networks
        """
        if self.scale is not None:
            frames = frames / torch.where(self.scale > 0, self.scale, 1)
        return torch.cat([layers(frames) for layers in self.frames], dim=-1)

    def forward_reduced(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`, of chunks whose frames went through `reduce`: [B, T, 64 n]."""
        found: dict[str, Tensor] = {}
        for network, own in zip(self.networks, frames.split(_FRAME, dim=-1), strict=True):
            found |= network(own)
        logits, displacement = found["confidence"], found["displacement"]
        return at_least_single(logits), torch.tanh(at_least_single(displacement))


class AnchorNetwork(nn.Module):
    """Reduced frames to what each of its heads says of them: [B, T, 64] -> [B, T, C] each."""

    def __init__(
        self, classes: int, heads: Sequence[str], most_channels: int, dropout: float
    ) -> None:
        super().__init__()
        self.trunk = UNet(most_channels, dropout)
        self.heads = nn.ModuleDict({name: ThreeFrames(_FRAME, classes) for name in heads})

    def forward(self, frames: Tensor) -> dict[str, Tensor]:
        """By the names of the heads."""
        seen = self.trunk(frames)
        return {name: head(seen) for name, head in self.heads.items()}


def frame_layers(features: int, dropout: float) -> nn.Sequential:
    """What sees a frame by itself: […, D] -> […, 64]."""
    sizes = [features, *([_REDUCED] if features > _REDUCED else []), _MIDDLE, _FRAME]
    layers: list[nn.Module] = [nn.Dropout(dropout)]
    for inside, outside in pairwise(sizes):
        layers += [glorot_linear(inside, outside), nn.ReLU()]
    return nn.Sequential(*layers)


def trained_features(weights: Mapping[str, Tensor]) -> int:
    """D of the features that a network was trained on; 1 if its weights do not tell.

    Then loading says what does not fit.
    """
    first = weights.get("frames.0.1.weight")
    return first.shape[1] if first is not None and first.ndim == 2 else 1
