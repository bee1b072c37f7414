"""Types of command-line arguments, for argparse; they import nothing that starts slowly."""

import argparse
from collections.abc import Callable
from math import isfinite


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
seconds = whole(1, 2 * 60 * 60)  # no window is longer than the longest half
seed = whole(0, 2**63 - 1)  # what torch takes, and JSON
pixels = whole(1, 4096)
threads = whole(0, 1024)


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


def _short(text: str) -> str:
    """The text as far as a sentence can hold it."""
    return text if len(text) <= 40 else f"{text[:40]}…"


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
