"""ResNet-152 as Keras defines it, from Keras' h5 file into the network that transformers has.

Both have the same shape: stride in a block's first convolution. Keras' convolutions have biases and
its normalisation another epsilon; both are constants, so they go into the running statistics:

    gamma · (conv + bias - mean) / √(variance + 1.001e-5) + beta
  = gamma · (conv - (mean - bias)) / √((variance + 1.001e-5 - ε) + ε) + beta
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from common.errors import UserError, needs_extra
from common.files import open_file
from common.video.folding import fold

DEPTHS = (3, 8, 36, 3)  # blocks of a stage
_KERAS_EPSILON = 1.001e-5
_NORM = ("gamma", "beta", "moving_mean", "moving_variance")


def read_resnet(path: Path) -> nn.Module:
    """The network of Keras' weights, with each normalisation folded into its convolution.

    Args:
        path: "…_tf_kernels.h5", with or without the classifier, or a model that Keras saved as h5.

    Raises:
        UserError: a package is missing, or the file is none of these.
    """
    with torch.device("meta"):  # no weights yet: drawing them takes longer than reading the file
        network = new_resnet()
    network.load_state_dict(read_state(path, network.state_dict()), assign=True)
    fold(network.eval(), [("convolution", "normalization")])
    return network


def new_resnet() -> nn.Module:
    """The shape, with weights that mean nothing; its `last_hidden_state` is [n, 2048, h, w]."""
    with needs_extra("video", "--backbone resnet152"):
        from transformers import ResNetConfig, ResNetModel

    config = ResNetConfig(
        embedding_size=64,
        hidden_sizes=[256, 512, 1024, 2048],
        depths=list(DEPTHS),
        layer_type="bottleneck",
        downsample_in_bottleneck=True,
    )
    return ResNetModel(config)


def layer_names() -> Iterator[tuple[str, str]]:
    """Prefixes of a convolution with its normalisation: the library's and Keras'."""
    yield "embedder.embedder", "conv1"
    for stage, depth in enumerate(DEPTHS):
        for block in range(depth):
            ours, theirs = (
                f"encoder.stages.{stage}.layers.{block}",
                f"conv{stage + 2}_block{block + 1}",
            )
            if block == 0:
                yield f"{ours}.shortcut", f"{theirs}_0"
            for i in range(3):
                yield f"{ours}.layer.{i}", f"{theirs}_{i + 1}"


def read_state(path: Path, shapes: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of Keras' file under the library's names.

    Args:
        shapes: a state of the network, for the shape of each.

    Raises:
        UserError: as `read_resnet`.
    """
    open_file(path, "Keras' weights of ResNet-152").close()
    with needs_extra("video", "--backbone resnet152"):
        import h5py

    try:
        # Without locks: file systems of clusters may have none, and nothing is written.
        with h5py.File(path, "r", locking=False) as file:
            root = file.get("model_weights", file)
            state: dict[str, Tensor] = {}
            for ours, theirs in layer_names():
                convolution, norm = root[f"{theirs}_conv"], root[f"{theirs}_bn"]
                shape = tuple(shapes[f"{ours}.convolution.weight"].shape)
                state |= _layer(ours, shape, convolution, norm)
            return state
    except Exception as error:  # the library of the format raises all sorts
        reason = str(error) if isinstance(error, _NotTheseError) else type(error).__name__
        raise UserError(
            f"{path} does not hold Keras' weights of ResNet-152 ({reason}); give "
            "--backbone_weights resnet152_weights_tf_dim_ordering_tf_kernels.h5 or its "
            "_notop.h5, or fetch it with --download"
        ) from None


class _NotTheseError(ValueError):
    """An h5 file holds something else; the message says what was looked for."""


def _layer(ours: str, shape: tuple[int, ...], convolution: Any, norm: Any) -> dict[str, Tensor]:
    """One convolution [out, in, h, w] and its normalisation, with Keras' constants moved."""
    out, into, height, width = shape
    kernel = _values(convolution, "kernel", (height, width, into, out))
    bias = _values(convolution, "bias", (out,))
    gamma, beta, mean, variance = (_values(norm, name, (out,)) for name in _NORM)
    if (variance < 0).any():
        raise _NotTheseError(f"{norm.name}: a variance below 0")
    moved = {
        "convolution.weight": kernel.transpose(3, 2, 0, 1),
        "normalization.weight": gamma,
        "normalization.bias": beta,
        "normalization.running_mean": mean - bias,
        "normalization.running_var": variance + (_KERAS_EPSILON - nn.BatchNorm2d(1).eps),
    }
    state = {
        f"{ours}.{name}": torch.from_numpy(np.ascontiguousarray(values, np.float32))
        for name, values in moved.items()
    }
    return {**state, f"{ours}.normalization.num_batches_tracked": torch.tensor(0)}


def _values(layer: Any, name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """A variable of a layer's group, which lies one group or more below it."""
    found: list[Any] = []

    def look(path: str, item: Any) -> None:
        if path.rpartition("/")[2].partition(":")[0] == name and hasattr(item, "shape"):
            found.append(item)

    layer.visititems(look)
    if len(found) != 1 or found[0].shape != shape or found[0].dtype.kind != "f":
        seen = f"{found[0].shape} of {found[0].dtype}" if len(found) == 1 else f"{len(found)} of it"
        raise _NotTheseError(f"{layer.name}: expected {name} {shape}, found {seen}")
    values = found[0][()].astype(np.float64)
    if not np.isfinite(values).all():
        raise _NotTheseError(f"{layer.name}: {name} holds NaN or infinity")
    return values
