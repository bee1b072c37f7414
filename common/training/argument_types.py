"""Types of command-line arguments, for argparse; they import nothing that starts slowly."""

import argparse
from collections.abc import Callable
from math import isfinite
from pathlib import Path


def whole(least: int, most: int) -> Callable[[str], int]:
    """An argparse type: a whole number from `least` to `most`."""

    def number(text: str) -> int:
        try:
            found = int(text)
        except ValueError:
            found = least - 1
        if not least <= found <= most:
            raise argparse.ArgumentTypeError(
                f"expected a whole number from {least} to {most}, found {_short(text)}"
            )
        return found

    return number


MOST = 10**9  # of what has no bound in the field; it fits 32 bits

positive = whole(1, MOST)
not_negative = whole(0, MOST)
_LONGEST_SECONDS = 2 * 60 * 60  # no window is longer than the longest half
_DAY_SECONDS = 24 * 60 * 60
_LARGEST_FRAMERATE = 100  # that synthetic data are made at
seed = whole(0, 2**63 - 1)  # what torch takes, and JSON
pixels = whole(1, 4096)
threads = whole(0, 1024)


def place(text: str) -> Path:
    """An argparse type: a path; an empty one would be the working folder, which nobody named."""
    if not text:
        raise argparse.ArgumentTypeError(
            "expected a path, found an empty word; a shell variable that is not set? The working "
            "folder is ."
        )
    return Path(text)


def file_to_write(text: str) -> Path:
    """An argparse type: the path of a file to write; a folder is refused before the work begins."""
    if place(text).is_dir():
        raise argparse.ArgumentTypeError(
            f"expected the name of a file to write, found the folder {text}; add a file's name"
        )
    return Path(text)


def finite(text: str) -> float:
    """An argparse type: a finite number."""
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise argparse.ArgumentTypeError(f"expected a finite number, found {_short(text)}")
    return number


def confidence(text: str) -> float:
    """An argparse type: a finite number that is at most 1."""
    number = finite(text)
    if number > 1:
        raise argparse.ArgumentTypeError(f"expected a number up to 1, found {_short(text)}")
    return number


def threshold(text: str) -> float | str:
    """An argparse type: auto, or a finite number from 0 on."""
    if text == "auto":
        return text
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not (isfinite(number) and number >= 0):
        raise argparse.ArgumentTypeError(f"expected auto or a number from 0 on, found {text}")
    return number


def _short(text: str) -> str:
    """The text as far as a sentence can hold it."""
    return text if len(text) <= 40 else f"{text[:40]}…"


def share(text: str) -> float:
    """An argparse type: a number from 0 on and below 1."""
    number = finite(text)
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to below 1, found {text}")
    return number


def weight(text: str) -> float:
    """An argparse type: a number from 0 on, and none beyond all measure."""
    number = finite(text)
    if not 0 <= number <= MOST:
        raise argparse.ArgumentTypeError(
            f"expected a number from 0 to {MOST}, found {_short(text)}"
        )
    return number


def above_zero(text: str) -> float:
    """An argparse type: a finite number above 0; a whole one stays a whole number."""
    number = rate(text)
    return int(number) if number.is_integer() else number


def framerate(text: str) -> float:
    """An argparse type: frames per second to make, above 0 and at most a hundred."""
    number = above_zero(text)
    if number > _LARGEST_FRAMERATE:
        raise argparse.ArgumentTypeError(
            f"expected frames per second up to {_LARGEST_FRAMERATE}, found {_short(text)}"
        )
    return number


def seconds(text: str) -> float:
    """An argparse type: seconds above 0, at most two hours; a whole number stays one."""
    number = above_zero(text)
    if number > _LONGEST_SECONDS:
        raise argparse.ArgumentTypeError(
            f"expected seconds up to {_LONGEST_SECONDS}, found {_short(text)}"
        )
    return number


def moment(text: str) -> float:
    """An argparse type: seconds from 0 on, at most a day."""
    number = finite(text)
    if not 0 <= number <= _DAY_SECONDS:
        raise argparse.ArgumentTypeError(
            f"expected seconds from 0 to {_DAY_SECONDS}, found {_short(text)}"
        )
    return number


def rate(text: str) -> float:
    """An argparse type: a number above 0, and none beyond all measure."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= MOST:
        raise argparse.ArgumentTypeError(
            f"expected a number above 0, at most {MOST}, found {_short(text)}"
        )
    return number
