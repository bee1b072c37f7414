"""People in the picture: small ones on the pitch, and one or two from near."""

from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from common.synthetic.film.stadium import FILM

Colour = tuple[int, int, int]  # blue, green, red
Box = tuple[int, int, int, int]  # left, top, right, bottom; the last two are not inside

_SHIRTS: tuple[Colour, ...] = (
    (40, 40, 200), (190, 60, 30), (235, 235, 235), (40, 200, 235), (150, 60, 130), (30, 120, 245),
)  # fmt: skip
_OFFICIAL: Colour = (25, 25, 25)
_SKINS: tuple[Colour, ...] = ((150, 185, 225), (95, 135, 185), (60, 85, 130))
CARDS: dict[str, Colour] = {"yellow": (0, 225, 255), "red": (20, 20, 230)}
_FLAG: Colour = (0, 140, 255)
_SMALLEST = 5  # pixels: who is smaller is not drawn


class Kits:
    """Who wears what in a game.

    Attributes:
        shirts: of the 25 people, blue, green and red.
    """

    def __init__(self, rng: Generator) -> None:
        home = _SHIRTS[rng.integers(len(_SHIRTS))]
        away = max(_SHIRTS, key=lambda shirt: _distance(shirt, home) * rng.uniform(0.7, 1))
        self.shirts: list[Colour] = [home] * 11 + [away] * 11 + [_OFFICIAL] * 3
        dark = [sum(colour) > 500 for colour in self.shirts]
        self.shorts: list[Colour] = [(60, 40, 40) if d else (220, 220, 220) for d in dark]
        self.shorts[22:] = [_OFFICIAL] * 3
        self.skins: list[Colour] = [_SKINS[k] for k in rng.integers(0, len(_SKINS), 25)]


def _distance(one: Colour, other: Colour) -> float:
    return float(np.linalg.norm(np.subtract(one, other)))


def draw_person(
    cv2: Any,
    picture: NDArray[np.uint8],
    kits: Kits,
    person: int,
    *,
    foot: tuple[int, int],
    tall: int,
    stride: float,
    pose: str | None,
) -> Box | None:
    """Draws somebody on the pitch; returns what he covers, cut at the picture's border.

    Args:
        foot: where he stands, pixels.
        tall: his height in pixels.
        stride: how far the legs are apart, -1 to 1.
        pose: what he shows; see `plays.Pose`.
    """
    height, width = FILM
    (x, y), h = foot, tall
    half = max(1, round(0.17 * h))
    if h < _SMALLEST or not (-h < x < width + h and h // 3 <= y < height + h):
        return None
    shirt, shorts, skin = kits.shirts[person], kits.shorts[person], kits.skins[person]
    if pose == "fallen":
        left, top = x - h // 2, y - 2 * half
        cv2.rectangle(picture, (left + h // 3, top), (x + h // 4, y - 1), shirt, -1)
        cv2.rectangle(picture, (left, top + half), (left + h // 3, y - 1), shorts, -1)
        cv2.circle(picture, (x + h // 4 + half, y - half), half, skin, -1)
        return _inside((left, top, x + h // 4 + 2 * half + 1, y + 1))
    hip, neck, thick = y - round(0.42 * h), y - round(0.82 * h), max(1, h // 9)
    step = round(stride * half)
    cv2.line(picture, (x - half // 2, hip), (x - step, y), shorts, thick)
    cv2.line(picture, (x + half // 2, hip), (x + step, y), shorts, thick)
    cv2.rectangle(picture, (x - half, neck), (x + half, hip), shirt, -1)
    cv2.circle(picture, (x, neck - max(1, h // 11)), max(1, h // 10), skin, -1)
    if pose is not None:
        _draw_arms(cv2, picture, pose, at=(x, neck), half=half, tall=h, skin=skin)
    return _inside((x - half, y - h, x + half + 1, y + 1))


def _draw_arms(
    cv2: Any,
    picture: NDArray[np.uint8],
    pose: str,
    *,
    at: tuple[int, int],
    half: int,
    tall: int,
    skin: Colour,
) -> None:
    """Raised arms from a neck on, and what a hand holds: larger than life, so that it is seen."""
    x, neck = at
    thick, hand = max(1, tall // 10), neck - tall // 3
    cv2.line(picture, (x + half, neck), (x + half + 1, hand), skin, thick)
    if pose == "arms":
        cv2.line(picture, (x - half, neck), (x - half - 1, hand), skin, thick)
    elif pose in CARDS:
        size = max(2, tall // 5)
        cv2.rectangle(
            picture, (x + half - 1, hand - 2 * size), (x + half - 1 + size, hand), CARDS[pose], -1
        )
    elif pose == "flag":
        size = max(3, tall // 3)
        cv2.rectangle(picture, (x + half, hand - size), (x + half + size, hand), _FLAG, -1)


def draw_near(
    cv2: Any,
    picture: NDArray[np.uint8],
    kits: Kits,
    person: int,
    *,
    middle: int,
    arms: str = "",
    scale: float = 1.0,
) -> Box:
    """Draws head and body of somebody from near; returns what they cover.

    Args:
        middle: column of his middle.
        arms: "one" or "both" raised, or "head": hands on the head.
    """
    shirt, skin = kits.shirts[person], kits.skins[person]

    def px(value: float) -> int:
        return round(value * scale)

    bottom, top = FILM[0], FILM[0] - px(180)
    shoulder, head = top + px(75), (middle, top + px(35))
    dark: Colour = tuple(int(value * 0.7) for value in shirt)  # type: ignore[assignment]
    cv2.rectangle(picture, (middle - px(46), shoulder), (middle + px(46), bottom), shirt, -1)
    cv2.ellipse(picture, (middle, shoulder), (px(46), px(16)), 0, 180, 360, shirt, -1)
    cv2.line(picture, (middle, shoulder), (middle, bottom), dark, px(3))
    cv2.rectangle(picture, (middle - px(11), top + px(50)), (middle + px(11), shoulder), skin, -1)
    cv2.ellipse(picture, head, (px(24), px(31)), 0, 0, 360, skin, -1)
    cv2.ellipse(picture, (middle, top + px(22)), (px(25), px(20)), 0, 180, 360, (30, 35, 45), -1)
    for side in {"": (), "one": (1,), "both": (-1, 1), "head": (-1, 1)}[arms]:
        start = (middle + side * px(42), shoulder + px(8))
        hand = (middle + side * px(60), top - px(12))
        if arms == "head":
            elbow, hand = (middle + side * px(62), top + px(45)), (middle + side * px(20), top + 12)
            cv2.line(picture, start, elbow, shirt, px(20))
            start = elbow
        cv2.line(picture, start, hand, shirt if arms != "head" else skin, px(18))
        cv2.circle(picture, hand, px(11), skin, -1)
    return _inside((middle - px(46), max(0, top), middle + px(46) + 1, bottom)) or (0, 0, 1, 1)


def _inside(box: Box) -> Box | None:
    """The part of a box in the picture; None if there is none."""
    height, width = FILM
    left, top = max(0, box[0]), max(0, box[1])
    right, bottom = min(width, box[2]), min(height, box[3])
    return (left, top, right, bottom) if left < right and top < bottom else None
