"""How feature files were made: a note beside each, which tells those of other settings.

The note is hidden: `.1_ResNET_TF2.npy.json`. It names the file that it is of by its fingerprint, so
a file that was put in its place has none. Nor have released features, which are taken for what
they are called if their length and width are those that are wanted.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.data.features import open_features
from common.errors import UserError
from common.files import read_json, write_json
from common.video.fingerprint import fingerprint

_FILE = "file"  # the key of the fingerprint
_OTHER = {  # what is kept as a digest, in words
    "video": "of another video",
    "weights": "by other weights",
    "pca": "of another PCA, or none",
}
_FLAGS = {"framerate": "--FPS", "start": "start", "duration": "duration"}  # else --name
_LENGTH_TOLERANCE = 0.1  # of a file's rows: what a header says of a video is no better known


def note_of(features: Path) -> Path:
    """Where the note of a feature file lies."""
    return features.with_name(f".{features.name}.json")


def write_note(features: Path, facts: Mapping[str, Any]) -> None:
    """Notes of a file that is there how it was made: names, numbers and digests."""
    write_json(note_of(features), {**facts, _FILE: fingerprint(features, "features")})


def read_note(features: Path) -> dict[str, Any]:
    """How a file was made; nothing where there is no note, or none that is of this file."""
    note = note_of(features)
    if not note.is_file():
        return {}
    try:
        noted = read_json(note)
    except UserError:
        return {}
    if not isinstance(noted, dict):
        return {}
    return noted if noted.pop(_FILE, None) == [*fingerprint(features, "features")] else {}


def is_known(features: Path, facts: Mapping[str, Any], *, rows: float | None, width: int) -> bool:
    """Whether a note tells that a file was made like this, or else nothing speaks against it.

    Args:
        facts: as they are noted.
        rows, width: that a file would have; rows are about so many, None: nobody knows.

    Raises:
        UserError: it was made otherwise, or has another length or width; says how.
    """
    noted = read_note(features)
    pairs = [(key, noted[key], now) for key, now in facts.items() if key in noted]
    if other := ", ".join(_words(*pair) for pair in pairs if pair[1] != pair[2]):
        raise _left(features, f"was made otherwise: {other}")
    if not noted:
        half = open_features(features)
        if half.dimension != width:
            raise _left(features, f"has {half.dimension} features per frame, expected {width}")
        if rows is not None and abs(half.frames - rows) > max(1, _LENGTH_TOLERANCE * rows):
            raise _left(features, f"has {half.frames} rows, expected about {rows:.0f}")
    return facts.keys() <= noted.keys()


def _words(key: str, old: object, now: object) -> str:
    return _OTHER.get(key) or f"{_FLAGS.get(key, f'--{key}')} {str(old)[:40]}, now {now}"


def _left(features: Path, why: str) -> UserError:
    return UserError(
        f"{features} is there and {why}; --overwrite replaces it, and under another name both stay"
    )
