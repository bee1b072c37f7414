"""Files that are either whole or absent: write beside, fsync, rename."""

import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from common.errors import UserError


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`; moves it there only if the block ends well.

    Whatever stops the block (an exception, a full disk, a killed process), `path` keeps its old
    content or stays absent. Parent folders are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Writes `content` to `path`, wholly or not at all."""
    with written_whole(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as indented JSON, wholly or not at all; numpy arrays become lists."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    write_bytes(path, orjson.dumps(value, option=options) + b"\n")


_OTHER_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def read_bytes(path: Path) -> bytes:
    """Content of a file. FileNotFoundError where nothing is.

    Raises UserError for what is no file: reading a pipe or a device may never end.
    """
    mode = path.stat().st_mode
    if kind := next((name for is_kind, name in _OTHER_KINDS if is_kind(mode)), None):
        raise UserError(f"expected a file at {path}, found {kind}; put the file itself there")
    return path.read_bytes()


def read_json(path: Path) -> Any:
    """Parsed content of a JSON file. Raises UserError when it is missing or is not JSON."""
    try:
        content = read_bytes(path)
    except FileNotFoundError:
        raise UserError(f"expected a JSON file, found nothing at {path}") from None
    return parse_json(content, str(path))


def parse_json(content: bytes, source: str, lenient: bool = False) -> Any:
    """Parsed `content`; `source` names it in the error.

    Args:
        lenient: read what Python's own reader does, too, such as NaN, Infinity and 1e400.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        if lenient:
            try:
                return json.loads(content.decode())
            except (ValueError, RecursionError):
                pass  # the other reader's complaint is as good
        raise UserError(f"{source} is not valid JSON ({error}); fetch or write it again") from None


def _sync_folder(folder: Path) -> None:
    """Makes the rename itself survive a power cut, where the system lets folders be synced."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
