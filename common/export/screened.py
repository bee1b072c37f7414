"""The videos of each game, found where common.watch finds them, as an export shows them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from common.errors import UserError, log
from common.export.texts import Screening
from common.spots.spotted_games import SpottedGames
from common.watch.videos import GameVideos, GivenVideos


def find_videos(
    found: SpottedGames, paths: Sequence[Path], kick_off: Sequence[float], cut: str | None
) -> dict[str, GameVideos]:
    """The videos of each game: those given, or those that are known of it if they are cut.

    Games without videos that are to be cut are named on the log.

    Args:
        paths: files of one game, a folder or a template; none: nothing was given.
        cut: the format that cuts them; None: none does.

    Raises:
        UserError: videos of one game for several; nothing to cut; or as `GivenVideos.of`.
    """
    given = GivenVideos(tuple(map(str, paths)), tuple(kick_off))
    if not paths and cut is None:
        given.require_fit(len(found.games), found.classes.halves)
        return {}
    videos = {game: given.of(found, game) for game in found.games}
    lacking = [game for game, each in videos.items() if not each.files]
    if cut and len(lacking) == len(videos):
        where = "in what --video names" if paths else "beside the data"
        raise UserError(
            f"--format {cut} cuts videos, and {where} there is none of {lacking[0]}; give --video "
            "FILE, one for each half, or the folder of the games"
        )
    if cut and lacking:
        log.warning("no video of %s: nothing is cut", ", ".join(lacking))
    return videos


def screened(screening: Screening, videos: GameVideos) -> Screening:
    """The same for a game of these videos; as it was if there are none."""
    if not videos.files:
        return screening
    places = {half: place for half, place in enumerate(videos.halves, 1) if place}
    shared = len(videos.files) == 1 and len(places) > 1
    last = max(places)
    starts = [places[half][1] if half in places else 0.0 for half in range(1, last + 1)]
    return replace(
        screening,
        kick_off_ms=tuple(round(1000 * start) for start in starts),
        videos={
            None if shared else half: videos.files[number] for half, (number, _) in places.items()
        },
    )
