"""Which videos show the halves of a game, and where a page finds them."""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from common.data.events import MOST_HALVES
from common.errors import UserError
from common.results.given_files import VIDEOS, given_files
from common.results.run_record import read_record
from common.spots.spotted_games import SpottedGames
from common.spots.timing import require_kick_offs
from common.video.decoding import open_video
from common.video.game_videos import KINDS, half_videos

_PLACES = re.compile(r"\{(game|half)\}")


@dataclass(frozen=True)
class GameVideos:
    """The videos of a game.

    Attributes:
        files: each once.
        halves: for each half from 1 on, the number of its file and the second in it at which the
            half's clock begins; None: it has none.
    """

    files: tuple[Path, ...] = ()
    halves: tuple[tuple[int, float] | None, ...] = ()


@dataclass(frozen=True)
class GivenVideos:
    """What was said about videos: files of one game, a folder, a template, or nothing.

    `kick_off` holds the second of the file at which each half's clock begins; none where there is
    nothing to say.
    """

    paths: tuple[str, ...] = ()
    kick_off: tuple[float, ...] = ()

    def of(self, found: SpottedGames, game: str) -> GameVideos:
        """The videos of a game; without a word those beside its data, or that it was spotted in.

        Raises:
            UserError: files for more than one game, files that are not there, or more kick-offs
                than the game has halves.
        """
        halves = found.classes.halves
        self.require_fit(len(found.games), halves)
        if not self.paths:
            return self._paired(_known(found, game), halves)
        if len(self.paths) == 1 and Path(self.paths[0]).is_dir():
            folder = Path(self.paths[0])
            inside = folder / game if (folder / game).is_dir() else folder
            alone = inside != folder or len(found.games) == 1
            return self._paired(_in_folder(inside) if alone else {}, halves)
        if _PLACES.search("".join(self.paths)):
            return self._of_template(game, halves)
        return self._of_files(halves)

    def require_fit(self, games: int, halves: int) -> None:
        """Raises UserError for more kick-offs than halves, and for files of more than one game."""
        require_kick_offs(len(self.kick_off), halves)
        folder = len(self.paths) == 1 and Path(self.paths[0]).is_dir()
        if self.paths and games > 1 and not (folder or _PLACES.search("".join(self.paths))):
            raise UserError(
                f"--video names files, and there are {games} games; give a folder, or a template "
                "such as '{game}/{half}_224p.mkv', or choose one with --game of common.watch or "
                "common.export"
            )

    def _of_files(self, halves: int) -> GameVideos:
        """Of files: one for each half, or one for all where several kick-offs are given."""
        paths = [Path(path) for path in self.paths]
        if len(paths) == 1 and len(self.kick_off) > 1:
            given_files(paths, halves, VIDEOS, said="video")  # that it is there
            return GameVideos((paths[0],), tuple((0, start) for start in self.kick_off))
        given = given_files(paths, halves, VIDEOS, said="video")
        return self._paired(
            {half: (path, 0.0) for half, path in zip(given.halves, given.paths, strict=True)},
            halves,
        )

    def _of_template(self, game: str, halves: int) -> GameVideos:
        if len(self.paths) > 1:
            raise UserError("--video takes one template, in which {game} and {half} stand for both")
        values = {"game": game}
        found: dict[int, tuple[Path, float]] = {}
        for half in range(1, halves + 1):
            values["half"] = str(half)
            path = Path(_PLACES.sub(lambda place: values[place[1]], self.paths[0]))
            if path.is_file():
                found[half] = path, 0.0
        return self._paired(found, halves)

    def _paired(self, found: dict[int, tuple[Path, float]], halves: int) -> GameVideos:
        """Files of halves, each once, with the kick-offs that were given instead of those known."""
        files = tuple(dict.fromkeys(path for path, _ in found.values()))
        starts = dict(enumerate(self.kick_off, 1))
        return GameVideos(
            files,
            tuple(
                (files.index(found[half][0]), starts.get(half, found[half][1]))
                if half in found
                else None
                for half in range(1, halves + 1)
            ),
        )


def _known(found: SpottedGames, game: str) -> dict[int, tuple[Path, float]]:
    """Videos in the folder of a game's data, or those that a run has spotted in."""
    if found.root is not None:
        return _in_folder(found.root / game)
    record = found.run / f"settings_file_{game}.json" if found.run is not None else None
    if record is None or "/" in game or not record.is_file():
        return {}
    recorded = read_record(record)["settings"].get(VIDEOS)
    paths = [Path(str(path)) for path in (recorded if isinstance(recorded, list) else [recorded])]
    if recorded is None or not all(path.is_file() for path in paths):
        return {}
    given = given_files(paths, MOST_HALVES, VIDEOS)
    return {half: (path, 0.0) for half, path in zip(given.halves, given.paths, strict=True)}


def _in_folder(folder: Path) -> dict[int, tuple[Path, float]]:
    """The halves in a folder, of the first kind of videos that it has."""
    for kind in KINDS:
        if videos := half_videos(folder, kind):
            return {each.half: (each.path, each.start or 0.0) for each in videos}
    return {}


def for_page(videos: GameVideos, page: Path) -> dict[str, Any]:
    """Videos as the page takes them, with addresses relative to where it lies.

    A second address is that of a file of the same name beside the page, for pages that are handed
    on together with their videos.
    """
    files = [
        {"name": path.name, "places": _places(path, page), "frame": frame_seconds(path)}
        for path in videos.files
    ]
    halves = [
        None if half is None else {"file": half[0], "kickOff": half[1]} for half in videos.halves
    ]
    return {"files": files, "halves": halves}


def _places(path: Path, page: Path) -> list[str]:
    beside = quote(path.name)
    try:
        relative = quote(Path(os.path.relpath(path, page.parent)).as_posix())
    except ValueError:  # on another drive
        relative = path.resolve().as_uri()
    return list(dict.fromkeys([relative, beside]))


def frame_seconds(path: Path) -> float | None:
    """How long a frame is on screen; None where nothing can tell."""
    with suppress(UserError), open_video(path) as (_, stream):
        return float(1 / stream.average_rate) if stream.average_rate else None
    return None
