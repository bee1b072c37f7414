"""What is laid over the picture: the scoreboard, banners, the sign of a replay, held-up boards."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.synthetic.film.figures import CARDS
from common.synthetic.film.stadium import FILM

_DARK, _LIGHT = (70, 35, 25), (245, 245, 245)
_GREEN, _RED = (60, 190, 40), (40, 40, 220)
_BOARD_LEFT, _BOARD_TOP = 8, 8
_BANNER = (92, 188, 214, 24)  # left, top, width, height: inside the middle square of the picture


def clock(half: int, time: float) -> str:
    """The time as labels write it: 1 - 02:31."""
    return f"{half} - {int(time) // 60:02d}:{int(time) % 60:02d}"


def short_name(team: str) -> str:
    """Three letters of a team's name."""
    return "".join(letter for letter in team if letter.isalpha())[:3].upper()


class Scoreboard:
    """The clock and the score in the upper left; drawn anew only when they change."""

    def __init__(self, home_team: str, away_team: str) -> None:
        self._names = short_name(home_team), short_name(away_team)
        self._shown = ""
        self._strip = np.zeros((14, 132, 3), np.uint8)

    def text(self, half: int, time: float, score: tuple[int, int]) -> str:
        """What it says."""
        home, away = self._names
        return f"{clock(half, time)}  {home} {score[0]}-{score[1]} {away}"

    def draw(self, cv2: Any, picture: NDArray[np.uint8], text: str) -> None:
        """Lays the scoreboard with this text over the picture."""
        if text != self._shown:
            self._shown = text
            self._strip[:] = _DARK
            cv2.putText(self._strip, text, (3, 10), cv2.FONT_HERSHEY_SIMPLEX, 0.3, _LIGHT, 1)
        height, width = self._strip.shape[:2]
        picture[_BOARD_TOP : _BOARD_TOP + height, _BOARD_LEFT : _BOARD_LEFT + width] = self._strip


def draw_banner(cv2: Any, picture: NDArray[np.uint8], text: str) -> None:
    """A line of text at the lower edge, with a sign of its kind: cards, arrows, a bright field."""
    left, top, width, height = _BANNER
    goal = text.startswith("GOAL")
    cv2.rectangle(
        picture, (left, top), (left + width, top + height), (30, 200, 240) if goal else _DARK, -1
    )
    start = left + 6
    if "CARD" in text or "SECOND" in text:
        kinds = ["red"] if text.startswith("RED") else ["yellow"]
        kinds += ["red"] if text.startswith("SECOND") else []
        for kind in kinds:
            cv2.rectangle(picture, (start, top + 3), (start + 13, top + 21), CARDS[kind], -1)
            start += 17
    elif text.startswith("SUBSTITUTION"):
        up = [(start, top + 20), (start + 14, top + 20), (start + 7, top + 4)]
        down = [(start + 18, top + 4), (start + 32, top + 4), (start + 25, top + 20)]
        cv2.fillPoly(picture, [np.array(up)], _GREEN)
        cv2.fillPoly(picture, [np.array(down)], _RED)
        start += 36
    colour = _DARK if goal else _LIGHT
    cv2.putText(picture, text, (start + 2, top + 16), cv2.FONT_HERSHEY_SIMPLEX, 0.38, colour, 1)


def draw_replay_sign(cv2: Any, picture: NDArray[np.uint8], age: float, left: float) -> None:
    """A bar that wipes over the picture at either end of a replay, and a letter between.

    Args:
        age, left: seconds since its begin and until its end.
    """
    height, width = FILM
    cv2.rectangle(picture, (width - 34, 8), (width - 10, 26), (30, 200, 240), -1)
    cv2.putText(picture, "R", (width - 28, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _DARK, 2)
    for seconds in (age, left):
        if 0 <= seconds < 0.4:
            middle = round(width * seconds / 0.4)
            cv2.rectangle(picture, (middle - 70, 0), (middle + 70, height), (30, 200, 240), -1)


def draw_board(cv2: Any, picture: NDArray[np.uint8], numbers: tuple[int, int], at: int) -> None:
    """The board of a substitution: who leaves in red, who comes in green; `at` is its middle."""
    cv2.rectangle(picture, (at - 66, 6), (at + 66, 66), (20, 20, 20), -1)
    for number, colour, left in zip(numbers, (_RED, _GREEN), (at - 60, at + 6), strict=True):
        cv2.putText(picture, f"{number:02d}", (left, 52), cv2.FONT_HERSHEY_SIMPLEX, 1.4, colour, 4)
