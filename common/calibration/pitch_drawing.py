"""Pictures of the pitch lines, from code: the two of the original, and one on the players' grid."""

from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from common.calibration.pitch import CIRCLE, LENGTH, PENALTY_AREA, WIDTH
from common.errors import needs_extra

Runs = dict[int, tuple[tuple[int, int], ...]]  # row -> columns from and to, of white pixels

# Penalty arc (left) and the left half of the centre circle; the right ones are listed apart, since
# the drawings are not quite symmetric.
_LARGE_ARCS: Runs = {
    22: ((51, 51), (53, 53)),
    23: ((47, 51), (53, 57)),
    24: ((45, 47), (57, 59)),
    25: ((44, 45), (59, 60)),
    26: ((22, 22), (43, 44), (60, 61), (82, 82)),
    27: ((23, 23), (42, 43), (61, 62), (81, 81)),
    28: ((23, 24), (41, 42), (62, 63), (80, 80)),
    29: ((24, 24), (41, 41), (63, 63), (80, 80)),
    30: ((24, 25), (41, 41), (63, 64), (79, 79)),
    **dict.fromkeys(range(31, 37), ((25, 25), (40, 40), (64, 64), (79, 79))),
    37: ((25, 25), (41, 41), (63, 64), (79, 80)),
    38: ((24, 24), (41, 41), (63, 63), (80, 80)),
    39: ((23, 24), (41, 42), (62, 63), (80, 81)),
    40: ((22, 23), (42, 43), (61, 62), (81, 82)),
    41: ((22, 22), (43, 44), (60, 61), (82, 82)),
    42: ((44, 45), (59, 60)),
    43: ((45, 47), (57, 59)),
    44: ((47, 51), (53, 57)),
    45: ((51, 51), (53, 53)),
}
_SCALE_ARCS: Runs = {
    24: ((48, 51), (53, 56)),
    25: ((47, 49), (55, 57)),
    26: ((17, 17), (46, 47), (57, 59), (87, 87)),
    27: ((17, 18), (45, 46), (58, 59), (86, 87)),
    28: ((18, 19), (44, 45), (59, 60), (85, 86)),
    29: ((18, 19), (43, 44), (60, 61), (85, 86)),
    30: ((19, 20), (43, 44), (60, 61), (84, 85)),
    31: ((19, 20), (42, 43), (61, 62), (84, 85)),
    32: ((20, 20), (42, 43), (61, 62), (84, 85)),
    33: ((20, 20), (42, 43), (61, 62), (84, 84)),
    34: ((20, 20), (42, 43), (61, 62), (84, 84)),
    35: ((20, 20), (42, 43), (61, 62), (84, 85)),
    36: ((19, 20), (43, 43), (61, 62), (84, 85)),
    37: ((19, 20), (43, 44), (60, 61), (84, 85)),
    38: ((18, 19), (43, 44), (60, 61), (85, 86)),
    39: ((18, 19), (44, 45), (59, 60), (85, 86)),
    40: ((17, 18), (45, 46), (58, 59), (86, 87)),
    41: ((17, 17), (46, 47), (57, 58), (87, 87)),
    42: ((47, 50), (53, 57)),
    43: ((49, 51), (53, 55)),
}

_LINE = 1.0  # metres; a real one of 12 cm would vanish between pixels
_FINE = 8  # pixels per metre of the picture that is scaled down
_GOAL_AREA, _SPOT = (5.5, 18.32), 11.0  # the laws of the game


def large_drawing() -> NDArray[np.uint8]:
    """The original's usual drawing, 68 x 105: boxes and circle are 1.24 times too large."""
    image = _outline()
    _fill(image, (1, 66), (0, 2))
    _fill(image, (2, 65), (0, 1))
    _fill(image, (9, 58), (0, 21))
    _fill(image, range(9, 59), (20, 21))
    _fill(image, (22, 45), (0, 7))
    _fill(image, range(22, 46), (6, 7))
    _fill(image, (33, 34), (13, 14))
    image[33:35, 51:54] = 255
    return _with_arcs(image, _LARGE_ARCS)


