"""Spots of a chunk as a list of N slots (presence, time, class), and back again."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def spot_targets(shifts: NDArray, slots: int) -> NDArray[np.float32]:
    """The frames with shift 0 of each chunk, by time and then class: [B, T, C] -> [B, N, 2 + C].

    A slot is [1, frame / T, one-hot class]; slots without a spot are 0; spots beyond N are left
    out.
    """
    B, T, C = shifts.shape
    place = np.flatnonzero(shifts == 0)  # faster than by axes
    chunk, frame, event = np.unravel_index(place, shifts.shape)
    slot = np.arange(len(chunk)) - np.searchsorted(chunk, chunk)  # number inside its chunk
    kept = slot < slots
    chunk, frame, event, slot = chunk[kept], frame[kept], event[kept], slot[kept]
    targets = np.zeros((B, slots, 2 + C), np.float32)
    targets[chunk, slot, 0] = 1
    targets[chunk, slot, 1] = frame / T
    targets[chunk, slot, 2 + event] = 1
    return targets


def spot_targets_on_device(shifts: Tensor, slots: int) -> Tensor:
    """Equal to `spot_targets`, for shifts on any device, without asking it how many spots it found.

    [B, T, C] -> [B, N, 2 + C]
    """
    B, T, C = shifts.shape
    spot = (shifts == 0).flatten(1)  # [B, T · C], by time and then class
    number = spot.cumsum(1) - 1  # of each spot inside its chunk
    slot = torch.where(spot & (number < slots), number, slots)  # the last one takes all others
    place = torch.arange(T * C, device=shifts.device).expand(B, -1)
    places = place.new_zeros(B, slots + 1).scatter_(1, slot, place)[:, :slots]  # [B, N]
    count = spot.sum(dim=1, keepdim=True)
    there = torch.arange(slots, device=shifts.device) < count  # [B, N]
    wide = torch.float32 if shifts.device.type == "mps" else torch.float64
    time = (places // C).to(wide) / T
    event = (places % C)[..., None] == torch.arange(C, device=shifts.device)  # [B, N, C]
    columns = [there[..., None].float(), time.float()[..., None], event.float()]
    return torch.cat(columns, dim=2) * there[..., None]


def decode_spots(
    spots: NDArray[np.float32], frames: int, published: bool = False
) -> NDArray[np.float32]:
    """Confidence of each frame and class of chunks, or -1: [M, N, 2 + C] -> [M, T, C].

    A spot belongs to its most probable class. Its time x, from 0 to 1, is the frame nearest to
    x T, which is where `spot_targets` had it from; the original takes floor(x (T - 1)), a frame
    too early. Of several spots in one cell the most confident remains; in the original the last.
    """
    M, N, width = spots.shape
    confidence, time, classes = spots[..., 0], spots[..., 1], spots[..., 2:]
    if published:
        frame = np.floor(time * np.float32(frames - 1)).astype(np.int64)
    else:  # not rounded down: 63 / 240 * 240 is less than 63 in single precision
        frame = np.minimum(np.rint(time * np.float32(frames)), frames - 1).astype(np.int64)
    event = classes.argmax(axis=-1)
    chunk = np.broadcast_to(np.arange(M)[:, None], (M, N))
    cells = np.full((M, frames, width - 2), -1, np.float32)
    if published:
        cells[chunk, frame, event] = confidence  # of equal places numpy keeps the last
    else:
        np.maximum.at(cells, (chunk, frame, event), confidence)
    return cells
