"""The spots of runs and files, game by game."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from common.data.events import (
    SOCCERNET_V1,
    SOCCERNET_V2,
    V2_NAMES,
    EventClasses,
    event_classes,
)
from common.data.games import check_relative_path
from common.errors import UserError, counted
from common.files import parse_json, read_whole
from common.results.json_tree import JsonTree
from common.results.operating_points import POINT_FILE
from common.results.predictions import (
    LEGACY_RESULT_FILE,
    RESULT_FILE,
    guess_file_name,
)
from common.results.scored_run import find_results, recorded_classes, splits_with_results
from common.results.spots_table import UNCHOSEN, point_of
from common.spots.moments import GameMoments, Moment, in_order
from common.spots.parsing import parse_annotations, parse_spots

_MOST_NAMED = 5


@dataclass(frozen=True)
class SpottedGames:
    """Games with spots; `read` reads one.

    Attributes:
        name: of the run, or of the file.
        classes: of the run, in its order, or of what stands in the file.
        games: paths as in the split, or the name of files that were spotted in.
        root: data root; None: no annotations are known.
        run: folder that may hold thresholds.
    """

    name: str
    classes: EventClasses
    games: tuple[str, ...]
    root: Path | None = None
    run: Path | None = None
    _read_detections: Callable[[str], list[Moment]] = field(repr=False, default=lambda game: [])

    def read(self, game: str) -> GameMoments:
        """Detections and annotations of one of the games. Raises UserError for malformed files."""
        annotations: list[Moment] = []
        if self.root is not None and (path := self.root / game / self.classes.label_file).is_file():
            content = read_whole(path, "the annotations")
            annotations = parse_annotations(content, str(path), self.classes)
        found = in_order(self._read_detections(game)), in_order(annotations)
        return GameMoments(game, tuple(found[0]), tuple(found[1]))


def find_games(
    path: Path,
    split: str | None = None,
    *,
    games: Sequence[str] = (),
    SoccerNet_path: Path | None = None,
    version: int | None = None,
) -> SpottedGames:
    """The games of a run, of a zip or folder of results, or of a single file.

    Args:
        path: run folder models/<model_name>, zip or folder of result files, outputs_<name> of a
            run, results_spotting.json, or spots.json of common.spot.
        split: of a run, or the name of files that it spotted in; None: test, or the only one.
        games: keep those whose path contains one of these texts; none: all.
        SoccerNet_path: data root; a run folder knows its own.
        version: of SoccerNet, 1 or 2; a run folder knows its own.

    Raises:
        UserError: nothing of the kind, or no such game; says what to do.
    """
    for name in (RESULT_FILE, LEGACY_RESULT_FILE):
        if (path / name).is_file():
            path = path / name
    if path.is_file() and path.suffix.lower() == ".json":
        found = _of_file(path, SoccerNet_path, version)
    elif split is None and not splits_with_results(path) and SoccerNet_path is None:
        found = _of_tree(path, version)
    else:
        found = _of_run(path, split or _only_split(path), SoccerNet_path, version)
    return replace(found, games=_chosen(found.games, games))


def thresholds_of(
    found: SpottedGames, threshold: float | str | None = None
) -> tuple[dict[str, float], str]:
    """The threshold of each class, infinite where it is to be left out, and its origin in words.

    Args:
        threshold: for all classes; auto: those that common.operating_point saved in the run; None:
            these if there are any, else `UNCHOSEN`.

    Raises:
        UserError: auto, and none were saved.
    """
    names = found.classes.names
    if found.run is not None:
        point, words = point_of(found.run, names, threshold)
        return dict(zip(names, point.thresholds.tolist(), strict=True)), words
    if threshold == "auto":
        raise UserError(
            "--threshold auto takes the thresholds that were saved in a run's folder, and there is "
            "none; give the run, or a number"
        )
    value = UNCHOSEN if threshold is None else float(threshold)
    return dict.fromkeys(names, value), f"at or above {value:g}"


def _of_run(
    path: Path, split: str, SoccerNet_path: Path | None, version: int | None
) -> SpottedGames:
    results = find_results(path, split, SoccerNet_path=SoccerNet_path, version=version)
    tree, file, classes = results.predictions, results.file, results.classes
    alone = results.games == (".",)

    def read(game: str) -> list[Moment]:
        name = file if alone else f"{game}/{file}"
        return parse_spots(tree.read(name), f"{tree.root}/{name}", classes)

    games = (results.split,) if alone else results.games
    root = None if alone else results.root
    return SpottedGames(results.name, classes, games, root, path if path.is_dir() else None, read)


def _of_tree(path: Path, version: int | None) -> SpottedGames:
    """Of a zip or folder of results without its data: all games that it holds."""
    tree = JsonTree(path)
    file = guess_file_name(tree)
    ending = f"/{file}"
    games = tuple(n.removesuffix(ending) for n in sorted(tree.names()) if n.endswith(ending))
    known = recorded_classes(path)
    given = EventClasses(known) if known else _published(version)

    def read(game: str) -> list[Moment]:
        return parse_spots(tree.read(game + ending), f"{path}/{game}{ending}", given)

    run = path.resolve().parent
    return SpottedGames(path.name.removesuffix(".zip"), given, games, None, run, read)


def _of_file(path: Path, SoccerNet_path: Path | None, version: int | None) -> SpottedGames:
    """Of one result file, or of the spots.json beside it, with the classes that it names."""
    content, source = read_whole(path, "detections"), str(path)
    parsed = parse_json(content, source)
    above = [folder for folder in path.resolve().parents if folder.name.startswith("outputs_")]
    run = above[0].parent if above else None
    if isinstance(parsed, dict) and isinstance(parsed.get("spots"), list):
        key, content = "class", _as_result_file(parsed["spots"], source)
        entries = parsed["spots"]
    else:
        entries, key = (parsed.get("predictions") if isinstance(parsed, dict) else None), "label"
        if not isinstance(entries, list):
            raise UserError(
                f'{source} has no list "predictions" or "spots"; give a result file, or a run'
            )
    labels = {str(each.get(key)) for each in entries if isinstance(each, dict)}
    if SoccerNet_path is not None:
        classes = event_classes(SoccerNet_path, version or 2)
    elif version is not None:
        classes = _published(version)
    else:
        classes = EventClasses(_ordered(labels, run), halves=9)
    game, root = _game_of(parsed.get("UrlLocal"), source), SoccerNet_path
    if not game:
        game, root = above[0].name.removeprefix("outputs_") if above else path.stem, None
    return SpottedGames(
        game, classes, (game,), root, run, lambda _: parse_spots(content, source, classes)
    )


def _game_of(url: Any, source: str) -> str:
    """The game that a file names in "UrlLocal"; empty where it names none."""
    game = url.rstrip("/") if isinstance(url, str) else ""
    return check_relative_path(game, source) if game else ""


def _published(version: int | None) -> EventClasses:
    return SOCCERNET_V1 if version == 1 else SOCCERNET_V2


def _as_result_file(spots: list[Any], source: str) -> bytes:
    """The spots.json of common.spot, as a result file."""
    import orjson

    try:
        entries = [
            {"half": each["half"], "position": each["milliseconds"], "label": each["class"],
             "confidence": str(each["confidence"])}
            for each in spots
        ]  # fmt: skip
    except (KeyError, TypeError) as error:
        raise UserError(f"{source} holds a spot without {error}; spot once more") from None
    return orjson.dumps({"predictions": entries})


def _ordered(labels: set[str], run: Path | None) -> tuple[str, ...]:
    """Classes in the order of the run's thresholds, or of SoccerNet-v2; others by name."""
    first: Sequence[str] = V2_NAMES
    if run is not None and (path := run / POINT_FILE).is_file():
        saved = parse_json(path.read_bytes(), str(path)).get("classes", {})
        first = tuple(saved)
    return (*first, *sorted(labels - {*first})) if labels & {*first} else tuple(sorted(labels))


def _only_split(path: Path) -> str:
    """The split that is meant where none is named. Raises UserError for several without test."""
    there = splits_with_results(path) if path.is_dir() else []
    if "test" in there or not there:
        return "test"
    if len(there) > 1:
        raise UserError(f"{path} has results of {', '.join(there)}; name one with --split")
    return there[0]


def _chosen(games: tuple[str, ...], wanted: Sequence[str]) -> tuple[str, ...]:
    """Games whose path contains one of the texts. Raises UserError for a text that none has."""
    for text in wanted:
        if not any(text in game for game in games):
            named = "".join(f"\n  {game}" for game in games[:_MOST_NAMED])
            raise UserError(
                f"no game has {text!r} in its name; expected one of {counted(len(games), 'game')}, "
                f"such as:{named}"
            )
    return tuple(game for game in games if not wanted or any(text in game for text in wanted))
