"""Types of command-line arguments, for argparse; they import nothing that starts slowly."""

import argparse


def positive(text: str) -> int:
    """An argparse type: a whole number from 1 on."""
    return _whole(text, 1)


def not_negative(text: str) -> int:
    """An argparse type: a whole number from 0 on."""
    return _whole(text, 0)


def _whole(text: str, least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least} on, found {text}")
    return number


def above_zero(text: str) -> float:
    """An argparse type: a finite number above 0; a whole one stays a whole number."""
    number = rate(text)
    return int(number) if number.is_integer() else number


def rate(text: str) -> float:
    """An argparse type: a finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, found {text}")
    return number
