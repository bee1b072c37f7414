"""What an earlier export of a game has left that the present one does not write anew."""

import re
from collections.abc import Collection, Iterable
from pathlib import Path

from common.errors import counted, log
from common.spots.file_names import file_name

ENDINGS = {  # of text files that are written for each video, or for one that holds all halves
    "sportscode": ".xml",
    "webvtt": ".vtt",
    "srt": ".srt",
    "youtube": ".youtube.txt",
}
_CLIP = re.compile(r"\d{3,}_\d{1,2}_\d{2,}m\d\ds_(.+)\.mp4")


def remove_clips(folder: Path, written: Collection[str], classes: Iterable[str]) -> None:
    """Removes a game's clips that are not among those `written`; says on the log how many.

    Only files that are named by number, half, time and one of the classes, as clips are.
    """
    known = {file_name(each) for each in classes}
    found = [
        path
        for path in (folder.iterdir() if folder.is_dir() else ())
        if path.name not in written
        and (named := _CLIP.fullmatch(path.name))
        and named[1] in known
        and path.is_file()
    ]
    for path in found:
        path.unlink()
    if found:
        log.warning("%s: %s of an earlier export removed", folder, counted(len(found), "clip"))


def tell_texts(
    folder: Path,
    name: str,
    formats: Iterable[str],
    written: Collection[str],
    other: Collection[str],
) -> None:
    """Says on the log which text files of a game were not written now, in these formats.

    They stay: somebody may have corrected them.

    Args:
        name: of the game's files.
        other: those of other games, which may begin with it.
    """
    endings = "|".join(re.escape(ENDINGS[each]) for each in formats if each in ENDINGS)
    of_game = re.compile(rf"({re.escape(name)}(?:_[1-9]\d?)?)(?:{endings})")
    for path in sorted(folder.iterdir()) if endings and folder.is_dir() else ():
        found = of_game.fullmatch(path.name)
        if found and path.name not in written and found[1] not in other:
            log.warning("%s was not written now; if it is of an earlier export, delete it", path)
