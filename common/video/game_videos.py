"""Which videos the games of a data root have, and what their features are called."""

import configparser
import re
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import NamedTuple

from common.data.games import (
    games_at_hand,
    in_other_form,
    list_games,
    other_form_sentence,
    read_splits,
)
from common.errors import UserError
from common.files import read_whole
from common.video.sampling import Sampling

KINDS = ("224p", "LQ", "HQ")
# Names of the features that a backbone gives; the first is the published one.
FEATURE_NAMES = {"resnet152": "ResNET_TF2", "efficientnet-lite0": "efficientnet-lite0"}
INI_FILE = "video.ini"
_SUFFIXES = ("mkv", "mp4")
_HALF_FILE = re.compile(rf"([1-9]\d?)(?:_(\w+))?\.({'|'.join(_SUFFIXES)})")


class HalfVideo(NamedTuple):
    """A half of a game on video: its number, the file, and seconds to take of it."""

    half: int
    path: Path
    start: float | None = None
    duration: float | None = None

    def sampling(self, framerate: float) -> Sampling:
        """What is taken of the file, at so many rows per second."""
        return Sampling(framerate=framerate, start=self.start, duration=self.duration)


def games_of(root: Path, splits: list[str] | None) -> list[str]:
    """Games of the splits; of all splits, where none is named or "all" is: those that are here.

    A split of the name "all" is that split.

    Raises UserError as `games_at_hand`, or when there is no game at all.
    """
    list_games(root, [])  # that there is such a folder
    every = read_splits(root)
    if splits and (splits != ["all"] or "all" in every):
        return games_at_hand(root, splits)
    known = dict.fromkeys(game for games in every.values() for game in games)
    if found := [game for game in known if (root / game).is_dir()]:
        return found
    raise UserError(f"{root} has none of its {len(known)} games; check --SoccerNet_path")


def require_folder(root: Path, game: str) -> None:
    """Raises UserError if a game has no folder."""
    if not (folder := root / game).is_dir():
        if meant := in_other_form(folder, root):
            raise UserError(other_form_sentence(meant))
        raise UserError(
            f"there is no folder {folder}; check splits.json, whose paths begin below {root}"
        )


def half_videos(game: Path, kind: str) -> list[HalfVideo]:
    """Videos of a game, in the order of its halves: `{half}_{kind}.mkv`, or else `{half}.mkv`.

    With "HQ" and a `video.ini` in the folder: those that it names, with start and duration.

    Raises UserError when `video.ini` cannot be read.
    """
    if kind == "HQ" and (game / INI_FILE).is_file():
        return sorted(_of_ini(game))
    found: dict[int, Path] = {}
    for path in sorted(game.iterdir()) if game.is_dir() else ():
        named = _HALF_FILE.fullmatch(path.name)
        if named and named[2] in (kind, None):
            half = int(named[1])
            if half not in found or (named[2] and not _has_kind(found[half])):
                found[half] = path
    return [HalfVideo(half, found[half]) for half in sorted(found)]


def _has_kind(path: Path) -> bool:
    return "_" in path.stem


def _of_ini(game: Path) -> Iterator[HalfVideo]:
    """Sections are named after files, such as [1_HQ.mkv]; start and duration are in seconds."""
    path = game / INI_FILE
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(read_whole(path, "a video.ini").decode("utf-8-sig"))
        for name in parser.sections():
            named = _HALF_FILE.fullmatch(name)
            start, duration = (
                float(parser[name][key]) for key in ("start_time_second", "duration_second")
            )
            if not named or not isfinite(start + duration) or start < 0 or duration <= 0:
                raise ValueError(f"[{name}] {start:g} {duration:g}")
            yield HalfVideo(int(named[1]), game / name, start, duration)
    except (configparser.Error, KeyError, ValueError) as error:
        raise UserError(
            f"{path}: expected sections such as [1_HQ.mkv] with start_time_second and "
            f"duration_second, found {' '.join(str(error).split())}; mend or remove it"
        ) from None
