"""Which files a split needs, whether they are there and sound, and how to get them."""

import os
import shlex
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from difflib import get_close_matches
from pathlib import Path

from common.data.events import SOCCERNET_V1, SOCCERNET_V2
from common.data.features import Halves, open_array, wanted_files
from common.data.games import in_other_form, list_games, other_form_sentence
from common.errors import UserError
from common.files import parse_json

# What SoccerNet 0.2.0 can fetch, with the usual size of a half in MB (0: not known).
FEATURE_FILES = {
    "ResNET_TF2.npy": 45,
    "ResNET_TF2_PCA512.npy": 11,
    "baidu_soccer_embeddings.npy": 94,
    "player_boundingbox_maskrcnn.json": 0,
    "field_calib_ccbv.json": 0,
}
LABEL_FILES = (SOCCERNET_V2.label_file, SOCCERNET_V1.label_file)


def require_files(
    root: Path,
    splits: Sequence[str],
    feature_names: Sequence[str],
    label_file: str | None,
    halves: Halves = 2,
    most_games: int | None = None,
) -> None:
    """Raises UserError if files of the splits are absent: how many, which, and what to do.

    Takes what `download` takes. It looks for the files and does not open them. A part of SoccerNet
    is enough: games without a folder count only when a split has no folder at all.
    """
    wanted = [
        path
        for split in splits
        for path in split_files(
            root, split, feature_names, label_file, halves, at_hand=True, most_games=most_games
        )
    ]
    absent = [path for path in wanted if not path.is_file()]
    if absent:
        shown = "".join(f"\n  {path}" for path in absent[:5])
        more = f"\n  and {len(absent) - 5} more" if len(absent) > 5 else ""
        advice = "".join(f"{hint}\n" for hint in hints(absent, root, feature_names))
        advice += how_to_get(absent, root, splits, feature_names, label_file)
        found = f"{len(absent)} of the {len(wanted)} files of {', '.join(splits)} are missing"
        raise UserError(f"{found}:{shown}{more}\n{advice}")


def split_files(
    root: Path,
    split: str,
    feature_names: Sequence[str],
    label_file: str | None,
    halves: Halves = 2,
    *,
    at_hand: bool = False,
    most_games: int | None = None,
) -> list[Path]:
    """All files that a split needs; with `at_hand` only of official games that have a folder,
    as training takes them, unless none has. Labels of challenge games are held by the server.

    Args:
        most_games: only so many games of the split; None takes all.
    """
    games = list_games(root, [split])
    if at_hand and not (root / "splits.json").is_file():
        games = [game for game in games if (root / game).is_dir()] or games
    labels = None if split == "challenge" else label_file
    return wanted_files(root, games[:most_games], halves, feature_names, labels)


def how_to_get(
    absent: Sequence[Path],
    root: Path,
    splits: Sequence[str],
    feature_names: Sequence[str],
    label_file: str | None,
) -> str:
    """What to do about absent files of the splits: the command to run, if there is one."""
    if (root / "splits.json").is_file():
        check = "; check --features" if any(path.suffix == ".npy" for path in absent) else ""
        return f"add them, or take their games out of {root / 'splits.json'}{check}"
    if names := not_offered(absent):
        return f"{', '.join(names)} cannot be downloaded; check --features and --SoccerNet_path"
    version = ["--version", "1"] if label_file == SOCCERNET_V1.label_file else []
    kinds = {kind_of(path) for path in absent}
    names = [name for name in feature_names if name in kinds]
    wanted = ["--features", *names] if names else ["--labels-only"]
    words = ["--SoccerNet_path", str(root), *wanted, "--split", *splits, *version]
    command = "python -m common.download " + shlex.join(words)
    return f"check --SoccerNet_path, or fetch them with:\n  {command}"


def hints(absent: Sequence[Path], root: Path, feature_names: Sequence[str]) -> list[str]:
    """What is there instead, and so was probably meant: a sentence for features and for labels."""
    first = {kind_of(path) in feature_names: path for path in reversed(absent)}
    found = [
        _hint(path, root, feature_names if is_feature else ()) for is_feature, path in first.items()
    ]
    if True in first:
        found.append(_only_later_half(first[True], feature_names))
    return [*dict.fromkeys(filter(None, found))]


