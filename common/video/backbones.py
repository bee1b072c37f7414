"""Which networks turn frames into features. Nothing slow is imported before one is opened."""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from common.errors import UserError
from common.video.flags import DIMENSIONS

if TYPE_CHECKING:
    import torch

BACKBONES = tuple(DIMENSIONS)  # the first made the released features
SIDE = 224  # of a frame that they see, in pixels


class Backbone(Protocol):
    """A frozen network that sees frames one by one."""

    @property
    def name(self) -> str:
        """One of `BACKBONES`."""
        ...

    @property
    def dimension(self) -> int:
        """D, the values that it gives for a frame."""
        ...

    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Rows of features: [n, 224, 224, 3] in the order B, G, R, as decoded -> [n, D]."""
        ...


def open_backbone(
    name: str,
    device: "torch.device",
    *,
    weights: Path | None = None,
    download: bool = False,
    precision: str = "fp32",
) -> Backbone:
    """A backbone with its ImageNet weights, on the device and ready to be asked.

    Args:
        name: "resnet152", the network of the released features (2048 values), or
            "efficientnet-lite0" (1280), whose weights come with its package.
        weights: of resnet152: Keras' h5 file; None: where Keras keeps it (~/.keras/models).
        download: fetch that file if it is not there.
        precision: "fp32", or "bf16", which is faster and moves the rows a little.

    Raises:
        UserError: the name is unknown, a package or the weights are missing, or the file holds
            something else.
    """
    if name not in BACKBONES:
        raise UserError(f"unknown backbone {name!r}; choose {' or '.join(BACKBONES)}")
    from common.video.networks import open_lite0, open_resnet152

    if name == "resnet152":
        from common.video.weights_file import find_weights

        return open_resnet152(find_weights(weights, download), device, precision)
    if weights is not None:
        raise UserError(
            f"--backbone_weights is for resnet152; {name} has the weights of its package, so leave "
            "the flag away"
        )
    return open_lite0(device, precision)
