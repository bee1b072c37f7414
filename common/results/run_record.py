"""What a run records of itself, in settings_train.json and settings_test.json of its folder."""

import platform
import sys
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import orjson

from common.data.events import CLASS_SPLITS
from common.errors import UserError
from common.files import as_named, read_json, write_bytes
from common.results.typed_commands import ROOT

TRAINED, TESTED = "settings_train.json", "settings_test.json"
BEST_FILE = "model.pth.tar"  # lowest validation loss
LAST_FILE = "last.pth.tar"  # newest, with all that resuming needs
_RECORDED_PACKAGES = ("soccer-action-spotting", "torch", "numpy", "SoccerNet")


def require_program(record: Mapping[str, Any], program: str, run: Path) -> None:
    """Raises UserError if another baseline's program trained the run.

    Args:
        program: the one that is running, "CALF/main.py".
    """
    then = recorded_program(record)
    if then in programs() - {program}:
        raise UserError(
            f"{run} is a run of {then}, and this is {program}; start python {then}, or, to spot in "
            f"files, python -m common.spot {run} FILE"
        )


def record_settings(path: Path, settings: Mapping[str, Any], kind: str) -> None:
    """Writes settings, command line and versions to settings_<kind>.json.

    A training that went on with --resume keeps the record of its first start beside them.
    """
    file, record = path / f"settings_{kind}.json", new_record(settings)
    if kind == "train" and settings.get("resume") and file.is_file():
        record = resumed_record(read_record(file), settings)
    write_record(file, record)


def new_record(settings: Mapping[str, Any], **further: Any) -> dict[str, Any]:
    """A record of settings, command line and versions.

    Args:
        further: what a run knows of itself beside its flags: classes, threads.
    """
    return {"settings": dict(settings), **further, **_attempt()}


def resumed_record(
    record: Mapping[str, Any], settings: Mapping[str, Any], **further: Any
) -> dict[str, Any]:
    """The record of a run that goes on: its first attempt's, with what may change as it is now."""
    attempts = [*record.get("resumed", ()), _attempt()]
    return {**further, **record, "settings": dict(settings), "resumed": attempts}


def write_record(file: Path, record: Mapping[str, Any]) -> None:
    """Writes a record, wholly or not at all; a path becomes its text."""
    write_bytes(file, orjson.dumps(record, default=str, option=orjson.OPT_INDENT_2) + b"\n")


def read_record(file: Path) -> dict[str, Any]:
    """What `write_record` wrote. Raises UserError naming the entry that is something else."""
    content = read_json(file)
    if not isinstance(content, dict) or not isinstance(content.get("settings"), dict):
        raise UserError(f'{file} has no object "settings"; pass another run, or remove it')
    settings = content["settings"]
    right = {
        "command": _is_texts(content.get("command", ["?"])) and content.get("command") != [],
        "started": isinstance(content.get("started", ""), str),
        "resumed": isinstance(content.get("resumed", []), list),
        "classes": content.get("classes") is None or _is_texts(content["classes"]),
        "threads": _is_count(content.get("threads", 1)),
        "settings.version": settings.get("version", 2) in (1, 2),
        "settings.split_test": _is_texts(settings.get("split_test") or []),
        "settings.class_split": settings.get("class_split") in (None, "both", *CLASS_SPLITS),
        "settings.model_name": _is_place(settings.get("model_name", "")),
        "settings.SoccerNet_path": _is_place(settings.get("SoccerNet_path", "")),
    }
    if wrong := [entry for entry, is_right in right.items() if not is_right]:
        raise UserError(
            f"{file} does not read as the record of a run (look at {wrong[0]}); bring back the "
            "file as it was, or remove it and pass all flags"
        )
    return content


def programs() -> set[str]:
    """The baselines' programs, as records name them."""
    return {f"{tables.parent.name}/main.py" for tables in ROOT.glob("*/tables.toml")}


def recorded_program(record: Mapping[str, Any]) -> str:
    """The program that a record names, by the end of its path: CALF/main.py; "?" for none."""
    return _short(record.get("command", ["?"])[0])


def started_in(run: Path, settings: Mapping[str, Any]) -> Path:
    """The folder that a run's program was started in: above models/<model_name>, a name or a path.

    Where the run, or the folder of all runs, is a link, that is above the link or above what it
    points to: the one from which the data was found.
    """
    depth = len(Path(str(settings.get("model_name") or run.name)).parts)
    data = str(settings.get("SoccerNet_path") or "")
    named, linked = (
        path.parents[min(depth, len(path.parents) - 1)] for path in (as_named(run), run.resolve())
    )
    return linked if (linked / data).is_dir() and not (named / data).is_dir() else named


def running_program() -> str:
    """What is running, as records name it."""
    return _short(sys.argv[0])


def _short(program: str) -> str:
    return "/".join(Path(program).parts[-2:])


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_place(value: object) -> bool:
    """Whether a value is a text that the system takes for a path, whatever is there."""
    if not isinstance(value, str) or "\0" in value:
        return False
    return max(len(part.encode()) for part in value.split("/")) < 256 and len(value.encode()) < 4096


def _is_count(value: object) -> bool:
    return type(value) is int and 1 <= value <= 4096  # OpenMP ends a program that asks for more


def _attempt() -> dict[str, Any]:
    """When and by what a program was started."""
    return {
        "command": [running_program(), *sys.argv[1:]],
        "started": time.strftime("%Y-%m-%d %H:%M:%S"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _RECORDED_PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