def _only_later_half(path: Path, feature_names: Sequence[str]) -> str:
    """A sentence if a half has no features at all and a later one has those of `path`."""
    half, name = path.name[:1], path.name[1:]
    later = [n for n in range(int(half) + 1, 10) if (path.parent / f"{n}{name}").is_file()]
    if not later or any(os.path.lexists(path.parent / f"{half}_{n}") for n in feature_names):
        return ""
    return (
        f"{path.parent} has features of half {later[0]} and none of half {half}. If that was not "
        "recorded: halves count from 1 on without a gap, so number the others from 1 on, in the "
        'labels, too, with "halves" in classes.json; or leave the game out'
    )


def _hint(path: Path, root: Path, feature_names: Sequence[str]) -> str:
    """What is there instead of a file; of labels if no names of features are given."""
    is_feature = bool(feature_names)
    if found := in_other_form(path.parent, root):
        return other_form_sentence(found)
    folder = path.parent
    while not folder.is_dir() and folder != root:
        folder = folder.parent
    names = sorted(entry.name for entry in folder.iterdir() if entry.name[:1] != ".")
    if folder != path.parent:
        return f"there is no folder {path.parent}; {folder} holds {_some(names)}"
    if path.name in names:
        return f"{path} is there, but is no file: a folder, a pipe or a broken link"
    ours = path.name.removesuffix(kind_of(path)) if is_feature else ""  # the number of the half
    like = [name for name in names if name.startswith(ours) and name.endswith(path.suffix)]
    if not is_feature:
        like = [name for name in like if not name[:1].isdigit()]  # players of a half
    if is_feature and path.suffix != ".npy":  # --features ResNET_TF2
        like = [name for name in names if name.startswith(ours) and name.endswith(".npy")]
    like = [name for name in like if name.removeprefix(ours) not in feature_names]
    if not like:
        return f"{folder} holds {_some(names)}"
    nearest = get_close_matches(path.name, like, 1, 0)[0]
    if is_feature:
        return f"{folder} holds {_some(like)}: --features {nearest[len(ours) :]}?"
    meant = f'"label_file": "{nearest}" in classes.json?'
    if {path.name, nearest} == {*LABEL_FILES}:
        meant = f"pass --version {2 - LABEL_FILES.index(nearest)}?"
    return f"{folder} holds {_some(like)}: {meant}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more if names else "nothing"


def faulty_files(paths: Sequence[Path]) -> list[Path]:
    """Those of the paths where nothing is, or a file that is cut off or is not what it should be.

    Of an array the header is read and compared with the size of the file, not the values.
    """
    with ThreadPoolExecutor(8) as pool:  # network disks answer slowly, but many at once
        sound = list(pool.map(_is_sound, paths))
    return [path for path, whole in zip(paths, sound, strict=True) if not whole]


def _is_sound(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        if path.suffix == ".npy":
            return len(open_array(path)) > 0
        if path.name in LABEL_FILES:
            content = parse_json(path.read_bytes(), str(path))
            return isinstance(content, dict) and isinstance(content.get("annotations"), list)
    except UserError:
        return False
    with path.open("rb") as file:  # JSON that may be large: is its end there?
        file.seek(max(0, path.stat().st_size - 64))
        return file.read().rstrip()[-1:] in (b"}", b"]")


def kind_of(path: Path) -> str:
    """Name of a file without the number of its half."""
    return path.name[2:] if path.name[:1].isdigit() and path.name[1:2] == "_" else path.name


def not_offered(paths: Sequence[Path]) -> list[str]:
    """Kinds of files among these that cannot be downloaded."""
    return sorted(
        {path.name if kind_of(path) in LABEL_FILES else kind_of(path) for path in paths}
        - {*FEATURE_FILES, *LABEL_FILES}
    )
