"""The older form of the context-aware loss, which both calibration baselines train with.

It also made the released weights of CALF. The newer form is in `CALF/loss.py`. They differ in two
ways: here the score s says that there is *no* action (1 - s is the score of the action), and the
slopes on both sides of K3 are steeper, so that the loss falls to 0 earlier.
"""

import math

import torch
from torch import Tensor

_SMALLEST = 1e-7  # distance that a probability keeps from 0 and 1


def legacy_context_loss(
    segmentation: Tensor,
    shifts: Tensor,
    k_frames: Tensor,
    hit_radius: float = 0.1,
    miss_radius: float = 0.9,
) -> Tensor:
    """Sum over all frames and classes of [ln m - ln q]+, with p = s and

    | shift y | q | m |
    |---|---|---|
    | y < K1 | p | miss_radius |
    | K1 <= y < K2 | p + (1 - p) (y - K1) / (K2 - K1) | miss_radius |
    | K2 <= y < 0 | no loss | |
    | 0 <= y < K3 | 1 - p + y / K3 | 1 - hit_radius |
    | K3 <= y < K4 | p + (K4 - y) / (K4 - K3) | miss_radius |
    | y >= K4 | p | miss_radius |

    q is a line in p in each region, offset + slope p, whose coefficients only depend on the labels.
    So every element takes one logarithm, and none that its region does not ask for.

    Args:
        segmentation: s, [B, T, C] in [0, 1].
        shifts: y in frames, [B, T, C].
        k_frames: [4, C].
    """
    K1, K2, K3, K4 = k_frames
    before = ((shifts - K1) / (K2 - K1)).clamp(0, 1)  # 0 up to K1, 1 from K2 on
    after = ((K4 - shifts) / (K4 - K3)).clamp(0, 1)  # 1 up to K3, 0 from K4 on
    hit = (shifts >= 0) & (shifts < K3)
    past = shifts >= K3
    offset = torch.where(hit, 1 + shifts / K3, torch.where(past, after, before))
    slope = torch.where(hit, -1.0, torch.where(past, 1.0, 1 - before))
    margin = torch.where(hit, math.log(1 - hit_radius), math.log(miss_radius))
    p = segmentation.clamp(_SMALLEST, 1 - _SMALLEST)
    return (margin - torch.log(offset + slope * p)).clamp(min=0).sum()
