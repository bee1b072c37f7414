"""What the page knows: games with their spots and videos, as plain lists."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import orjson

from common.data.events import EventClasses
from common.data.labels import parse_labels
from common.errors import UserError, counted
from common.files import read_whole
from common.results.reading import EVALUATION_FRAMERATE, HALF_MINUTES
from common.spots.file_names import file_names
from common.spots.moments import Moment
from common.spots.parsing import parse_annotations
from common.spots.spotted_games import SpottedGames
from common.watch.videos import GivenVideos, for_page

MOST_DETECTIONS = 3000  # of a game: the most confident
_USUAL_FRAME_SECONDS = 0.04  # where no video tells


def page_data(
    found: SpottedGames,
    thresholds: Mapping[str, float],
    videos: GivenVideos,
    page: Path,
    *,
    tolerance: float = 5,
    framerate: float = EVALUATION_FRAMERATE,
    step: Callable[[str], None] = lambda game: None,
) -> dict[str, Any]:
    """The page's data, ready for JSON.

    A game is {"name", "file", "halves", "detections", "annotations", "others", "videos"}, where
    "file" begins the names of what is saved. Detections are columns of half, milliseconds, class
    and confidence; annotations of half, milliseconds, class, visibility and team, or None where
    there are none. Where labels are not the names of their classes ("y-card" of "card"), they are a
    sixth column. "others" are annotations of classes that the run does not have, with labels
    instead of class numbers, so that a saved label file holds them, too.

    Args:
        thresholds: by label, where sliders start; infinite: nothing of the class.
        page: where it will lie.
        tolerance: seconds, of the kinds of errors.
        framerate: of the evaluator's time line.
        step: called with each game's name before it is read.

    Raises:
        UserError: as `SpottedGames.read` and `GivenVideos.of`; videos that are nowhere.
    """
    names = found.classes.names
    games: list[dict[str, Any]] = []
    for game in found.games:
        step(game)
        games.append(_game(found, game))
    # The browser knows a page by its spots: not by its thresholds or where its videos lie.
    content: dict[str, Any] = {"classes": names, "games": games}
    mark = hashlib.sha256(orjson.dumps(content)).hexdigest()[:24]
    files = file_names(found.games)
    for entry in games:
        entry["videos"] = for_page(videos.of(found, entry["name"]), page)
        entry["file"] = files[entry["name"]]
    if videos.paths and not any(entry["videos"]["files"] for entry in games):
        raise UserError(
            f"--video {videos.paths[0]} has no video of {counted(len(games), 'game')}, such as "
            f"{games[0]['name']!r}; give files, the folder of the games, or a template such as "
            "'{game}/{half}_224p.mkv'"
        )
    limits = [thresholds[name] for name in names]
    return {
        **content,
        "id": mark,
        "run": found.name,
        "labelFile": found.classes.label_file,
        "thresholds": [limit if isfinite(limit) else None for limit in limits],
        "tolerance": tolerance,
        "framerate": framerate,
        "lastFrame": int(HALF_MINUTES * 60 * framerate + 1e-6) - 1,
        "frame": _USUAL_FRAME_SECONDS,
    }


def _game(found: SpottedGames, game: str) -> dict[str, Any]:
    """A game's spots, as they are in its files."""
    moments, names = found.read(game), found.classes.names
    number = {name: n for n, name in enumerate(names)}
    ranked = sorted(moments.detections, key=_confidence, reverse=True)
    kept = set(map(id, ranked[:MOST_DETECTIONS]))
    detections = [each for each in moments.detections if id(each) in kept]
    halves = found.classes.halves
    if halves > 2:  # at most so many
        halves = max([1, *(each.half for each in (*detections, *moments.annotations))])
    columns = _columns(moments.annotations, number)
    if any(written := [each.written for each in moments.annotations]):
        columns.append(written)
    return {
        "name": game,
        "halves": halves,
        "detections": [*_columns(detections, number)[:3], list(map(_confidence, detections))],
        "annotations": columns if moments.annotations else None,
        "others": _rows(_of_other_classes(found, game)),
    }


def _confidence(moment: Moment) -> float:
    return moment.confidence or 0.0


def _columns(moments: Sequence[Moment], number: Mapping[str, int]) -> list[list[Any]]:
    return [
        [each.half for each in moments],
        [each.position_ms for each in moments],
        [number[each.label] for each in moments],
        [each.visibility for each in moments],
        [each.team for each in moments],
    ]


def _rows(moments: Iterable[Moment]) -> list[list[Any]]:
    return [
        [each.half, each.position_ms, each.label, each.visibility, each.team] for each in moments
    ]


def _of_other_classes(found: SpottedGames, game: str) -> list[Moment]:
    """Annotations of a game whose classes the run does not know."""
    path = (found.root or Path()) / game / found.classes.label_file
    if found.root is None or not path.is_file():
        return []
    content, source = read_whole(path, "the annotations"), str(path)
    unknown = tuple(parse_labels(content, source, found.classes).unknown)
    if not unknown:
        return []
    halves = found.classes.halves
    others = EventClasses(unknown, found.classes.label_file, halves)
    return parse_annotations(content, source, others)
