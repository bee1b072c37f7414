"""Networks that only see, rid of passes over their maps: same rows to rounding, sooner."""

from collections.abc import Sequence

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold(network: nn.Module, pairs: Sequence[tuple[str, str]]) -> None:
    """Puts normalisations into the convolutions before them.

    Args:
        network: in evaluation mode; it is changed.
        pairs: names of a convolution and of the normalisation of its output, in any of the parts.
    """
    for part in network.modules():
        for first, second in pairs:
            convolution, norm = getattr(part, first, None), getattr(part, second, None)
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(part, first, fuse_conv_bn_eval(convolution, norm))
                setattr(part, second, nn.Identity())


def fold_borders(network: nn.Module, name: str) -> None:
    """Lets convolutions make the borders of zeros that a part `name` of them makes before.

    They cannot where sides differ: those stay.
    """
    for part in network.modules():
        border = getattr(part, name, None)
        if isinstance(part, nn.Conv2d) and isinstance(border, nn.ZeroPad2d):
            left, right, top, bottom = border.padding
            if (left, top) == (right, bottom) and part.padding == (0, 0):
                part.padding = (top, left)
                setattr(part, name, nn.Identity())


def act_in_place(network: nn.Module) -> None:
    """Rectifies maps where they lie. Nobody else may look at what goes into a rectifier."""
    for part in network.modules():
        if isinstance(part, nn.ReLU | nn.ReLU6):
            part.inplace = True
