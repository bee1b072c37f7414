"""The network of the CALF family: capsules that segment time, and a list of spots per chunk."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from common.calf.chunk_shape import ChunkShape

_LEAST = 1e-12  # of a square under a root, whose slope at 0 is infinite


class SpottingModel(nn.Module, ABC):
    """Segments chunks and spots in them (paper, section 3).

    A subclass adds its branches, and then the head by `add_head`, so that the state dict keeps the
    published order. Tensors inside have time first, [T, B, …]: then neighbouring frames are slices,
    and everything about one frame lies together.

    Args:
        features: D.
        classes: C.
        shape: sizes of a chunk.
        capsule: P, size of a capsule.
    """

    # Layers of the head, under their published names.
    conv_seg: nn.Conv2d
    batch_seg: nn.BatchNorm2d
    conv_spot_1: nn.Conv2d
    conv_spot_2: nn.Conv2d
    conv_conf: nn.Conv2d
    conv_class: nn.Conv2d

    def __init__(self, features: int, classes: int, shape: ChunkShape, capsule: int = 16) -> None:
        super().__init__()
        self.features, self.classes, self.shape, self.capsule = features, classes, shape, capsule

    def add_head(self, width: int) -> None:
        """Adds the layers from the branches' `width` channels on."""
        P, C, N = self.capsule, self.classes, self.shape.slots
        self.conv_seg = nn.Conv2d(width, P * C, (3, 1))
        self.batch_seg = nn.BatchNorm2d(self.shape.frames, momentum=0.01, eps=1e-3)
        self.conv_spot_1 = nn.Conv2d(C * (P + 1), 32, (3, 1))
        self.conv_spot_2 = nn.Conv2d(32, 16, (3, 1))
        length = self.shape.frames
        for _ in range(3):
            length = (length - 3) // 2 + 1  # poolings over 3 frames, every other frame
        self.conv_conf = nn.Conv2d(16 * length, 2 * N, (1, 1))
        self.conv_class = nn.Conv2d(16 * length, N * C, (1, 1))

    @abstractmethod
    def reduce(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """What is computed of each frame by itself: features […, D], and what else there is."""

    @abstractmethod
    def branches(self, *parts: Tensor) -> Tensor:
        """What is computed of frames among others, zeros around them: [T, B, W].

        Args:
            parts: of `reduce`, time first: [T, B, …].
        """

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Segmentation and spots of chunks: [B, T, C] and [B, N, 2 + C].

        The segmentation is a score in [0, 1] whose meaning depends on the loss. A spot is a
        confidence, a time as part of the chunk, and a distribution over the classes.

        Args:
            inputs: features [B, T, D], and what else the network sees of the frames, [B, T, …].
        """
        return self.forward_reduced(*(part.transpose(0, 1) for part in self.reduce(*inputs)))

    def forward_reduced(self, *parts: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`, of chunks whose frames went through `reduce`: [T, B, …] each."""
        capsules = _same_convolution(self.branches(*parts), self.conv_seg)  # [T, B, P · C]
        segmentation = self._segment(capsules.float())  # [T, B, C]
        spots = self._spot(capsules, segmentation)
        return segmentation.transpose(0, 1), spots

    def _segment(self, capsules: Tensor) -> Tensor:
        """How far the capsules are from indifference: [T, B, P · C] -> [T, B, C] in [0, 1]."""
        T, B, _ = capsules.shape
        active = torch.sigmoid(self._normalise(capsules)) - 0.5  # within ± 1/2
        square = active.square().view(T, B, self.capsule, self.classes).sum(dim=2)
        return torch.sqrt(torch.clamp(4 / self.capsule * square, min=_LEAST))

    def _normalise(self, capsules: Tensor) -> Tensor:
        """Batch normalisation per position in the chunk, over batch, capsules and classes.

        Written out because it is five times as fast as the library's for this layout.
        """
        norm = self.batch_seg
        flat = capsules.flatten(1)  # [T, B · P · C]
        if self.training:
            mean = flat.mean(dim=1, keepdim=True)
            centred = flat - mean
            variance = centred.square().mean(dim=1, keepdim=True)
            _update_running(norm, mean.detach()[:, 0], variance.detach()[:, 0], flat.shape[1])
        else:
            assert norm.running_mean is not None and norm.running_var is not None
            centred = flat - norm.running_mean[:, None]
            variance = norm.running_var[:, None]
        scale = norm.weight[:, None] * torch.rsqrt(variance + norm.eps)
        return torch.addcmul(norm.bias[:, None], centred, scale)

    def _spot(self, capsules: Tensor, segmentation: Tensor) -> Tensor:
        """Spots from capsules [T, B, P · C] and segmentation [T, B, C]: [B, N, 2 + C]."""
        N = self.shape.slots
        # Pooling comes before joining and clipping at 0: the same numbers, on half the frames.
        pooled = [_pool_in_time(capsules), _pool_in_time((1 - segmentation).to(capsules.dtype))]
        hidden = F.relu(torch.cat(pooled, dim=2))  # [T/2, B, C · (P + 1)]
        hidden = _pool_in_time(F.relu(_same_convolution(hidden, self.conv_spot_1)))
        hidden = _pool_in_time(F.relu(_same_convolution(hidden, self.conv_spot_2)))
        flat = hidden.permute(1, 2, 0).flatten(1)  # [B, 16 · T/8], channel by channel
        conf = F.linear(flat, self.conv_conf.weight.flatten(1), self.conv_conf.bias).float()
        named = F.linear(flat, self.conv_class.weight.flatten(1), self.conv_class.bias).float()
        conf = torch.sigmoid(conf.unflatten(1, (N, 2)))  # [B, N, 2]
        return torch.cat([conf, torch.softmax(named.unflatten(1, (N, -1)), dim=2)], dim=2)


def _update_running(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, count: int) -> None:
    assert norm.running_mean is not None and norm.running_var is not None
    assert norm.num_batches_tracked is not None and norm.momentum is not None
    unbiased = variance * (count / max(1, count - 1))
    norm.running_mean.lerp_(mean, norm.momentum)
    norm.running_var.lerp_(unbiased, norm.momentum)
    norm.num_batches_tracked += 1


def _same_convolution(frames: Tensor, layer: nn.Conv2d) -> Tensor:
    """Convolution over 3 frames, zeros around: [T, B, I] -> [T, B, O]; one matrix product.

    Three frames are laid side by side and multiplied, or, where the output is narrower than the
    input, multiplied first and then added up with their neighbours.
    """
    T = len(frames)
    weight = layer.weight.squeeze(3)  # [O, I, 3]
    if weight.shape[0] >= weight.shape[1]:
        padded = F.pad(frames, (0, 0, 0, 0, 1, 1))
        around = torch.cat([padded[:T], padded[1 : T + 1], padded[2:]], dim=2)  # [T, B, 3 I]
        return F.linear(around, weight.transpose(1, 2).flatten(1), layer.bias)
    parts = F.linear(frames, weight.permute(2, 0, 1).flatten(0, 1))  # [T, B, 3 O]
    before, here, after = F.pad(parts, (0, 0, 0, 0, 1, 1)).chunk(3, dim=2)
    assert layer.bias is not None
    return before[:T] + here[1 : T + 1] + after[2:] + layer.bias


def _pool_in_time(frames: Tensor) -> Tensor:
    """Maximum over 3 frames, every other frame: [T, …] -> [floor((T - 1) / 2), …]."""
    return _PoolInTime.apply(frames)


class _PoolInTime(torch.autograd.Function):
    """The library's pooling and its gradient, written as operations on whole slices of time."""

    @staticmethod
    def forward(ctx: Any, frames: Tensor) -> Tensor:
        first, second, third = _slices(frames)
        top = torch.maximum(torch.maximum(first, second), third)
        # 0 or 1, as numbers: masks of another type make products ten times slower.
        is_first = torch.ge(first, top, out=torch.empty_like(top))
        is_second = torch.ge(second, top, out=torch.empty_like(top))
        is_second -= is_first * is_second  # of equal frames the earliest counts
        ctx.save_for_backward(is_first, is_second)
        ctx.frames = len(frames)
        return top

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        is_first, is_second = ctx.saved_tensors
        out = gradient.new_empty(ctx.frames, *gradient.shape[1:])
        first, second, third = _slices(out)
        out[2 * len(gradient) :] = 0  # the others are first or second somewhere
        torch.mul(gradient, is_first, out=first)
        torch.mul(gradient, is_second, out=second)
        rest = gradient - first - second
        third += rest
        return out


def _slices(frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The first, second and third frame of each pooling window; the first and third overlap."""
    count = (len(frames) - 1) // 2
    return frames[: 2 * count : 2], frames[1 : 2 * count : 2], frames[2 : 2 * count + 1 : 2]
