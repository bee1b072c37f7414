"""A frozen ImageNet network that turns top views into vectors, and the files they are kept in."""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import orjson
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from common.calibration.top_view import TopView
from common.errors import UserError, needs_extra

RESNETS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
EFFICIENTNET = 4
_EFFICIENTNET_REPOSITORY = "google/efficientnet-b4"
# ImageNet means and deviations, applied to the channels in the order in which they are stored.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class FrozenNetwork:
    """Which network sees the top views.

    Attributes:
        kind: 18 or 34, a ResNet; 4, EfficientNet-b4.
        weights: a file of weights in torchvision's layout (ResNet only); None: those of ImageNet.
        cropped: show a ResNet the middle of the picture only, as the original: both penalty areas
            are cut away.
    """

    kind: int
    weights: Path | None = None
    cropped: bool = False

    def __post_init__(self) -> None:
        if self.kind == EFFICIENTNET and self.weights is not None:
            raise UserError(
                "--resnet_weights is for a ResNet, --with_resnet 18 or 34; EfficientNet-b4 (4) "
                "takes its own"
            )

    @property
    def dimension(self) -> int:
        """Size of a vector."""
        return 512 if self.kind in RESNETS else 1792

    def file_name(self, view: TopView) -> str:
        """Name of a half's vectors, without its number.

        The original names neither what was drawn nor how large. Ours carries a digest of it all.
        """
        if view.published:
            net = "efficientnet_b4" if self.kind == EFFICIENTNET else f"resnet_{self.kind}"
            teacher = "teacher_" if view.teacher else ""
            return f"radar_{net}_{teacher}{'physic' if view.physic else 'composite'}.npy"
        weights = "imagenet"
        if self.weights is not None:
            if not self.weights.is_file():
                raise UserError(f"expected weights at {self.weights}, found no such file")
            weights = hashlib.blake2b(self.weights.read_bytes(), digest_size=8).hexdigest()
        options = {**asdict(view), "kind": self.kind, "cropped": self.cropped, "weights": weights}
        if view.margin is None:  # names are as they were before there was one
            del options["margin"]
        text = orjson.dumps(options, option=orjson.OPT_SORT_KEYS)
        digest = hashlib.blake2b(text, digest_size=5).hexdigest()
        return f"top_view_{self.kind}_{digest}.npy"

    def load(self, device: torch.device) -> nn.Module:
        """The network, from `weights` or from the hub, ready to be asked."""
        if self.kind == EFFICIENTNET:
            return _efficientnet().to(device).eval()
        network = resnet(self.kind)
        self._take_weights(network)
        return network.to(device).eval()

    def _take_weights(self, network: nn.Module) -> None:
        """Puts a ResNet's weights into it. Raises UserError if they are other weights."""
        with needs_extra("calibration", "--with_resnet"):
            from safetensors.torch import load_file
        path = self.weights or _fetch(f"timm/resnet{self.kind}.tv_in1k", "model.safetensors")
        try:
            if path.suffix == ".safetensors":
                theirs = load_file(path)
            else:
                theirs = torch.load(path, map_location="cpu", weights_only=True)
            network.load_state_dict(from_torchvision(theirs, self.kind))
        except Exception as error:  # damaged files make torch raise all sorts
            raise UserError(
                f"{path} does not hold the weights of a ResNet-{self.kind} in torchvision's layout "
                f"({type(error).__name__}); give --resnet_weights a file that does"
            ) from None

    @torch.inference_mode()
    def see(self, network: nn.Module, pictures: NDArray[np.uint8], device: torch.device) -> Tensor:
        """Vectors of top views: [n, H, W, 3] -> [n, dimension]."""
        x = torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2)  # [n, 3, H, W]
        if self.cropped and self.kind in RESNETS:
            x = _middle(_resize(x, 256), 224)
        else:
            x = _resize(x, 224)
        mean, deviation = (
            torch.tensor(c, device=device).view(3, 1, 1) for c in (_MEAN, _DEVIATION)
        )
        return network((x / 255 - mean) / deviation).pooler_output.flatten(1).float()


def resnet(kind: int) -> nn.Module:
    """A ResNet without its classifier, with random weights."""
    with needs_extra("calibration", "--with_resnet"):
        from transformers import ResNetConfig, ResNetModel

    config = ResNetConfig(
        embedding_size=64,
        hidden_sizes=[64, 128, 256, 512],
        depths=list(RESNETS[kind]),
        layer_type="basic",
    )
    return ResNetModel(config)


def _efficientnet() -> nn.Module:
    with needs_extra("calibration", "--with_resnet"):
        from transformers import EfficientNetModel

    try:
        return EfficientNetModel.from_pretrained(_EFFICIENTNET_REPOSITORY)
    except OSError as error:
        raise UserError(
            f"{_cannot_fetch(_EFFICIENTNET_REPOSITORY, error)}; go online once, or see the top "
            "views through a ResNet, with --with_resnet 34 and --resnet_weights"
        ) from None


def _fetch(repository: str, file: str) -> Path:
    with needs_extra("calibration", "--with_resnet"):
        from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(repository, file))
    except Exception as error:  # the hub's errors have no common parent
        raise UserError(
            f"{_cannot_fetch(repository, error)}; go online once, or give --resnet_weights a file "
            "of weights"
        ) from None


def _cannot_fetch(repository: str, error: Exception) -> str:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return f"cannot fetch {repository} from Hugging Face ({reason})"


def from_torchvision(theirs: dict[str, Tensor], kind: int) -> dict[str, Tensor]:
    """Weights of torchvision's ResNet under the names of the library's, classifier left out.

    Raises KeyError if one is missing.
    """
    parts = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    names = {"embedder.embedder.convolution.weight": "conv1.weight"}
    for part in parts:
        names[f"embedder.embedder.normalization.{part}"] = f"bn1.{part}"
    for stage, depth in enumerate(RESNETS[kind]):
        for block in range(depth):
            ours = f"encoder.stages.{stage}.layers.{block}"
            other = f"layer{stage + 1}.{block}"
            pairs = [
                (f"{ours}.layer.{i}", f"{other}.conv{i + 1}", f"{other}.bn{i + 1}") for i in (0, 1)
            ]
            if stage and not block:
                pairs.append((f"{ours}.shortcut", f"{other}.downsample.0", f"{other}.downsample.1"))
            for mine, conv, norm in pairs:
                names[f"{mine}.convolution.weight"] = f"{conv}.weight"
                for part in parts:
                    names[f"{mine}.normalization.{part}"] = f"{norm}.{part}"
    zero = torch.tensor(0)  # old files do not count batches
    return {
        ours: theirs.get(other, zero) if other.endswith("tracked") else theirs[other]
        for ours, other in names.items()
    }


def _resize(pictures: Tensor, shorter: int) -> Tensor:
    """Bilinear, so that the shorter side has so many pixels; rounded to whole levels.

    As the imaging library does it for pictures of bytes: first across, then down.
    """
    height, width = pictures.shape[-2:]
    scale = shorter / min(height, width)
    size = (int(height * scale), int(width * scale))
    across = F.interpolate(pictures.float(), (height, size[1]), mode="bilinear")
    return _whole(F.interpolate(_whole(across), size, mode="bilinear"))


def _whole(values: Tensor) -> Tensor:
    """Rounded, halves upward."""
    return (values + 0.5).floor()


def _middle(pictures: Tensor, side: int) -> Tensor:
    top, left = ((size - side) // 2 for size in pictures.shape[-2:])
    return pictures[..., top : top + side, left : left + side]
