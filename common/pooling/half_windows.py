"""The windows around all frames of a half, as one padded half."""

import torch
from torch import Tensor


def check_windows(windows: Tensor, frames: int, features: int) -> None:
    """Raises ValueError unless these are the windows that a network was built for: [B, L, D]."""
    if windows.shape[1:] != (frames, features):
        raise ValueError(
            f"expected windows [B, {frames}, {features}] (frames, features), found "
            f"{list(windows.shape)}; build the network for windows of this size"
        )


def padded_half(frames: Tensor, length: int) -> Tensor:
    """A half whose windows of `length` rows, stride 1, are those around its frames.

    The window of frame i has rows i - ⌊L/2⌋ … i + ⌈L/2⌉ - 1, rows outside the half replaced by
    its first or last: [T, E] -> [T + L - 1, E].
    """
    T = len(frames)
    rows = torch.arange(T + length - 1, device=frames.device) - length // 2
    return frames[rows.clamp(0, T - 1)]
