"""The spots of runs and files, game by game."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from common.errors import UserError, counted
from common.results.confidences import beyond_measure, lowest_kept
from common.results.json_tree import JsonTree
from common.results.predictions import LEGACY_RESULT_FILE, RESULT_FILE, guess_file_name
from common.results.scored_run import find_results, recorded_classes, splits_with_results
from common.results.spots_table import UNCHOSEN, point_of
from common.spots.moments import Moment
from common.spots.parsing import parse_spots
from common.spots.single_files import open_file_of_spots
from common.spots.spotted_games import SpottedGames, published_classes

_MOST_NAMED = 5


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
            run, or what `open_file_of_spots` takes.
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
        found = open_file_of_spots(path, SoccerNet_path, version)
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
        of_files = found.games[0] if found.root is None else ""
        point, words = point_of(found.run, names, threshold, lowest_kept(found.run, of_files))
        return dict(zip(names, point.thresholds.tolist(), strict=True)), words
    if threshold == "auto":
        raise UserError(
            "--threshold auto takes the thresholds that were saved in a run's folder, and there is "
            "none; give the run, or a number"
        )
    value = UNCHOSEN if threshold is None else float(threshold)
    return dict.fromkeys(names, value), f"at or above {value:g}{beyond_measure(value)}"


def _of_run(
    path: Path, split: str, SoccerNet_path: Path | None, version: int | None
) -> SpottedGames:
    results = find_results(path, split, SoccerNet_path=SoccerNet_path, version=version)
    tree, file, classes = results.predictions, results.file, results.classes
    alone = results.games == (".",)
    told: set[str] = set()

    def read(game: str) -> list[Moment]:
        name = file if alone else f"{game}/{file}"
        return parse_spots(tree.read(name), f"{tree.root}/{name}", classes, told)

    games = (results.split,) if alone else results.games
    root = None if alone else results.root
    return SpottedGames(results.name, classes, games, root, path if path.is_dir() else None, read)


def _of_tree(path: Path, version: int | None) -> SpottedGames:
    """Of a zip or folder of results without its data: all games that it holds."""
    tree = JsonTree(path)
    file = guess_file_name(tree)
    ending = f"/{file}"
    games = tuple(n.removesuffix(ending) for n in sorted(tree.names()) if n.endswith(ending))
    given = recorded_classes(path) or published_classes(version)
    told: set[str] = set()

    def read(game: str) -> list[Moment]:
        return parse_spots(tree.read(game + ending), f"{path}/{game}{ending}", given, told)

    run = path.resolve().parent
    return SpottedGames(path.name.removesuffix(".zip"), given, games, None, run, read)


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
