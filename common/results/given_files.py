"""Files that are spotted in by themselves, outside any split: their halves, and their results."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.data.features import Half, open_features
from common.data.games import OFFICIAL_SPLITS
from common.errors import UserError
from common.files import open_file, shortened
from common.results.run_record import read_record, record_settings

FEATURES, VIDEOS = "features_path", "video_path"  # the flags that take such files
_WORDS = {FEATURES: "feature file", VIDEOS: "video"}
_ENDINGS = {
    FEATURES: (".npy",),
    VIDEOS: (".mkv", ".mp4", ".m4v", ".mov", ".avi", ".ts", ".webm", ".mpg", ".mpeg", ".wmv"),
}
_LONGEST_NAME = 120  # letters


@dataclass(frozen=True)
class GivenFiles:
    """Feature files or videos, each a half of the same game.

    Attributes:
        flag: that they were given to, FEATURES or VIDEOS.
        paths: in the order of the halves.
        halves: number of each: 2 for 2_Mine.npy.
        name: of their detections, which lie in outputs_<name>.
    """

    flag: str
    paths: tuple[Path, ...]
    halves: tuple[int, ...]
    name: str

    def path_of(self, half: int) -> Path:
        """The file of a half."""
        return self.paths[self.halves.index(half)]


def given_files(
    paths: Sequence[Path], halves: int, flag: str = FEATURES, *, said: str | None = None
) -> GivenFiles:
    """What the names of files tell, and else their order; `halves` is how many a game has.

    Files of games bear the same names in each folder, so theirs is part of the name.

    Example: DATA/league/season/game/2_Mine.npy is half 2, and its name is game_2_Mine; together
    with 1_Mine.npy the name is game_Mine. Of "one.npy two.npy" the second is half 2.

    Args:
        said: name of the flag for errors to speak of, if the program calls it otherwise.

    Raises UserError for a folder, a missing file, two files of one half, or more than a game has.
    """
    said = said or flag
    for path in paths:
        _require_file(path, flag, said)
    if len(paths) > halves:
        raise UserError(
            f"--{said} takes the halves of one game, {halves} at most, found {len(paths)}; start "
            "the program once for each game"
        )
    numbers = [_number(path, halves, flag) for path in paths]
    found = [number or place for place, number in enumerate(numbers, 1)]
    for number in found:
        if found.count(number) > 1:
            both = " and ".join(str(p) for p, n in zip(paths, found, strict=True) if n == number)
            raise UserError(
                f"{both} would both be half {number} of a game; give --{said} the halves of one "
                "game, in their order or with names such as 1_… and 2_…"
            )
    order = sorted(range(len(paths)), key=found.__getitem__)
    return GivenFiles(
        flag,
        tuple(paths[n] for n in order),
        tuple(found[n] for n in order),
        _name([paths[n] for n in order], [numbers[n] is not None for n in order]),
    )


def _require_file(path: Path, flag: str, said: str) -> None:
    """Raises UserError naming what is there, if it is not a file."""
    if path.is_dir():
        what = f"{path} is a folder; give --{said} one {_WORDS[flag]}"
        raise UserError(f"{what}{_files_of(path, flag) or ', of which it holds none'}")
    if not path.exists() and (beside := _files_of(path.parent, flag)):
        what = "features" if flag == FEATURES else "a video"
        raise UserError(f"expected {what} at {path}, found no such file{beside}")
    if flag == VIDEOS:
        open_file(path, "a video").close()
    other = VIDEOS if flag == FEATURES else FEATURES
    if said == flag and path.suffix.lower() in _ENDINGS[other] and path.exists():
        raise UserError(f"{path} is a {_WORDS[other]}; give it to --{other} instead of --{flag}")


def _files_of(folder: Path, flag: str, most: int = 4) -> str:
    """Which such files a folder holds, in words; nothing if it is not there or holds none."""
    there = folder.iterdir() if folder.is_dir() else ()
    names = sorted(
        str(each) for each in there if each.suffix.lower() in _ENDINGS[flag] and each.is_file()
    )
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return "; that folder holds:\n  " + "\n  ".join(names[:most]) + more if names else ""


def _number(path: Path, halves: int, flag: str) -> int | None:
    """The half that a name begins with, if a game has it; a video may have no other name."""
    number = re.match(r"([1-9])(_|$)" if flag == VIDEOS else r"([1-9])_", path.stem)
    return int(number[1]) if number and int(number[1]) <= halves else None


def _name(paths: Sequence[Path], of_game: Sequence[bool]) -> str:
    """What the detections of these files are called."""
    first, folder = paths[0], paths[0].resolve().parent.name or "file"
    tails = {path.stem[2:] for path in paths}
    if len(paths) == 1:
        parts = [first.stem]
        if of_game[0] or first.stem in OFFICIAL_SPLITS:  # whose detections lie in outputs_<split>
            parts.insert(0, folder)
    elif all(of_game) and len(tails) == 1 and len({path.parent for path in paths}) == 1:
        parts = [folder, *filter(None, tails)]
        if len(parts) == 1 and folder in OFFICIAL_SPLITS:
            parts.append("halves")
    else:
        parts = ["+".join(path.stem for path in paths)]
    return shortened("_".join(parts), _LONGEST_NAME)


def open_given(given: GivenFiles, dimension: int | None = None) -> list[Half]:
    """The halves of feature files. Raises UserError as `open_features`, or if they differ in D."""
    halves = []
    for path, number in zip(given.paths, given.halves, strict=True):
        halves.append(Half(path.parent, number, open_features(path, dimension)))
        dimension = halves[0].features.dimension
    return halves


def claim_outputs(
    run: Path, given: GivenFiles, settings: Mapping[str, Any], classes: Sequence[str]
) -> None:
    """Records that outputs_<name> of a run is of these files.

    Raises UserError if it is of others, whose detections would be lost.
    """
    require_unclaimed(run, given)
    recorded = {**settings, **_source(given), "classes": list(classes)}
    record_settings(run, recorded, f"file_{given.name}")


def require_unclaimed(run: Path, given: GivenFiles) -> None:
    """Raises UserError if outputs_<name> of a run is of other files."""
    record = run / f"settings_file_{given.name}.json"
    outputs = run / f"outputs_{given.name}"
    if record.is_file():
        there = read_record(record)["settings"]
        if any(there.get(flag) != files for flag, files in _source(given).items()):
            raise UserError(
                f"{outputs} holds the detections of {_words(there)}; pass another --model_name, "
                f"with --load_weights, or remove {record} to replace them"
            )
    elif outputs.exists():
        raise UserError(
            f"{outputs} holds the detections of a split; rename {given.paths[0]}, or pass another "
            "--model_name, with --load_weights"
        )


def refuse_names_of_files(run: Path, splits: Sequence[str]) -> None:
    """Raises UserError if outputs_<split> of a run is of a file that was spotted in by itself."""
    for split in splits:
        record, outputs = run / f"settings_file_{split}.json", run / f"outputs_{split}"
        if record.is_file() and outputs.exists():
            raise UserError(
                f"{outputs} holds the detections of {_words(read_record(record)['settings'])}, and "
                f"the split {split} would be written among them; remove that folder and {record}, "
                "or call the split otherwise in splits.json"
            )


def _source(given: GivenFiles) -> dict[str, Any]:
    """The files, as they are recorded."""
    here = [str(path.resolve()) for path in given.paths]
    return {FEATURES: None, VIDEOS: None, given.flag: here if len(here) > 1 else here[0]}


def _words(settings: Mapping[str, Any]) -> str:
    found = next(filter(None, (settings.get(flag) for flag in (FEATURES, VIDEOS))), "others")
    return " and ".join(map(str, found)) if isinstance(found, list) else str(found)


def find_outputs(run: Path, flag: str, paths: Sequence[Path]) -> tuple[str, tuple[str, ...]]:
    """Name and classes of what a run spotted in these files.

    Raises UserError if it spotted in none of that kind.
    """
    wanted = sorted(str(path.resolve()) for path in paths)
    for record in sorted(run.glob("settings_file_*.json")):
        settings = read_record(record)["settings"]
        found, classes = settings.get(flag), settings.get("classes")
        if sorted(map(str, found if isinstance(found, list) else [found])) != wanted:
            continue
        if not isinstance(classes, list) or not all(isinstance(each, str) for each in classes):
            raise UserError(f"{record} does not name the classes; spot in the file once more")
        return record.stem.removeprefix("settings_file_"), tuple(classes)
    raise UserError(f"{run} holds no detections of {' and '.join(map(str, paths))}")
