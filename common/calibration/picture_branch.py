"""The player branch over top views: a 3-D convolutional stack.

What its first layer makes of a batch of chunks would fill a gigabyte, of which pooling keeps a
sixteenth. So pictures go through in blocks, and the backward pass reads each block again.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from common.calf.pyramid import REACHES, look_around

_CACHED_BLOCK = 240  # pictures that a CPU computes at a time
_LARGE_BLOCK = 8192  # and other devices: a gigabyte, and few launches


class PictureBranch(nn.Module):
    """Two convolutions with pooling over each picture, then a pyramid in time at each place.

    Args:
        width: 2 in the published configuration.
        receptive_frames: R, reach of the longest kernel in time.
    """

    def __init__(self, width: int, receptive_frames: int) -> None:
        super().__init__()
        self.r_conv_1 = nn.Conv3d(3, 16, (1, 5, 5))  # kernels over (time, y, x)
        self.r_conv_2 = nn.Conv3d(16, 16 * width, (1, 5, 5))
        for number, (channels, part) in enumerate(REACHES, 1):
            taps = -(-receptive_frames // part)
            layer = nn.Conv3d(16 * width, channels * width, (taps, 1, 1))
            self.add_module(f"r_conv_p_{number}", layer)

    def reduce(self, pictures: Tensor) -> Tensor:
        """Pictures […, H, W, 3], 0…255 -> […, S, 16 · width], S places in the picture.

        Raises ValueError for pictures that are not raw bytes.
        """
        if pictures.dtype != torch.uint8:
            raise ValueError(
                f"expected top views as bytes 0…255 (torch.uint8), found {pictures.dtype}; do not "
                "scale them, the network does"
            )
        first, second = self.r_conv_1, self.r_conv_2
        with torch.autocast(pictures.device.type, enabled=False):
            x = FirstLayer.apply(
                pictures.flatten(0, -4), first.weight.squeeze(2), first.bias
            )  # [n, 16, h, w]
            x = F.conv2d(x, _channels_last(second.weight.squeeze(2)), second.bias)
            x = F.relu(F.max_pool2d(x, 2))
        places = x.flatten(2).transpose(1, 2)  # [n, S, 16 · width]
        return places.unflatten(0, pictures.shape[:-3])

    def forward(self, frames: Tensor) -> Tensor:
        """[T, B, S, 16 · width] -> [T, B, 76 · width], the largest over the places."""
        T, B, S, E = frames.shape
        layers = [getattr(self, f"r_conv_p_{n}") for n in (1, 2, 3, 4)]
        around = look_around(frames.reshape(T, B * S, E), layers)
        return around.view(T, B, S, -1).amax(dim=2)


def _block(pictures: Tensor) -> int:
    """How many pictures are computed at a time."""
    return _CACHED_BLOCK if pictures.is_cpu else _LARGE_BLOCK


def _channels_last(tensor: Tensor) -> Tensor:
    """In the layout that the library is fastest at, here by half."""
    return tensor.contiguous(memory_format=torch.channels_last)


def _as_seen(pictures: Tensor, dtype: torch.dtype) -> Tensor:
    """Pixels 0…255 as v / 127 - 1, as published: [n, H, W, 3] -> [n, 3, H, W]."""
    return pictures.permute(0, 3, 1, 2).to(dtype).div_(127).sub_(1)


class FirstLayer(torch.autograd.Function):
    """Convolution, ReLU and pooling over 4 x 4 pixels, a block of pictures at a time.

    What is kept for the backward pass is the result and where in its pooling window it was.
    """

    @staticmethod
    def forward(ctx: Any, pictures: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """[n, H, W, 3], [O, 3, 5, 5], [O] -> [n, O, (H - 4) / 4, (W - 4) / 4]"""
        kernel, results, places = _channels_last(weight), [], []
        for block in pictures.split(_block(pictures)):
            x = F.conv2d(_as_seen(block, weight.dtype), kernel, bias)
            top, place = F.max_pool2d(x, 4, return_indices=True)
            results.append(F.relu(top))
            places.append(place.to(torch.int32))
        ctx.size = x.shape[2:]
        result = torch.cat(results)
        ctx.save_for_backward(pictures, weight, result, torch.cat(places))
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        """Gradients of weight and bias; pictures get none."""
        pictures, weight, result, places = ctx.saved_tensors
        kernel = _channels_last(weight)
        total, total_bias = torch.zeros_like(weight), weight.new_zeros(len(weight))
        arriving = torch.ops.aten.threshold_backward(_channels_last(gradient), result, 0)
        blocks = (tensor.split(_block(pictures)) for tensor in (pictures, arriving, places))
        for block, part, place in zip(*blocks, strict=True):
            spread = F.max_unpool2d(part, place.long(), [4, 4], output_size=ctx.size)
            _, by_weight, by_bias = torch.ops.aten.convolution_backward(
                spread, _as_seen(block, weight.dtype), kernel, [len(weight)], [1, 1], [0, 0],
                [1, 1], False, [0, 0], 1, [False, True, True],
            )  # fmt: skip
            total += by_weight
            total_bias += by_bias
        return None, total, total_bias
