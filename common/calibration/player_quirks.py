"""What is odd about the box and calibration files of a half, for the doctor and the log."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.calibration.pitch import near_pitch, to_pitch
from common.calibration.players import CONFIDENT, Players
from common.errors import counted, log

_SLACK = 0.01  # of the frames, by which lists may be longer or shorter than the half
_FEW = 0.2  # calibrated frames, and players on the pitch, below this share are reported
_MARGIN = 10  # metres around the pitch, for coaches, and for what a calibration errs
_FEWEST_BOXES = 10  # from which on shares of them say something

told: set[bool] = set()  # whether of halves to learn from: one warning for each kind


def tell_quirks(quirks: Sequence[tuple[Path, Sequence[str]]], *, training: bool) -> None:
    """Says in the log, once, how many halves have odd files, and what is odd in one of them.

    Args:
        quirks: folder of each half, and its `player_quirks`.
        training: whether they are to be learnt from; what is spotted in comes half by half.
    """
    odd = [f"{folder}: {'; '.join(found)}" for folder, found in quirks if found]
    if odd and training not in told:
        told.add(training)
        log.warning(
            "odd box or calibration files in %s of %d, such as %s; python -m common.doctor "
            "--players lists all",
            counted(len(odd), "half", "halves"), len(quirks), odd[0],
        )  # fmt: skip


def player_quirks(
    players: Players, half: int, frames: int, confident: float | None = CONFIDENT
) -> list[str]:
    """A sentence for each thing that should be known before training on these files.

    Lists of another length than the half, and pictures of two sizes, are what a file that belongs
    to another game shows; boxes, colours and calibrations are looked at for other conventions.

    Args:
        frames: feature rows of the half.
        confident: confidence from which a calibration is used; None: it is not used at all.
    """
    lists = {"box": len(players.offsets) - 1}
    if confident is not None:
        lists["calibration"] = len(players.confidences)
    quirks = []
    for name, length in lists.items():
        if abs(length - frames) > _SLACK * frames:
            quirks.append(
                f"half {half}: the {name} file has {length} frames, the features {frames}: "
                "it may belong to another game or half"
            )
    quirks += [f"half {half}: {odd}" for odd in _odd_boxes(players)]
    if confident is not None:
        quirks += [f"half {half}: {odd}" for odd in _odd_cameras(players, frames, confident)]
    return quirks


def _odd_boxes(players: Players) -> list[str]:
    """What is odd about boxes and colours in themselves."""
    boxes = players.boxes
    if not len(boxes):
        return ["there is not a single box"]
    quirks = []
    if outside := int((~_inside(players)).sum()):
        quirks.append(f"{outside} of {len(boxes)} boxes stand outside the picture")
    if turned := int((boxes[:, :2] > boxes[:, 2:]).any(axis=1).sum()):
        quirks.append(
            f"{turned} of {len(boxes)} boxes end before they begin: expected [x1, y1, x2, y2], not "
            "widths and heights"
        )
    if len(boxes) < _FEWEST_BOXES:
        return quirks
    if np.abs(boxes).max() <= 1:
        quirks.append("no box reaches farther than 1: expected pixels, not shares of the picture")
    if 0 < players.colours.max() <= 1:
        quirks.append("no colour is above 1: expected 0 to 255; all players are black like this")
    return quirks


def _odd_cameras(players: Players, frames: int, confident: float) -> list[str]:
    """What is odd about the calibration, and about where it puts the boxes."""
    quirks = []
    if players.box_picture != players.camera_picture:
        sizes = (f"{w}x{h}" for h, w in (players.box_picture, players.camera_picture))
        quirks.append(
            "boxes are of a picture of {}, the calibration is of {}: players will be "
            "misplaced".format(*sizes)
        )
    known = players.calibrated(np.arange(frames), confident)
    sure = known.mean() if frames else 1.0
    if sure < _FEW:
        quirks.append(f"the camera is known in only {sure:.0%} of the frames")
    on_pitch = _share_on_pitch(players, np.flatnonzero(known))
    if on_pitch < _FEW:
        quirks.append(
            f"the calibration puts only {on_pitch:.0%} of the players on the pitch: expected "
            "homographies from metres, with the centre spot as origin, to pixels, row by row"
        )
    return quirks


def _inside(players: Players) -> NDArray[np.bool_]:
    """Which boxes stand in the picture."""
    height, width = players.box_picture
    x, y = (players.boxes[:, 0] + players.boxes[:, 2]) / 2, players.boxes[:, 3]
    return (x >= 0) & (x <= width) & (y >= 0) & (y <= height + 1)


def _share_on_pitch(players: Players, frames: NDArray[np.int64]) -> float:
    """Of the players in these frames, whose cameras are known; 1 if there are few of them.

    Boxes outside the picture do not count: they are told by themselves.
    """
    number, place = players.boxes_of(frames)
    kept = _inside(players)[number]
    number, place = number[kept], place[kept]
    if len(number) < _FEWEST_BOXES:
        return 1.0
    box = players.boxes[number].astype(np.float64)
    x, y, _ = to_pitch(players.inverses[frames[place]], (box[:, 0] + box[:, 2]) / 2, box[:, 3])
    return float(near_pitch(x, y, _MARGIN).mean())
