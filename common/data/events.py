"""Event classes: their order is part of every checkpoint and of every result."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from common.errors import UserError
from common.files import read_json

V1_NAMES = ("card", "subs", "soccer")
V2_NAMES = (
    "Penalty",
    "Kick-off",
    "Goal",
    "Substitution",
    "Offside",
    "Shots on target",
    "Shots off target",
    "Clearance",
    "Ball out of play",
    "Throw-in",
    "Foul",
    "Indirect free-kick",
    "Direct free-kick",
    "Corner",
    "Yellow card",
    "Red card",
    "Yellow->red card",
)

# Classes of SoccerNet-v2 that follow a pattern of play one can see, and the others.
_VISUAL_NAMES = (
    "Penalty",
    "Kick-off",
    "Throw-in",
    "Direct free-kick",
    "Corner",
    "Yellow card",
    "Red card",
    "Yellow->red card",
)
CLASS_SPLITS = {
    "visual": _VISUAL_NAMES,
    "nonvisual": tuple(name for name in V2_NAMES if name not in _VISUAL_NAMES),
}


MOST_HALVES = 9  # that a game may have


@dataclass(frozen=True)
class EventClasses:
    """The classes of a data set, in the order of the network's outputs.

    `substring_match` is the rule of SoccerNet v1, where a label such as "y-card" belongs to the
    first class whose name it contains. `halves` is the number of periods a game has, or with
    `halves_vary` the most that it may have. `left_out` are classes that the data set has and that
    are not asked for.
    """

    names: tuple[str, ...]
    label_file: str = "Labels-v2.json"
    halves: int = 2
    substring_match: bool = False
    left_out: tuple[str, ...] = ()
    halves_vary: bool = False

    def __len__(self) -> int:
        return len(self.names)

    def index(self, label: str) -> int:
        """Class number of an annotation's label, -1 when it belongs to none."""
        if self.substring_match:
            return next((i for i, name in enumerate(self.names) if name in label), -1)
        try:
            return self.names.index(label)
        except ValueError:
            return -1


def split_classes(classes: EventClasses, split: str | None) -> EventClasses:
    """The classes of a split, "visual" or "nonvisual", in their published order; else all.

    Raises UserError for a data set that does not have them.
    """
    if split in (None, "both"):
        return classes
    names = CLASS_SPLITS[split]
    if missing := [name for name in names if name not in classes.names]:
        raise UserError(
            f"--class_split is about the classes of SoccerNet-v2; this data set has no {missing[0]}"
        )
    others = tuple(name for name in classes.names if name not in names)
    return replace(classes, names=names, left_out=others)


SOCCERNET_V1 = EventClasses(V1_NAMES, label_file="Labels.json", substring_match=True)
SOCCERNET_V2 = EventClasses(V2_NAMES)


def classes_by_name(names: Sequence[str]) -> EventClasses:
    """Classes of a data set that is not at hand: SoccerNet's games have two halves, others' more.

    Of those it is only known that they are at most `MOST_HALVES`.
    """
    published = (V1_NAMES, V2_NAMES, *CLASS_SPLITS.values())
    if tuple(names) in published:
        return EventClasses(tuple(names))
    return EventClasses(tuple(names), halves=MOST_HALVES, halves_vary=True)


def event_classes(root: Path | None, version: int = 2) -> EventClasses:
    """Classes of the data set at `root`: its `classes.json` if there is one, else SoccerNet's.

    `classes.json` is a list of names, or {"classes": [names], "label_file": "Labels-v2.json",
    "halves": 2} with the last two optional. "halves" is the most that a game may have; without it
    each has two. Raises UserError when it is neither, or without a root.
    """
    if root is None:
        raise UserError("where is the data? Give --SoccerNet_path FOLDER")
    path = root / "classes.json"
    if os.path.lexists(path):  # a link to nowhere is an error, not SoccerNet's classes
        return _parse_classes(read_json(path), path)
    if version not in (1, 2):
        raise UserError(f"--version must be 1 (3 classes) or 2 (17 classes), found {version}")
    return SOCCERNET_V1 if version == 1 else SOCCERNET_V2


_KEYS = {"classes", "label_file", "halves"}  # of classes.json; others, such as notes, are not read


def _parse_classes(content: object, path: Path) -> EventClasses:
    fields = content if isinstance(content, dict) else {"classes": content}
    for key in fields.keys() - _KEYS:
        if meant := get_close_matches(key.lower(), sorted(_KEYS), 1, 0.6):
            raise UserError(f'{path} has no key {key!r}; is "{meant[0]}" meant? Correct its name')
    names = fields.get("classes")
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise UserError(f'{path} must be a list of class names or {{"classes": [names]}}')
    if len(set(names)) < len(names):
        raise UserError(f"{path} names a class twice; each class needs a name of its own")
    label_file, halves = fields.get("label_file", "Labels-v2.json"), fields.get("halves", 2)
    named = isinstance(label_file, str) and label_file not in ("", "..")
    if not named or Path(str(label_file)).name != label_file:
        raise UserError(f'{path}: "label_file" must be a file name, found {label_file!r}')
    if type(halves) is not int or not 1 <= halves <= MOST_HALVES:
        raise UserError(
            f'{path}: "halves" must be a number from 1 to {MOST_HALVES}, found {halves!r}'
        )
    return EventClasses(tuple(names), label_file, halves, halves_vary="halves" in fields)
