"""How the top views were drawn that a file of vectors shows, where its name does not tell.

The note lies beside the file, hidden: `.1_radar_resnet_34_composite.npy.json`. Files that were
made elsewhere have none, and are taken as they are.
"""

from dataclasses import asdict
from pathlib import Path

from common.calibration.top_view import TopView
from common.errors import UserError
from common.files import read_json, write_json


def note_of(vectors: Path) -> Path:
    """Where the note of a file of vectors lies."""
    return vectors.with_name(f".{vectors.name}.json")


def note_drawing(vectors: Path, view: TopView) -> None:
    """Notes how the top views were drawn that a file shows."""
    write_json(note_of(vectors), asdict(view))


def drawn_otherwise(vectors: Path, view: TopView) -> str:
    """What differs between how its top views were drawn and `view`, in words; empty if nothing.

    Empty as well where there is no note. Raises UserError for a note that is none.
    """
    note = note_of(vectors)
    if not note.is_file():
        return ""
    then = read_json(note)
    if not isinstance(then, dict):
        raise UserError(f"{note} does not say how {vectors.name} was drawn; delete both")
    pairs = [(name, then.get(name), now) for name, now in asdict(view).items()]
    return ", ".join(f"{name} {old}, now {now}" for name, old, now in pairs if old != now)
