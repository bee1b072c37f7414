"""Corrected label files, and the data root that they make beside the original."""

import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.data.events import EventClasses
from common.data.games import in_other_form, other_form_sentence
from common.data.labels import parse_labels
from common.errors import UserError
from common.files import parse_json, read_whole, write_bytes
from common.results.json_tree import JsonTree
from common.spots.corrections import Correction
from common.spots.label_file import as_json
from common.spots.merging import CorrectionCounts, count, merge


@dataclass(frozen=True)
class Relabelled:
    """A game's new label file, what was done to it, and how many annotations there were and are."""

    content: bytes
    counts: CorrectionCounts
    before: int
    after: int


def relabel(
    root: Path, game: str, spots: Sequence[Correction], classes: EventClasses, same_ms: int
) -> Relabelled:
    """Merges corrections into the annotations of a game; a game without labels gets its first.

    Raises UserError: no such game, labels that do not parse, or as `merge`.
    """
    folder = root / game
    if not folder.is_dir():
        if meant := in_other_form(folder, root):
            raise UserError(other_form_sentence(meant))
        raise UserError(
            f"expected the game {game} in {root}, found no such folder; give --SoccerNet_path of "
            "its data, or its name there with --game"
        )
    path = folder / classes.label_file
    labels: dict[str, Any] = {"UrlLocal": f"{game}/", "UrlYoutube": "", "annotations": []}
    if path.is_file():
        content = read_whole(path, "the annotations")
        parse_labels(content, str(path), classes)  # which refuses what is malformed
        labels = parse_json(content, str(path))
    before = labels["annotations"]
    after = merge(before, spots, classes, f"corrections of {game}", same_ms)
    new = as_json({**labels, "annotations": after}).encode()
    parse_labels(new, f"the new {path}", classes)
    return Relabelled(new, count(spots), len(before), len(after))


def require_new(folder: Path, root: Path) -> None:
    """Raises UserError unless `folder` can become a data root beside `root`: empty, and outside."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"expected a new folder at {folder}, found a file; name another --output")
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(
            f"{folder} is there already; name another --output, or merge into it: --SoccerNet_path "
            f"{folder} --overwrite"
        )
    if root.resolve() in [folder.resolve(), *folder.resolve().parents]:
        raise UserError(f"{folder} lies in the data root {root}; name an --output outside it")


def write_labels(root: Path, labels: Mapping[str, bytes]) -> None:
    """Writes label files, {game}/{file}, into a data root; each wholly or not at all."""
    for file, content in labels.items():
        write_bytes(root / file, content)


def write_beside(root: Path, folder: Path, labels: Mapping[str, bytes]) -> None:
    """Makes `folder` a data root of these label files, and of links to all other files of `root`.

    It is whole or not there. Only files are links: what is written into its folders later changes
    nothing in `root`. Where `folder` is a link itself, it is made where that leads.
    """
    folder = folder.resolve()
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.tmp")
    try:
        for name in JsonTree(root).files():
            if name not in labels:
                (temporary / name).parent.mkdir(parents=True, exist_ok=True)
                (temporary / name).symlink_to((root / name).resolve())
        write_labels(temporary, labels)
        if folder.is_dir():  # empty
            folder.rmdir()
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
