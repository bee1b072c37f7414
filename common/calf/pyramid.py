"""The branch of CALF that reads frame features: reduce each frame, then look around it in time."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from common.calf.fourier import direct_convolutions, fourier_convolutions
from common.training.device import at_least_single

CHANNELS = 76  # that a branch gives per unit of width
REACHES = ((4, 7), (8, 3), (16, 2), (32, 1))  # channels per unit of width, part of the longest
SHORT = 16  # taps of the longest kernel up to which direct convolutions are as fast, also on CPUs


class FeatureBranch(nn.Module):
    """Two layers over each frame, and a temporal pyramid: 76 · width numbers per frame.

    Its layers are two-dimensional convolutions of frames by 1, as in the published checkpoints.

    Args:
        features: D.
        width: 2 in CALF.
        receptive_frames: R, the longest kernel; the others have R/7, R/3 and R/2, rounded up.
    """

    def __init__(self, features: int, width: int, receptive_frames: int) -> None:
        super().__init__()
        self.conv_1 = nn.Conv2d(1, 64 * width, (1, features))
        self.conv_2 = nn.Conv2d(64 * width, 16 * width, (1, 1))
        for number, (channels, part) in enumerate(REACHES, 1):
            taps = math.ceil(receptive_frames / part)
            layer = nn.Conv2d(16 * width, channels * width, (taps, 1))
            self.add_module(f"conv_p_{number}", layer)

    def reduce(self, frames: Tensor) -> Tensor:
        """What is computed of each frame by itself: […, D] -> […, 16 · width]."""
        frames = frames.to(self.conv_1.weight.dtype)  # read in single precision, whatever ours
        for layer in (self.conv_1, self.conv_2):
            frames = F.relu(F.linear(frames, layer.weight.flatten(1), layer.bias))
        return frames

    def forward(self, frames: Tensor) -> Tensor:
        """Reduced frames among others, zeros around them: [T, B, 16 · width] -> [T, B, 76 · w]."""
        return look_around(frames, [getattr(self, f"conv_p_{n}") for n in (1, 2, 3, 4)])


def look_around(frames: Tensor, layers: Sequence[nn.Conv2d | nn.Conv3d]) -> Tensor:
    """The pyramid of four reaches in time, beside the frame itself.

    [T, B, 16 · width] -> [T, B, 76 · width]
    """
    kernels = [layer.weight.flatten(2) for layer in layers]  # [O, I, k] each
    bias = torch.cat([layer.bias for layer in layers if layer.bias is not None])
    if frames.device.type == "cpu":
        is_short = max(kernel.shape[2] for kernel in kernels) <= SHORT
        convolve = direct_convolutions if is_short else fourier_convolutions
        with torch.autocast("cpu", enabled=False):  # transforms need single precision or more
            maps = convolve(at_least_single(frames), kernels)
    else:
        maps = direct_convolutions(frames, kernels)
    return torch.cat([frames, F.relu(maps + bias)], dim=2)
