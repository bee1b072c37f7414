"""Figures as files, and as a part of a page that takes the page's colours and letters."""

import io
import re
from html import escape
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from common.files import write_bytes
from common.report.look import INKS
from common.results.plain_figures import plain_figures

_UNNEEDED = re.compile(
    r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->|^.*?(?=<svg)", re.DOTALL
)


def save_figure(figure: Figure, folder: Path, name: str, dpi: int = 160) -> None:
    """Writes the figure as <name>.png and <name>.svg."""
    for suffix in ("png", "svg"):
        write_bytes(folder / f"{name}.{suffix}", _drawn(figure, suffix, name, dpi))


def inline(figure: Figure, name: str, words: str) -> str:
    """The figure as an <svg> element.

    Args:
        name: begins the ids in it, which must differ from those of the page's other figures.
        words: what a screen reader says instead.
    """
    text = _UNNEEDED.sub("", _drawn(figure, "svg", name, transparent=True).decode())
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', text))
    text = re.sub(r' id="([^"]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", text)
    text = re.sub(r'(url\(#|href="#)', rf"\1{name}-", text)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    for ink, colour in INKS.items():
        text = text.replace(colour, f"var(--{ink})")
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(words)}"', 1).strip()


def _drawn(
    figure: Figure, suffix: str, name: str, dpi: int = 100, transparent: bool = False
) -> bytes:
    """The bytes of a file; the same figure gives the same."""
    out = io.BytesIO()
    metadata = {"Date": None} if suffix == "svg" else {}
    with plain_figures(), rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(out, format=suffix, dpi=dpi, transparent=transparent, metadata=metadata)
    return out.getvalue()
