"""The second part of CALF's network: capsules that segment time, and a list of spots per chunk."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from common.calf.capsules import capsule_lengths, normalised_capsule_lengths
from common.calf.chunk_shape import ChunkShape
from common.calf.time_layers import pool_in_time, same_convolution
from common.training.device import at_least_single


class SpottingHead(nn.Module):
    """Segments chunks and spots in them (CALF paper, section 3).

    Tensors have time first, [T, B, …]: then neighbouring frames are slices, and everything about
    one frame lies together.

    Args:
        width: W, channels that come in.
        classes: C.
        shape: sizes of a chunk.
        capsule: P, size of a capsule.
    """

    def __init__(self, width: int, classes: int, shape: ChunkShape, capsule: int = 16) -> None:
        super().__init__()
        P, C, N = capsule, classes, shape.slots
        self.classes, self.slots, self.capsule = C, N, P
        self.conv_seg = nn.Conv2d(width, P * C, (3, 1))
        self.batch_seg = nn.BatchNorm2d(shape.frames, momentum=0.01, eps=1e-3)
        self.conv_spot_1 = nn.Conv2d(C * (P + 1), 32, (3, 1))
        self.conv_spot_2 = nn.Conv2d(32, 16, (3, 1))
        length = shape.frames
        for _ in range(3):
            length = (length - 3) // 2 + 1  # poolings over 3 frames, every other frame
        self.conv_conf = nn.Conv2d(16 * length, 2 * N, (1, 1))
        self.conv_class = nn.Conv2d(16 * length, N * C, (1, 1))

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Segmentation [B, T, C] and spots [B, N, 2 + C] of chunks [T, B, W].

        The segmentation is a score in [0, 1] whose meaning depends on the loss. A spot is a
        confidence, a time as part of the chunk, and a distribution over the classes.
        """
        capsules = same_convolution(frames, self.conv_seg)  # [T, B, P · C]
        segmentation = self._segment(at_least_single(capsules))  # [T, B, C]
        spots = self._spot(capsules, segmentation)
        return segmentation.transpose(0, 1), spots

    def _segment(self, capsules: Tensor) -> Tensor:
        """How far the capsules are from indifference: [T, B, P · C] -> [T, B, C] in [0, 1].

        They are normalised per position in the chunk, over batch, capsules and classes.
        """
        norm = self.batch_seg
        capsules = capsules.unflatten(2, (self.capsule, self.classes))  # [T, B, P, C]
        if self.training:
            scores, mean, variance = normalised_capsule_lengths(
                capsules, norm.weight, norm.bias, norm.eps
            )
            _update_running(norm, mean, variance, capsules[0].numel())
            return scores
        assert norm.running_mean is not None and norm.running_var is not None
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        return capsule_lengths(capsules - norm.running_mean[:, None, None, None], scale, norm.bias)

    def _spot(self, capsules: Tensor, segmentation: Tensor) -> Tensor:
        """Spots from capsules [T, B, P · C] and segmentation [T, B, C]: [B, N, 2 + C]."""
        # Pooling comes before joining and clipping at 0: the same numbers, on half the frames.
        pooled = [pool_in_time(capsules), pool_in_time((1 - segmentation).to(capsules.dtype))]
        hidden = F.relu(torch.cat(pooled, dim=2))  # [T/2, B, C · (P + 1)]
        hidden = pool_in_time(F.relu(same_convolution(hidden, self.conv_spot_1)))
        hidden = pool_in_time(F.relu(same_convolution(hidden, self.conv_spot_2)))
        flat = hidden.permute(1, 2, 0).flatten(1)  # [B, 16 · T/8], channel by channel
        conf, event = (
            at_least_single(F.linear(flat, layer.weight.flatten(1), layer.bias))
            for layer in (self.conv_conf, self.conv_class)
        )
        conf = torch.sigmoid(conf.unflatten(1, (self.slots, 2)))  # [B, N, 2]
        event = torch.softmax(event.unflatten(1, (self.slots, -1)), dim=2)  # [B, N, C]
        return torch.cat([conf, event], dim=2)


def _update_running(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, count: int) -> None:
    assert norm.running_mean is not None and norm.running_var is not None
    assert norm.num_batches_tracked is not None and norm.momentum is not None
    unbiased = variance * (count / max(1, count - 1))
    norm.running_mean.lerp_(mean, norm.momentum)
    norm.running_var.lerp_(unbiased, norm.momentum)
    norm.num_batches_tracked += 1


def check_chunks(features: Tensor, frames: int, dimension: int) -> None:
    """Raises ValueError unless these are the chunks that a network was built for: [B, T, D]."""
    if features.shape[1:] != (frames, dimension):
        raise ValueError(
            f"expected chunks [B, {frames}, {dimension}] (frames, features), found "
            f"{list(features.shape)}; build the network for chunks of this size"
        )
