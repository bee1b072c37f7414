"""What is odd about the box and calibration files of a half, for the doctor."""

import numpy as np

from common.calibration.players import CONFIDENT, Players

_SLACK = 0.01  # of the frames, by which lists may be longer or shorter than the half
_FEW = 0.2  # calibrated frames below this share are reported


def player_quirks(players: Players, half: int, frames: int) -> list[str]:
    """A sentence for each thing that should be known before training on these files.

    Lists of another length than the half, and pictures of two sizes, are what a file that belongs
    to another game shows.

    Args:
        frames: feature rows of the half.
    """
    quirks = []
    lists = {"box": len(players.offsets) - 1, "calibration": len(players.confidences)}
    for name, length in lists.items():
        if abs(length - frames) > _SLACK * frames:
            quirks.append(
                f"half {half}: the {name} file has {length} frames, the features {frames}: "
                "it may belong to another game or half"
            )
    if players.box_picture != players.camera_picture:
        sizes = (f"{w}x{h}" for h, w in (players.box_picture, players.camera_picture))
        quirks.append(
            f"half {half}: boxes are of a picture of {{}}, the calibration is of {{}}: players "
            "will be misplaced".format(*sizes)
        )
    height, width = players.box_picture
    x, y = (players.boxes[:, 0] + players.boxes[:, 2]) / 2, players.boxes[:, 3]
    outside = int(((x < 0) | (x > width) | (y < 0) | (y > height + 1)).sum())
    if outside:
        quirks.append(f"half {half}: {outside} of {len(x)} boxes stand outside the picture")
    sure = players.calibrated(np.arange(frames), CONFIDENT).mean() if frames else 1.0
    if sure < _FEW:
        quirks.append(f"half {half}: the camera is known in only {sure:.0%} of the frames")
    return quirks
