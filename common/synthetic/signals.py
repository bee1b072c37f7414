"""Invented frame features, in which the order in time tells some classes apart.

A row is noise that stays alike within a camera shot, plus codewords. An event raises one codeword
before it and lets another fade after it. Single codewords without an event, long and short, keep
the task from being trivial; the short ones make a maximum over time a poor witness.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from common.data.events import V2_NAMES

CODEWORDS = 8
# (codeword before, codeword after) the event. The first twelve classes form six pairs of similar
# frequency that differ in the order alone: a pooling that is blind to time sees the same frames.
# The other five are alone with their two codewords.
SIGNATURES = {
    "Ball out of play": (0, 1),
    "Throw-in": (1, 0),
    "Foul": (2, 3),
    "Indirect free-kick": (3, 2),
    "Shots on target": (4, 5),
    "Shots off target": (5, 4),
    "Kick-off": (6, 7),
    "Substitution": (7, 6),
    "Offside": (0, 2),
    "Direct free-kick": (2, 0),
    "Goal": (4, 6),
    "Yellow card": (6, 4),
    "Clearance": (1, 5),
    "Corner": (3, 7),
    "Penalty": (0, 4),
    "Red card": (1, 7),
    "Yellow->red card": (3, 5),
}
_SIGNATURE_OF_CLASS = np.array([SIGNATURES[name] for name in V2_NAMES])  # [C, 2]

# Sizes are per feature, in standard deviations of the noise of one frame. They were chosen so that
# NetVLAD++ reaches a loose average-mAP of 0.55 to 0.6 after 15 epochs on 12 full games.
_PEAK = 4.0  # a codeword at the moment of its event
_PEAK_NOT_SHOWN = 2.0
_SHORTEST_SECONDS, _LONGEST_SECONDS = 4.0, 8.0  # from the event to where its codeword is gone
_DISTRACTORS_PER_MINUTE = 1.0  # a codeword as long as an event's, without the event
_FLASHES_PER_MINUTE = 20.0  # a codeword for a single frame
_PEAK_OF_FLASH = 5.0
_SHOT_SECONDS = 8.0  # mean time between two cuts
_SHOT_NOISE = 0.4
_MEAN = 0.5  # like real features, these are not centred


@dataclass(frozen=True)
class Bumps:
    """Codewords that rise up to a moment or fade from it on; one array entry per bump."""

    seconds: NDArray[np.float64]  # the moment
    codeword: NDArray[np.int64]
    fades: NDArray[np.bool_]  # True: starts at the moment; False: ends there
    peak: NDArray[np.float64]


def draw_codebook(rng: Generator, dim: int) -> NDArray[np.float32]:
    """Directions of the codewords in feature space, [CODEWORDS, dim]."""
    return rng.standard_normal((CODEWORDS, dim), np.float32)


def draw_features(
    rng: Generator,
    codebook: NDArray[np.float32],
    *,
    rows: int,
    framerate: float,
    seconds: NDArray[np.float64],
    event: NDArray[np.int64],
    visible: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Features [rows, D] of one half.

    Args:
        rng: all randomness of this half's features.
        codebook: directions of the codewords, [CODEWORDS, D].
        rows: number of frames T.
        framerate: frames per second.
        seconds: time of each spot in the half, [E].
        event: its class, [E].
        visible: False where the broadcast does not show it, [E].
    """
    bumps = _join(_of_events(seconds, event, visible), _distractors(rng, rows / framerate))
    strength = _strengths(rng, bumps, rows, framerate)  # [T, CODEWORDS]
    _add_flashes(rng, strength, framerate)
    features = _background(rng, rows, codebook.shape[1], framerate)  # [T, D]
    # Not one matrix product: its rounding depends on the BLAS, and the files must not.
    for word, direction in enumerate(codebook):
        frames = np.flatnonzero(strength[:, word])
        features[frames] += strength[frames, word, None] * direction
    return features


def _of_events(
    seconds: NDArray[np.float64], event: NDArray[np.int64], visible: NDArray[np.bool_]
) -> Bumps:
    return Bumps(
        seconds=np.tile(seconds, 2),
        codeword=_SIGNATURE_OF_CLASS[event].T.ravel(),  # all before, then all after
        fades=np.repeat([False, True], len(event)),
        peak=np.tile(np.where(visible, _PEAK, _PEAK_NOT_SHOWN), 2),
    )


def _distractors(rng: Generator, duration_seconds: float) -> Bumps:
    count = rng.poisson(_DISTRACTORS_PER_MINUTE * duration_seconds / 60)
    return Bumps(
        seconds=rng.uniform(0, duration_seconds, count),
        codeword=rng.integers(0, CODEWORDS, count),
        fades=rng.random(count) < 0.5,
        peak=np.full(count, _PEAK),
    )


def _join(first: Bumps, second: Bumps) -> Bumps:
    pairs = zip(vars(first).values(), vars(second).values(), strict=True)
    return Bumps(*map(np.concatenate, pairs))


def _strengths(rng: Generator, bumps: Bumps, rows: int, framerate: float) -> NDArray[np.float32]:
    """How much of each codeword each row holds, [T, CODEWORDS]: triangles of random length."""
    length = rng.uniform(_SHORTEST_SECONDS, _LONGEST_SECONDS, len(bumps.seconds))
    reach = int(np.ceil(_LONGEST_SECONDS * framerate))
    nearest = np.floor(bumps.seconds * framerate).astype(np.int64)
    row = nearest[:, None] + np.arange(-reach, reach + 1)  # [bumps, 2 * reach + 1]
    age = row / framerate - bumps.seconds[:, None]
    height = bumps.peak[:, None] * (1 - np.abs(age) / length[:, None])
    on_its_side = (age >= 0) == bumps.fades[:, None]
    kept = on_its_side & (height > 0) & (row >= 0) & (row < rows)
    codeword = np.broadcast_to(bumps.codeword[:, None], row.shape)
    strength = np.zeros((rows, CODEWORDS), np.float32)
    np.add.at(strength, (row[kept], codeword[kept]), height[kept].astype(np.float32))
    return strength


def _add_flashes(rng: Generator, strength: NDArray[np.float32], framerate: float) -> None:
    rows = len(strength)
    count = rng.poisson(_FLASHES_PER_MINUTE * rows / framerate / 60)
    where = rng.integers(0, rows, count), rng.integers(0, CODEWORDS, count)
    np.add.at(strength, where, np.float32(_PEAK_OF_FLASH))


def _background(rng: Generator, rows: int, dim: int, framerate: float) -> NDArray[np.float32]:
    """White noise per frame, and an offset that lasts from one cut to the next, [T, D]."""
    features = rng.standard_normal((rows, dim), np.float32)
    shot = np.cumsum(rng.random(rows) < 1 / (_SHOT_SECONDS * framerate))  # [T]
    offset = rng.standard_normal((int(shot[-1]) + 1, dim), np.float32)
    offset *= np.float32(_SHOT_NOISE)
    offset += np.float32(_MEAN)
    features += offset[shot]
    return features
