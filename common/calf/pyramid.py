"""The branch of CALF that reads frame features: reduce each frame, then look around it in time."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from common.calf.fourier import direct_convolutions, fourier_convolutions

SHORT = 16  # taps of the longest kernel up to which direct convolutions are as fast, also on CPUs


def pyramid_layers(
    features: int, width: int, receptive_frames: int, suffix: str = ""
) -> dict[str, nn.Conv2d]:
    """Layers of a branch under their published names, in the published order.

    They are two-dimensional convolutions of frames by 1, as in the checkpoints; `suffix` tells a
    second branch of one network apart. A branch gives 76 · width numbers per frame.

    Args:
        features: D.
        width: 2 in CALF.
        receptive_frames: R, the longest kernel; the others have R/7, R/3 and R/2, rounded up.
    """
    layers = {
        "conv_1": nn.Conv2d(1, 64 * width, (1, features)),
        "conv_2": nn.Conv2d(64 * width, 16 * width, (1, 1)),
    }
    parts = zip((4, 8, 16, 32), (7, 3, 2, 1), strict=True)
    for number, (channels, part) in enumerate(parts, 1):
        taps = math.ceil(receptive_frames / part)
        layers[f"conv_p_{number}"] = nn.Conv2d(16 * width, channels * width, (taps, 1))
    return {name + suffix: layer for name, layer in layers.items()}


def reduce_frames(frames: Tensor, layers: Sequence[nn.Conv2d]) -> Tensor:
    """The two layers that see a single frame: […, D] -> […, 16 · width]."""
    first, second = layers
    frames = F.relu(F.linear(frames, first.weight.flatten(1), first.bias))
    return F.relu(F.linear(frames, second.weight.flatten(1), second.bias))


def look_around(frames: Tensor, layers: Sequence[nn.Conv2d | nn.Conv3d]) -> Tensor:
    """The pyramid of four reaches in time, beside the frame itself.

    [T, B, 16 · width] -> [T, B, 76 · width]
    """
    kernels = [layer.weight.flatten(2) for layer in layers]  # [O, I, k] each
    bias = torch.cat([layer.bias for layer in layers if layer.bias is not None])
    if frames.device.type == "cpu":
        is_short = max(kernel.shape[2] for kernel in kernels) <= SHORT
        convolve = direct_convolutions if is_short else fourier_convolutions
        precise = frames.to(torch.promote_types(frames.dtype, torch.float32))
        with torch.autocast("cpu", enabled=False):  # transforms need single precision or more
            maps = convolve(precise, kernels)
    else:
        maps = direct_convolutions(frames, kernels)
    return torch.cat([frames, F.relu(maps + bias)], dim=2)
