"""What a run records of itself, in settings_train.json and settings_test.json of its folder."""

import platform
import sys
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import orjson

from common.errors import UserError
from common.files import read_json, write_bytes

TRAINED, TESTED = "settings_train.json", "settings_test.json"
_RECORDED_PACKAGES = ("soccer-action-spotting", "torch", "numpy", "SoccerNet")


def record_settings(path: Path, settings: dict[str, Any], kind: str) -> None:
    """Writes settings, command line and versions to settings_<kind>.json."""
    content = {
        "settings": settings,
        "command": ["/".join(Path(sys.argv[0]).parts[-2:]), *sys.argv[1:]],
        "started": time.strftime("%Y-%m-%d %H:%M:%S"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _RECORDED_PACKAGES},
    }
    text = orjson.dumps(content, default=str, option=orjson.OPT_INDENT_2)
    write_bytes(path / f"settings_{kind}.json", text + b"\n")


def read_record(file: Path) -> dict[str, Any]:
    """What `record_settings` wrote. Raises UserError if the file holds something else."""
    content = read_json(file)
    if not isinstance(content, dict) or not isinstance(content.get("settings"), dict):
        raise UserError(f'{file} has no object "settings"; pass another run, or remove it')
    return content


def check_same_inputs(path: Path, settings: dict[str, Any], names: Sequence[str]) -> None:
    """Raises UserError if a run is to be tested on other inputs than it was trained on.

    Args:
        names: settings that decide what the network sees.
    """
    file = path / TRAINED
    if not file.is_file():
        return
    trained = read_record(file)["settings"]
    given = orjson.loads(orjson.dumps(settings, default=str))
    other = [name for name in names if name in trained and trained[name] != given.get(name)]
    if other:
        trained_with = ", ".join(
            f"--{name} {trained[name]}, now {given.get(name)}" for name in other
        )
        raise UserError(
            f"{path} was trained with {trained_with}; pass the flags of its training, or to test "
            "it like this all the same --load_weights with its checkpoint and another --model_name"
        )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
