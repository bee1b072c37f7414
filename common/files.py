"""Files that are either whole or absent: write beside, fsync, rename."""

import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from common.errors import UserError

_HEAD_BYTES = 512
_KINDS = {  # how files begin, in lower case
    b"version https://git-lfs": "a pointer of Git LFS: run git lfs pull where it came from",
    b"<!doctype": "a web page, of a login or an error as a rule",
    b"<html": "a web page, of a login or an error as a rule",
    b"<?xml": "an XML page, of an error as a rule",
    b"pk\x03\x04": "a zip or .npz archive",
    b"\x1f\x8b": "a gzip archive",
    b"\x89hdf": "an HDF5 file",
    b"\x80": "a pickle or a file of torch.save",
}


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
    """Content of a file. FileNotFoundError where nothing is; else raises as `open_file`."""
    path.stat()
    return read_whole(path, "a file")


def open_file(path: Path, expected: str) -> BinaryIO:
    """Opens a file for reading. What is none (a folder, a pipe, a device) is never waited for.

    Args:
        expected: what it should be, for the error.

    Raises:
        UserError: nothing is there, or no file.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"expected {expected} at {path}, found no such file") from None
    if kind := next((name for is_kind, name in _OTHER_KINDS if is_kind(mode)), None):
        raise UserError(f"expected {expected} at {path}, found {kind}; give the path of a file")
    return path.open("rb")


def read_whole(path: Path, expected: str) -> bytes:
    """Content of a file. Raises UserError as `open_file`."""
    with open_file(path, expected) as file:
        return file.read()


def kind_of_content(head: bytes) -> str:
    """What a file is that begins with these bytes, in words."""
    if found := _known_kind(head):
        return found
    text = head.decode(errors="ignore")  # a letter may be cut
    readable = len(text.encode()) > len(head) - 4
    if readable and all(c.isprintable() or c.isspace() for c in text):
        return f"text that begins with {text.strip()[:40]!r}"
    return "something else"


def _known_kind(head: bytes) -> str:
    if not head:
        return "an empty file"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return next((kind for begins, kind in _KINDS.items() if start.startswith(begins)), "")


def read_json(path: Path) -> Any:
    """Parsed content of a JSON file. Raises UserError when it is missing or is not JSON."""
    return parse_json(read_whole(path, "a JSON file"), str(path))


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
        found = _known_kind(content[:_HEAD_BYTES]) or error
        raise UserError(f"{source} is not valid JSON ({found}); fetch or write it again") from None


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
