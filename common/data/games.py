"""Which games a split holds: the official lists, or a `splits.json` at the data root."""

import importlib.util
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from common.errors import UserError, log
from common.files import read_json

_warned: set[tuple[Path, str]] = set()  # partial splits that a warning was about

OFFICIAL_SPLITS = ("train", "valid", "test", "challenge")
# Game names come from files of others and end in file paths: no step out of the data root.
_UNSAFE = re.compile(r"^[/~]|\\|\x00|(^|/)\.{1,2}(/|$)|//|/$|^[A-Za-z]:")


def check_relative_path(path: object, source: str) -> str:
    """Returns `path`, of a game or a zip member, if it cannot leave the folder it is joined to.

    Raises UserError naming `source`, the file that the path came from.
    """
    if not isinstance(path, str) or not path or _UNSAFE.search(path):
        raise UserError(
            f"{source} holds the path {path!r}, which may lead out of its folder; expected a "
            "plain relative path such as league/season/game"
        )
    return path


def check_name(name: object, source: str) -> str:
    """Returns `name`, of a split, if it can be a part of a file's name.

    Raises UserError naming `source`, the file that the name came from.
    """
    if "/" in check_relative_path(name, source):
        raise UserError(f"{source} holds the name {name!r}; expected one without /")
    return str(name)


def list_games(root: Path, splits: Iterable[str]) -> list[str]:
    """Games of the splits, in the order given, as paths relative to the data root.

    Raises UserError for a wrong root, an unknown split, or a game that stands in two splits.
    """
    if not root.is_dir():
        raise UserError(f"expected the data folder at {root}, found none; check --SoccerNet_path")
    known = read_splits(root)
    games: list[str] = []
    for split in splits:
        if split not in known:
            raise UserError(f"unknown split {split!r}; {root} has {', '.join(known)}")
        games += known[split]
    if len(set(games)) < len(games):
        twice = next(g for g in games if games.count(g) > 1)
        raise UserError(f"the splits {', '.join(splits)} hold {twice!r} twice; name each once")
    return games


def games_at_hand(root: Path, splits: Iterable[str]) -> list[str]:
    """As `list_games`, but of the official lists only games that have a folder at the root.

    So a part of SoccerNet can be used as it is. Says on the log how many games are not there.
    Raises UserError when a split has none at all; what is in the folders is not looked at.
    """
    if (root / "splits.json").is_file():
        return list_games(root, splits)
    found: list[str] = []
    for split in splits:
        games = list_games(root, [split])
        here = [game for game in games if (root / game).is_dir()]
        if not here:
            raise UserError(
                f"none of the {len(games)} games of the split {split} is in {root}; check "
                "--SoccerNet_path"
            )
        if len(here) < len(games) and (root, split) not in _warned:
            _warned.add((root, split))
            log.warning("%s: only %d of %d games are in %s", split, len(here), len(games), root)
        found += here
    return found


def read_splits(root: Path) -> dict[str, list[str]]:
    """All splits of the data at `root`: {"train": [game, …], …}."""
    path = root / "splits.json"
    if not path.exists():
        return official_splits()
    content = read_json(path)
    if not isinstance(content, dict) or not all(isinstance(g, list) for g in content.values()):
        raise UserError(f'{path} must look like {{"train": ["league/season/game", …], …}}')
    return {
        check_name(split, str(path)): [check_relative_path(game, str(path)) for game in games]
        for split, games in content.items()
    }


@cache
def official_splits(lists: str = "SoccerNetGames") -> dict[str, list[str]]:
    """The lists of SoccerNet: 300 train, 100 valid, 100 test, 50 challenge games.

    They are read from the data files of the SoccerNet package without importing it: the import
    is slow and changes numpy's error state.

    Args:
        lists: how the names of those files begin; there are some of other data sets, too.
    """
    package = importlib.util.find_spec("SoccerNet")
    if package is None or not package.submodule_search_locations:
        raise UserError(
            "the official game lists come with the SoccerNet package, which is not installed; "
            "run: pip install SoccerNet, or put a splits.json into the data folder"
        )
    folder = Path(next(iter(package.submodule_search_locations))) / "data"
    read = {s: read_json(folder / f"{lists}{s.capitalize()}.json") for s in OFFICIAL_SPLITS}
    return {
        split: [
            f"{championship}/{season}/{game}"
            for championship, seasons in content.items()
            for season, games in seasons.items()
            for game in games
        ]
        if isinstance(content, dict)
        else content
        for split, content in read.items()
    }