def scale_drawing() -> NDArray[np.uint8]:
    """The original's drawing for its teacher network, 68 x 105: to scale."""
    image = _outline()
    _fill(image, (13, 14, 53, 54), (0, 16))
    _fill(image, range(13, 55), (16, 16))
    _fill(image, (24, 25, 42, 43), (0, 5))
    _fill(image, range(24, 44), (5, 5))
    return _with_arcs(image, _SCALE_ARCS)


def _outline() -> NDArray[np.uint8]:
    image = np.zeros((WIDTH, LENGTH), np.uint8)
    image[[0, WIDTH - 1]] = 255
    image[:, [0, LENGTH // 2, LENGTH - 1]] = 255
    return image


def _fill(image: NDArray[np.uint8], rows: Iterable[int], columns: tuple[int, int]) -> None:
    """Whitens columns from…to in these rows, on both sides of the pitch."""
    first, last = columns
    for row in rows:
        image[row, first : last + 1] = 255
        image[row, LENGTH - 1 - last : LENGTH - first] = 255


def _with_arcs(image: NDArray[np.uint8], arcs: Runs) -> NDArray[np.uint8]:
    for row, runs in arcs.items():
        for first, last in runs:
            image[row, first : last + 1] = 255
    return image


@cache
def published_field(width: int, height: int, to_scale: bool) -> NDArray[np.uint8]:
    """Lines as the original pastes them into a picture of this size: [height, width]."""
    with needs_extra("calibration", "drawing a pitch"):
        import cv2
    drawing = scale_drawing() if to_scale else large_drawing()
    size = int(0.95 * width), int(0.95 * height)
    resized = cv2.resize(drawing, size, interpolation=cv2.INTER_CUBIC)
    field = np.zeros((height, width), np.uint8)
    top, left = int(0.025 * height), int(0.025 * width)
    field[top : top + size[1], left : left + size[0]] = resized
    return field


@cache
def exact_field(width: int, height: int) -> NDArray[np.uint8]:
    """Lines to scale, on the same grid as the players: [height, width].

    The pitch takes the middle 95 % of the picture in both directions.
    """
    with needs_extra("calibration", "drawing a pitch"):
        import cv2
    rows, columns = round(WIDTH / 0.95 * _FINE), round(LENGTH / 0.95 * _FINE)
    y = ((np.arange(rows) + 0.5) / rows - 0.5)[:, None] * WIDTH / 0.95  # metres
    x = np.abs(((np.arange(columns) + 0.5) / columns - 0.5) * LENGTH / 0.95)  # both halves at once
    half_length, half_width, reach = LENGTH / 2, WIDTH / 2, _LINE / 2

    def rectangle(from_x: float, to_x: float, half_height: float) -> NDArray[np.bool_]:
        inside = (x > from_x - reach) & (x < to_x + reach) & (np.abs(y) < half_height + reach)
        hole = (x > from_x + reach) & (x < to_x - reach) & (np.abs(y) < half_height - reach)
        return inside & ~hole

    def ring(centre: float) -> NDArray[np.bool_]:
        return np.abs(np.hypot(x - centre, y) - CIRCLE) < reach

    lines = rectangle(-half_length, half_length, half_width)
    lines |= (x < reach) & (np.abs(y) < half_width)
    for depth, breadth in (PENALTY_AREA, _GOAL_AREA):
        lines |= rectangle(half_length - depth, half_length, breadth / 2)
    lines |= ring(0.0)
    lines |= ring(half_length - _SPOT) & (x < half_length - PENALTY_AREA[0])
    for spot in (0.0, half_length - _SPOT):
        lines |= np.hypot(x - spot, y) < reach
    fine = lines.astype(np.uint8) * 255
    return cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)
