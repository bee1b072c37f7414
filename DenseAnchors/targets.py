"""What is true of each anchor, a frame and a class: how far it is to the nearest event."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def nearest_offsets(
    spot_frames: NDArray[np.int64],
    spot_events: NDArray[np.int64],
    frames: int,
    classes: int,
    reach: int,
) -> NDArray[np.signedinteger]:
    """Frames from each anchor of a half to the nearest event of its class: [T, C].

    Positive before the event, 0 on it, negative behind. Of two events that are equally near the
    earlier counts; anchors that are farther than `reach` from any have reach + 1. Events outside
    the half are left out. In the smallest integers that hold it.

    Example: events at frames 2 and 6 of 8, reach 1: 2 1 0 -1 2 1 0 -1.

    Args:
        spot_frames, spot_events: frame and class of each event.
        frames, classes: T, C.
        reach: farthest distance that is told, in frames.
    """
    far, row = reach + 1, np.arange(frames)[:, None]
    inside = (spot_frames >= 0) & (spot_frames < frames)
    at = np.zeros((frames, classes), bool)
    at[spot_frames[inside], spot_events[inside]] = True
    before = np.maximum.accumulate(np.where(at, row, -far), axis=0) - row  # 0 and below
    after = np.minimum.accumulate(np.where(at, row, frames + far)[::-1], axis=0)[::-1] - row
    nearest = np.where(after < -before, after, before)
    nearest[abs(nearest) > reach] = far
    return nearest.astype(np.min_scalar_type(-far - 1))  # -128…127 hold 127 and not 128


def anchor_targets(
    offsets: Tensor, radius: int, displacement_radius: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Targets of anchors from their offsets to events, of any shape.

    Args:
        offsets: in frames; beyond both radii where no event is near.
        radius: frames within which an anchor is to be confident.
        displacement_radius: frames within which it is to know the way, r.

    Returns:
        Confidence, 0 or 1; displacement in shares of r, -1…1; whether that is known.
    """
    distance = offsets.abs()
    known = distance <= displacement_radius
    displacement = torch.where(known, offsets, 0) / displacement_radius
    return (distance <= radius).to(displacement.dtype), displacement, known
