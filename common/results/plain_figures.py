"""What all figures have in common: words are words, and many classes are a choice of them."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray

from common.files import written_whole

MOST_CLASSES = 30  # of which a figure can be read, and drawn in seconds
PLAIN = {"text.parse_math": False}  # "$" begins no formula
_UNSEEN = (
    "\u200b"  # a space of no width: the library drops empty labels, and those that begin with _
)


@contextmanager
def plain_figures() -> Iterator[None]:
    """Around all that makes figures and writes them: names may hold any letter."""
    with rc_context(PLAIN), warnings.catch_warnings():
        # Letters that the font lacks are drawn as boxes, and narrow figures as well as they can be.
        warnings.filterwarnings("ignore", "Glyph .* missing")
        warnings.filterwarnings("ignore", "constrained_layout not applied")
        yield


def save_png(figure: Figure, path: Path, dpi: int) -> Path:
    """Writes the figure, wholly or not at all."""
    with written_whole(path) as temporary:
        figure.savefig(temporary, format="png", dpi=dpi)
    return path


def words(text: str, most: int = 120) -> str:
    """A name as it can be drawn: at most so many letters, in one line, none of them unprintable.

    Example: words("a name with too many letters", 12) is "a name with…".
    """
    seen = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    seen = seen if len(seen) <= most else f"{seen[: most - 1].rstrip()}…"
    return f"{_UNSEEN}{seen}" if not seen or seen.startswith("_") else seen


def chosen_classes(weight: NDArray, most: int = MOST_CLASSES) -> NDArray[np.int64]:
    """Numbers of the classes that a figure shows: those of most weight [C], in their order."""
    return np.sort(np.argsort(-np.asarray(weight, float), kind="stable")[:most])


def left_out(shown: int, classes: int, what: str = "most annotated spots") -> str:
    """What to write where only some classes are shown; nothing where all are."""
    return "" if shown == classes else f"the {shown} classes with {what}, of {classes}"
