"""Which games a split holds: the official lists, or a `splits.json` at the data root."""

import importlib.util
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from common.errors import UserError, counted, log
from common.files import read_json

_warned: set[tuple[Path, str]] = set()  # partial splits that a warning was about

OFFICIAL_SPLITS = ("train", "valid", "test", "challenge")
_LONGEST_NAME, _LONGEST_PATH = 255, 2048  # bytes; of the usual 4096 a root needs some
# Game names come from files of others and end in file paths: no step out of the data root.
_UNSAFE = re.compile(r"^[/~]|\\|\x00|(^|/)\.{1,2}(/|$)|//|/$|^[A-Za-z]:")


def check_relative_path(path: object, source: str) -> str:
    """Returns `path`, of a game or a zip member, if it cannot leave the folder it is joined to.

    Raises UserError naming `source`, the file that the path came from.
    """
    if not isinstance(path, str):
        raise UserError(
            f"{source} holds {path!r} where a path is expected; write it as a text such as "
            '"league/season/game"'
        )
    if path.endswith("/") and not _UNSAFE.search(path[:-1]):
        raise UserError(f"{source} holds the path {path!r}; write it without / at its end")
    if not path or _UNSAFE.search(path):
        raise UserError(
            f"{source} holds the path {path!r}, which may lead out of its folder; expected a "
            "plain relative path such as league/season/game"
        )
    sizes = [len(part.encode(errors="surrogatepass")) for part in path.split("/")]
    if max(sizes) > _LONGEST_NAME or sum(sizes) + len(sizes) > _LONGEST_PATH:
        raise UserError(
            f"{source} holds the path {path[:60]!r}…, which is longer than file systems take "
            f"({_LONGEST_NAME} bytes a name, {_LONGEST_PATH} in all); shorten it"
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
        found = "a file" if root.is_file() else "none"
        home = "; ~ stands for your home only at the begin of a word of the shell: write $HOME"
        advice = home if str(root).startswith("~") else ""
        raise UserError(
            f"expected the data folder at {root}, found {found}; check --SoccerNet_path{advice}"
        )
    known = read_splits(root)
    games: list[str] = []
    for split in splits:
        if split not in known:
            own = (root / "splits.json").is_file()
            what = f"{root} has" if own else f"{root} has no splits.json, and SoccerNet has"
            raise UserError(
                f"unknown split {split!r}; {what} {', '.join(known)}: name one of these (for a "
                "training, by --split_train, --split_valid and --split_test)"
            )
        games += known[split]
    if len(set(games)) < len(games):
        twice = next(g for g in games if games.count(g) > 1)
        raise UserError(f"the splits {', '.join(splits)} hold {twice!r} twice; name each once")
    return games


def games_at_hand(root: Path, splits: Iterable[str]) -> list[str]:
    """As `list_games`, but of the official lists only games that have a folder at the root.

    So a part of SoccerNet can be used as it is. Says on the log how many games are not there.
    Raises UserError when a split has none at all, or when a folder bears the name of a game in
    another Unicode form; what is in the folders is not looked at.
    """
    if (root / "splits.json").is_file():
        return list_games(root, splits)
    found: list[str] = []
    for split in splits:
        games = list_games(root, [split])
        here = [game for game in games if (root / game).is_dir()]
        if len(here) < len(games) and (root, split) not in _warned:
            for path in (root / game for game in games if not (root / game).is_dir()):
                if meant := in_other_form(path, root):
                    raise UserError(other_form_sentence(meant))
        if not here:
            raise UserError(
                f"none of the {counted(len(games), 'game')} of the split {split} is in {root}; "
                "check --SoccerNet_path"
            )
        if len(here) < len(games) and (root, split) not in _warned:
            _warned.add((root, split))
            are = "game is" if len(games) == 1 else "games are"
            log.warning("%s: only %d of %d %s in %s", split, len(here), len(games), are, root)
        found += here
    return found


def default_tested(root: Path | None, *, complete: bool = False) -> list[str]:
    """The splits that a program spots in when none is named: test and challenge, as far as there.

    Says on the log which of the two is left out. A challenge without games is as good as none.

    Args:
        complete: of SoccerNet's lists leave none out; games that are not here are to be fetched.
    """
    default = [*OFFICIAL_SPLITS[-2:]]  # test and challenge
    if root is None or not root.is_dir():
        return default
    own, known = (root / "splits.json").is_file(), read_splits(root)
    found = [
        split
        for split in default
        if split in known
        and (own or complete or any((root / game).is_dir() for game in known[split]))
        and (known[split] or split != "challenge")
    ]
    if len(found) == 1:
        (absent,) = {*default} - {*found}
        log.warning("there are no games of the split %s in %s: it is left out", absent, root)
    return found or default


def shared_games(splits: Mapping[str, Sequence[str]]) -> list[str]:
    """A sentence for each split that has games of an earlier one, the first that has them."""
    known: dict[str, tuple[str, str]] = {}  # form of a game -> the first split that has it, game
    both: dict[tuple[str, str], list[str]] = {}
    for split, games in splits.items():
        for form, game in {_form(game): game for game in games}.items():
            first, its_game = known.setdefault(form, (split, game))
            if first != split:
                both.setdefault((first, split), []).append(its_game)
    return [
        f"{counted(len(shared), 'game')} of {first} also in {second}, such as {shared[0]}: "
        "scores on games that were learnt from say nothing about others"
        for (first, second), shared in both.items()
    ]


def in_other_form(path: Path, root: Path) -> Path | None:
    """What is meant by a path below `root` that is not there but for its Unicode form or case."""
    found = root
    for part in path.relative_to(root).parts:
        if (found / part).exists():
            found = found / part
            continue
        try:
            beside = [entry for entry in found.iterdir() if _form(entry.name) == _form(part)]
        except OSError:
            return None
        if not beside:
            return None
        found = beside[0]
    return found if found != path else None


def other_form_sentence(found: Path) -> str:
    """What to do about a path that `in_other_form` found."""
    return (
        f"{found} is there, but its name is written in another Unicode form or case than in the "
        "list of games; rename it, or write it in splits.json as it is on the disk"
    )


def _form(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def read_splits(root: Path) -> dict[str, list[str]]:
    """All splits of the data at `root`: {"train": [game, …], …}."""
    path = root / "splits.json"
    if not os.path.lexists(path):  # a link to nowhere is an error, not the official lists
        return official_splits()
    content = read_json(path)
    if (
        not isinstance(content, dict)
        or not content
        or not all(isinstance(games, list) for games in content.values())
    ):
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
