"""A single feature file, outside any split: what half it is, and where its detections go."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.data.games import OFFICIAL_SPLITS
from common.errors import UserError
from common.results.run_record import TRAINED, read_record, record_settings

# Settings of the training that decide what a network says of a file, and of which data it speaks.
_DECISIVE = (
    "framerate", "version", "class_split", "chunk_size", "receptive_field", "num_detections",
    "dim_capsule", "feature_multiplier", "backbone_feature", "backbone_player",
)  # fmt: skip
_FURTHER = ("SoccerNet_path", "segmentation_loss")  # of which others may be given


@dataclass(frozen=True)
class OneFile:
    """A feature file that is spotted in by itself.

    Attributes:
        half: that it is of: 2 for 2_Mine.npy.
        name: of its detections, which lie in outputs_<name>.
    """

    path: Path
    half: int
    name: str


def one_file(path: Path, halves: int) -> OneFile:
    """What the name of a file tells; `halves` is how many a game has.

    Files of games bear the same names in each folder, so theirs is part of the name.

    Example: DATA/league/season/game/2_Mine.npy is half 2, and its name is game_2_Mine.

    Raises UserError for a folder, or a missing file beside arrays: it names those that are there.
    """
    if path.is_dir():
        what = f"{path} is a folder; give --features_path one feature file"
        raise UserError(f"{what}{_arrays_of(path) or ', of which it holds none'}")
    if not path.exists() and (beside := _arrays_of(path.parent)):
        raise UserError(f"expected features at {path}, found no such file{beside}")
    number = re.match(r"([1-9])_.", path.name)
    of_game = number is not None and int(number[1]) <= halves
    parts = [path.stem]
    if of_game or path.stem in OFFICIAL_SPLITS:  # whose detections lie in outputs_<split>
        parts.insert(0, path.resolve().parent.name or "file")
    return OneFile(path, int(number[1]) if number and of_game else 1, "_".join(parts))


def _arrays_of(folder: Path, most: int = 4) -> str:
    """Which arrays a folder holds, in words; nothing if it is not there or holds none."""
    names = sorted(str(found) for found in folder.glob("*.npy") if found.is_file())
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return "; that folder holds:\n  " + "\n  ".join(names[:most]) + more if names else ""


def trained_settings(weights: Path, flags: Collection[str]) -> dict[str, Any]:
    """Those of the flags that the run of these weights recorded and a file needs; else none."""
    record = weights.parent / TRAINED
    if not record.is_file():
        return {}
    settings = read_record(record)["settings"]
    known = [name for name in (*_DECISIVE, *_FURTHER) if name in flags]
    found = {name: settings[name] for name in known if settings.get(name) is not None}
    if "SoccerNet_path" in found:  # which may start where the training was started
        depth = len(Path(str(settings.get("model_name", record.parent.name))).parts)
        above = record.parent.resolve().parents
        root = above[min(depth, len(above) - 1)] / str(found["SoccerNet_path"])
        found["SoccerNet_path"] = str(root)
    return found


def require_as_trained(given: Mapping[str, Any], trained: Mapping[str, Any], run: Path) -> None:
    """Raises UserError naming the flags with which a network would be used on other input."""
    other = [n for n in _DECISIVE if n in trained and str(given[n]) != str(trained[n])]
    if other:
        found = ", ".join(f"--{name} {trained[name]}, now {given[name]}" for name in other)
        raise UserError(f"{run} was trained with {found}; leave out what differs: it is recorded")


def require_classes(weights: Mapping[str, Any], classes: Sequence[str], path: Path) -> None:
    """Raises UserError if a network of the family was trained on another number of classes.

    Args:
        weights: by their published names.
        path: of the checkpoint.
    """
    rows, slots = (weights.get(f"{layer}.bias") for layer in ("conv_class", "conv_conf"))
    if rows is None or slots is None or len(slots) < 2:
        return  # some other network: what does not fit is said when it is loaded
    found = len(rows) // (len(slots) // 2)
    if found != len(classes):
        raise UserError(
            f"{path} was trained on {found} classes, expected {len(classes)}: "
            f"{', '.join(classes[:3])}{', …' if len(classes) > 3 else ''}; pass --SoccerNet_path "
            "with the data that it was trained on, whose classes.json names them, and its "
            "--version and --class_split"
        )


def claim_outputs(
    run: Path, file: OneFile, settings: Mapping[str, Any], classes: Sequence[str]
) -> None:
    """Records that outputs_<name> of a run is of this file.

    Raises UserError if it is of another one, whose detections would be lost.
    """
    here, kind = str(file.path.resolve()), f"file_{file.name}"
    record = run / f"settings_{kind}.json"
    there = read_record(record)["settings"].get("features_path") if record.is_file() else here
    if there != here:
        raise UserError(
            f"{run / f'outputs_{file.name}'} holds the detections of {there}; pass another "
            f"--model_name, with --load_weights, or remove {record} to replace them"
        )
    record_settings(run, {**settings, "features_path": here, "classes": list(classes)}, kind)
