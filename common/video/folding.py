"""Normalisations put into the convolutions before them: same rows to rounding, sooner."""

from collections.abc import Sequence

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold(network: nn.Module, pairs: Sequence[tuple[str, str]]) -> None:
    """Changes a network that is in evaluation mode.

    Args:
        pairs: names of a convolution and of the normalisation of its output, in any of the parts.
    """
    for part in network.modules():
        for first, second in pairs:
            convolution, norm = getattr(part, first, None), getattr(part, second, None)
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(part, first, fuse_conv_bn_eval(convolution, norm))
                setattr(part, second, nn.Identity())
