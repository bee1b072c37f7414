"""The context-aware loss of the CALF paper, and what is minimised with it.

The loss asks of a frame only what can be known there: nothing just before an action, little far
from it, much just after it. Here the score s says that there *is* an action. The older form, which
made the released weights and trains the calibration baselines, is `legacy_context_loss` in
`common/calf`; its docstring says how the two differ.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from common.calf.spotting_loss import spotting_loss

# Loss of segmentation [B, T, C] against shifts [B, T, C], for context parameters [4, C] in frames.
SegmentationLoss = Callable[[Tensor, Tensor, Tensor], Tensor]

_SMALLEST = 1e-7  # distance that a probability keeps from 0 and 1


def context_aware_loss(
    segmentation: Tensor,
    shifts: Tensor,
    k_frames: Tensor,
    hit_radius: float = 0.1,
    miss_radius: float = 0.9,
) -> Tensor:
    """Sum over all frames and classes of [ln m - ln q]+, with p = 1 - s and

    | shift y | q | m |
    |---|---|---|
    | y < K1 | p | miss_radius |
    | K1 <= y < K2 | p + (1 - p) (y - K1) / (K2 - K1) | miss_radius |
    | K2 <= y < 0 | no loss | |
    | 0 <= y < K3 | 1 - p + p y / K3 | 1 - hit_radius |
    | K3 <= y < K4 | p + (1 - p) (K4 - y) / (K4 - K3) | miss_radius |
    | y >= K4 | p | miss_radius |

    In each region q = offset + (1 - offset) p, or 1 - (1 - offset) p where the action has just
    been. The offset depends on the labels alone, so every element takes one logarithm, and none
    that its region does not ask for. p keeps away from 0 and 1, so that the loss is finite for
    every score.

    Args:
        segmentation: s, [B, T, C] in [0, 1].
        shifts: y in frames, [B, T, C].
        k_frames: [4, C].
    """
    K1, K2, K3, K4 = k_frames
    before = ((shifts - K1) / (K2 - K1)).clamp(0, 1)  # 0 up to K1, 1 from K2 on
    after = ((K4 - shifts) / (K4 - K3)).clamp(0, 1)  # 1 up to K3, 0 from K4 on
    hit = (shifts >= 0) & (shifts < K3)
    offset = torch.where(hit, shifts / K3, torch.where(shifts < 0, before, after))
    margin = torch.where(hit, math.log(1 - hit_radius), math.log(miss_radius))
    p = (1 - segmentation).clamp(_SMALLEST, 1 - _SMALLEST)
    q = torch.where(hit, 1 - (1 - offset) * p, offset + (1 - offset) * p)
    return (margin - torch.log(q)).clamp(min=0).sum()


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """Segmentation and spots; called on outputs and targets it returns weighted losses by name.

    Both are sums over the batch, so that the learning rate means another thing at another batch
    size; the weights were published for batches of 32.

    Attributes:
        segmentation_loss: `context_aware_loss`, or its older form.
        k_frames: context parameters [4, C], on the device.
        published: match spots as the original, see `match_predictions`.
    """

    segmentation_loss: SegmentationLoss
    k_frames: Tensor
    weight_segmentation: float = 0.000367
    weight_detection: float = 1.0
    lambda_coord: float = 5.0
    lambda_noobj: float = 0.5
    published: bool = False

    def __call__(self, outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> dict[str, Tensor]:
        """{"segmentation": …, "spotting": …} from (segmentation, spots) and (shifts, targets)."""
        (segmentation, spots), (shifts, wanted) = outputs, targets
        segmented = self.segmentation_loss(segmentation, shifts, self.k_frames)
        spotted = spotting_loss(spots, wanted, self.lambda_coord, self.lambda_noobj, self.published)
        return {
            "segmentation": self.weight_segmentation * segmented,
            "spotting": self.weight_detection * spotted,
        }
