"""How confidences and names are written, by rules that a page can follow letter for letter."""

import re
from math import floor, isfinite

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # also what breaks lines


def steps(confidence: float) -> int:
    """Ten-thousandths of a confidence: floor(confidence * 10000 + 0.5), in doubles."""
    return _parts(confidence, 10000)


def _parts(confidence: float, whole: int) -> int:
    """Rounded, halves upward; exact where doubles end."""
    parts = confidence * whole + 0.5
    return floor(parts) if isfinite(parts) else int(confidence) * whole


def confidence_text(confidence: float | None) -> str:
    """With four decimals: 0.87 is "0.8700". Empty for an annotation."""
    if confidence is None:
        return ""
    number = abs(steps(confidence))
    sign = "-" if steps(confidence) < 0 else ""
    return f"{sign}{number // 10000}.{number % 10000:04d}"


def confidence_number(confidence: float) -> float:
    """To four decimals, as JSON writes it in Python and in JavaScript alike: 1, not 1.0."""
    number = steps(confidence)
    return number / 10000 if number % 10000 else number // 10000


def percent(confidence: float | None) -> str:
    """ " (87%)", with floor(confidence * 100 + 0.5); empty for an annotation."""
    return "" if confidence is None else f" ({_parts(confidence, 100)}%)"


def one_line(text: str) -> str:
    """The text with a space for each control character and each end of a line."""
    return _CONTROL.sub(" ", text)
