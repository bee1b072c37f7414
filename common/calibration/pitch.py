"""From pixels of the broadcast picture to metres on the pitch.

Pitch coordinates are metres from the centre spot: x along the length, to the right, y along the
width, downward in a drawing, which for the main camera is the near side.
"""

import numpy as np
from numpy.typing import NDArray

LENGTH, WIDTH = 105, 68  # metres
PENALTY_AREA, CIRCLE = (16.5, 40.32), 9.15  # depth and breadth; radius: the laws of the game

_NEAR_HORIZON = 0.02  # how close to it a corner that lies above the horizon is taken down


def image_to_pitch(homographies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverses of the homographies from pitch to picture: [n, 3, 3], of any scale.

    Those that have none (singular, or not finite) become NaN: such a frame counts as uncalibrated.
    """
    inverses = np.full(homographies.shape, np.nan)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scaled = homographies / homographies[:, 2:, 2:]
        finite = np.flatnonzero(np.isfinite(scaled).all(axis=(1, 2)))
        area = np.linalg.det(scaled[finite])
        usable = finite[(area != 0) & np.isfinite(area)]
        inverses[usable] = np.linalg.inv(scaled[usable])
    inverses[~np.isfinite(inverses).all(axis=(1, 2))] = np.nan
    return inverses


def to_pitch(
    inverses: NDArray[np.float64], u: NDArray[np.float64], v: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Pitch coordinates x, y in metres of picture points, and the sign of their depth.

    Points below the horizon have the same sign as the bottom of the picture, those above it the
    other, and lie behind the camera; a point on the horizon is infinitely far.

    Args:
        inverses: [n, 3, 3], one per point (or group of points).
        u, v: pixels from the upper left corner, [n, …].
    """
    rows = inverses.reshape(*inverses.shape, *(1,) * (u.ndim - 1))  # [n, 3, 3, 1, …]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        x, y, w = (rows[:, i, 0] * u + rows[:, i, 1] * v + rows[:, i, 2] for i in range(3))
        return x / w, y / w, w


def near_pitch(x: NDArray[np.float64], y: NDArray[np.float64], margin: float) -> NDArray[np.bool_]:
    """Which places lie on the pitch, or at most `margin` metres beside it in either direction."""
    return (np.abs(x) <= LENGTH / 2 + margin) & (np.abs(y) <= WIDTH / 2 + margin)


def footprint(
    inverses: NDArray[np.float64], height: float, width: float, published: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What the picture shows of the pitch: x, y of its corners, [n, 4] each.

    The corners come in the order upper left, upper right, lower right, lower left. One that lies
    above the horizon is taken down its side of the picture to just below it, so that the outline
    runs far out, as it should; the original projects it to behind the camera. Where the lower
    corners lie above the horizon, too, there is no footprint: NaN.
    """
    u = np.broadcast_to([0.0, width, width, 0.0], (len(inverses), 4))
    v = np.broadcast_to([0.0, 0.0, height, height], (len(inverses), 4))
    x, y, w = to_pitch(inverses, u, v)
    if published:
        return x, y
    bottom = w[:, [3, 2]]  # of the left and the right side
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        part = np.clip((_NEAR_HORIZON - 1) / (w[:, :2] / bottom - 1), 0, 1)  # of the way up
        inside = np.where(w[:, :2] / bottom > _NEAR_HORIZON, 1.0, part)
        upside_down = (bottom[:, 0] * bottom[:, 1] <= 0)[:, None]
    v = np.concatenate([height * (1 - inside), v[:, 2:]], axis=1)
    x, y, _ = to_pitch(inverses, u, v)
    return np.where(upside_down, np.nan, x), np.where(upside_down, np.nan, y)
