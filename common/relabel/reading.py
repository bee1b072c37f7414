"""What files of corrections tell, by game."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from common.data.events import EventClasses
from common.data.games import check_relative_path, read_splits
from common.errors import UserError, counted, log
from common.files import kind_of_content, parse_json, read_whole
from common.spots.comparing import Returned, compared
from common.spots.corrections import Correction, is_corrections, parse_corrections
from common.spots.file_names import file_name, file_names
from common.spots.handed_back import (
    from_label_studio,
    from_sportscode,
    is_label_studio,
    moments_of,
)
from common.spots.moments import Moment
from common.spots.parsing import parse_annotations
from common.spots.timing import Timing
from common.spots.uniting import united

_HEAD_BYTES = 512
# What common.export writes beside the tasks of Label Studio, to be pasted there.
_INTERFACE = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?<View[\s>]")


@dataclass(frozen=True)
class EditLists:
    """How edit lists were exported, and those that were handed out, as far as they are at hand.

    `alone`: one was handed out and one comes back, so that they belong together by any name.
    """

    timing: Timing
    exported: Sequence[Path] = ()
    alone: bool = False


def read_corrections(
    paths: Sequence[Path],
    root: Path,
    classes: EventClasses,
    game: str | None,
    lists: EditLists,
) -> dict[str, list[Correction]]:
    """The corrections of each game, in the order of the files; see `united`.

    Args:
        root: data root, whose labels a corrected label file is compared with.
        game: of all files; None: that which each names, an edit list by its own name.

    Raises:
        UserError: a file of none of these kinds, malformed, or of a game that nothing tells; two
            that say different things of a spot; nothing that somebody has corrected.
    """
    found: dict[str, list[tuple[str, Sequence[Correction]]]] = {}
    contents = {path: read_whole(path, "corrections") for path in paths}
    handed_back = [path for path in paths if not _INTERFACE.match(contents[path])]
    for path in (each for each in paths if each not in handed_back):
        log.warning("%s: the labelling interface of Label Studio; it holds no corrections", path)
    lists = _handed_out(lists, handed_back)
    for path in handed_back:
        content = contents[path]
        if path.suffix.lower() == ".xml":
            parts = _of_edit_list(path, content, root, game, lists)
        else:
            parts = _of_json(path, content, root, classes, game)
        for name, spots in parts:
            found.setdefault(check_relative_path(name, str(path)), []).append((str(path), spots))
    if not found:
        raise UserError(
            f"nobody has corrected anything in {' and '.join(map(str, paths))}: submit annotations "
            "in Label Studio, and export them again"
        )
    return {name: united(name, parts) for name, parts in found.items()}


def _handed_out(lists: EditLists, paths: Sequence[Path]) -> EditLists:
    """Says on the log for which edit lists the one that was handed out is not given."""
    back = [path for path in paths if path.suffix.lower() == ".xml"]
    exported = [each for each in lists.exported if not _is_interface(each)]
    alone = len(back) == len(exported) == 1
    named = {each.stem for each in exported}
    for path in back:
        if exported and path.stem not in named and not alone:
            log.warning("%s: --exported has no list of this name: what was deleted is not known",
                        path)  # fmt: skip
    return replace(lists, exported=exported, alone=alone)


def _is_interface(path: Path) -> bool:
    return path.is_file() and bool(_INTERFACE.match(read_whole(path, "an edit list")))


def _of_edit_list(
    path: Path, content: bytes, root: Path, game: str | None, lists: EditLists
) -> list[tuple[str, Sequence[Correction]]]:
    """Of an XML file, whose game and half its name tells, as common.export made it."""
    tail = re.fullmatch(r"(.+)_([1-9])", path.stem)
    half = int(tail[2]) if tail else None
    if game is None:
        named = {name: each for each, name in file_names(_games(root)).items()}
        if path.stem in named:  # of a game whose own name ends like this
            half = None
        found = named.get(path.stem) or (named.get(tail[1]) if tail else None)
        if found is None:
            raise UserError(f"no game of {root} has the name of {path.name}; give it with --game")
        if alike := _shared_names(named.values())[file_name(found)]:
            raise UserError(
                f"{path.name} may be of {alike} games of {root}, whose files have the same name; "
                "give the game with --game"
            )
        game = found
    exported: list[Moment] = []
    for other in lists.exported:
        if lists.alone or other.stem == path.stem:
            exported = moments_of(read_whole(other, "an edit list"), str(other))
    return [(game, from_sportscode(content, str(path), lists.timing, half, exported))]


def _shared_names(games: Iterable[str]) -> Counter[str]:
    """How many games have the same name of files, where several have."""
    names = Counter(map(file_name, games))
    return Counter({name: number for name, number in names.items() if number > 1})


def _games(root: Path) -> list[str]:
    games = {game: None for listed in read_splits(root).values() for game in listed}
    return [game for game in games if (root / game).is_dir()]


def _of_json(
    path: Path, content: bytes, root: Path, classes: EventClasses, game: str | None
) -> list[tuple[str, Sequence[Correction]]]:
    source = str(path)
    expected = (
        "corrections, labels or tasks of Label Studio (.json), or an edit list of Sportscode (.xml)"
    )
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        raise UserError(
            f"{source} is {kind_of_content(content[:_HEAD_BYTES])}; expected {expected}"
        )
    parsed = parse_json(content, source)
    if is_corrections(parsed):
        read = parse_corrections(content, source)
        return [(game or read.game, read.spots)]
    if is_label_studio(parsed):
        tasks = from_label_studio(content, source)
        if left := sum(task.spots is None for task in tasks):
            log.warning("%s: %s without an annotation left out", source, counted(left, "task"))
        return [(game or task.game, task.spots) for task in tasks if task.spots is not None]
    if isinstance(parsed, dict) and isinstance(parsed.get("annotations"), list):
        name = game or _named(parsed, source)
        after = [Returned(each) for each in parse_annotations(content, source, classes)]
        spots = compared(_annotations(root, name, classes), after)
        return [(name, [replace(each, apart=True) for each in spots])]
    raise UserError(f"{source} holds other JSON; expected {expected}")


def _named(parsed: Mapping[str, Any], source: str) -> str:
    url = parsed.get("UrlLocal")
    if not isinstance(url, str) or not url.strip("/"):
        raise UserError(f'{source} has no "UrlLocal" that names its game; give it with --game')
    return url.rstrip("/")


def _annotations(root: Path, game: str, classes: EventClasses) -> list[Moment]:
    """Those that the data has; none where there are no labels."""
    path = root / check_relative_path(game, "a label file") / classes.label_file
    if not path.is_file():
        return []
    return parse_annotations(read_whole(path, "the annotations"), str(path), classes)
