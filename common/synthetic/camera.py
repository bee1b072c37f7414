"""A camera in a stadium: from metres on the pitch to pixels of the broadcast picture."""

import numpy as np
from numpy.typing import NDArray

PICTURE = (720, 1280)  # height and width in pixels, of boxes and calibrations
MAIN_CAMERA = np.array([0.0, 78.0, 21.0])  # metres: behind the near touchline, high up


def look_at(
    position: NDArray[np.float64], focus: NDArray[np.float64], focal: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Projections [T, 3, 4] to pixels of PICTURE.

    Args:
        position: of the camera, in metres, [3].
        focus: what lies in the middle of the picture, in metres, [T, 3].
        focal: focal lengths in pixels, [T].
    """
    rows = len(focus)
    ahead = focus - position
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    right = np.stack([-ahead[:, 1], ahead[:, 0], np.zeros(rows)], axis=1)
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    down = np.cross(ahead, right)
    down *= -np.sign(down[:, 2:])
    height, width = PICTURE
    across = focal[:, None] * right + width / 2 * ahead
    along = focal[:, None] * down + height / 2 * ahead
    axes = np.stack([across, along, ahead], axis=1)  # [T, 3, 3]
    return np.concatenate([axes, -(axes @ position)[:, :, None]], axis=2)


def project(
    cameras: NDArray[np.float64], people: NDArray[np.float64], height: float
) -> NDArray[np.float64]:
    """Pixels of points so high above people's feet: [T, n, 2]."""
    points = np.concatenate(
        [people, np.full((*people.shape[:2], 1), height), np.ones((*people.shape[:2], 1))], axis=2
    )
    projected = np.einsum("tij,tnj->tni", cameras, points)
    return projected[..., :2] / projected[..., 2:]
