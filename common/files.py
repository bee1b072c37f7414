"""Files that are either whole or absent: write beside, fsync, rename. Folders that are in use."""

import codecs
import errno
import json
import os
import secrets
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import IO, Any, BinaryIO

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
    codecs.BOM_UTF16_LE: "text in UTF-16: save it as UTF-8",
    codecs.BOM_UTF16_BE: "text in UTF-16: save it as UTF-8",
}
LOCK_FILE = ".lock"  # in a folder that a process works in: its number and its machine
_PART_OF_NAME = 160  # bytes; a file's name has at most 255, and beginnings and endings need some
_FAR = 1 << 30  # where Windows locks a byte: those before it stay readable
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`; moves it there only if the block ends well.

    Whatever stops the block (an exception, a full disk, a killed process), `path` keeps its old
    content or stays absent. Parent folders are made. Raises UserError if a folder has this name.
    """
    if path.is_dir():
        raise UserError(f"expected the name of a file to write, found the folder {path}")
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Makes a folder, and those above it, that survive a power cut as the files in them do."""
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in made:
        sync_folder(each.parent)


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
        found = "a link that leads nowhere" if path.is_symlink() else "no such file"
        raise UserError(f"expected {expected} at {path}, found {found}") from None
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


def _other_encoding(content: bytes) -> str:
    """What tells that a text is not in UTF-8; empty if it is."""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return f"byte {error.start} is not UTF-8: save it as UTF-8"
    return ""


def read_json(path: Path) -> Any:
    """Parsed content of a JSON file. Raises UserError when it is missing or is not JSON."""
    return parse_json(read_whole(path, "a JSON file"), str(path))


def parse_json(content: bytes, source: str, lenient: bool = False) -> Any:
    """Parsed `content`, with or without a byte order mark; `source` names it in the error.

    Args:
        lenient: read what Python's own reader does, too, such as NaN, Infinity and 1e400.
    """
    try:
        return orjson.loads(content.removeprefix(codecs.BOM_UTF8))
    except orjson.JSONDecodeError as error:
        if lenient:
            try:
                return json.loads(content.decode())
            except (ValueError, RecursionError):
                pass  # the other reader's complaint is as good
        found = _known_kind(content[:_HEAD_BYTES]) or _other_encoding(content) or error
        raise UserError(f"{source} is not valid JSON ({found}); fetch or write it again") from None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Has the folder alone inside the block; makes it if it is not there.

    The lock ends with the process, however that ends. Raises UserError naming who has it.
    """
    make_folder(folder)
    path = folder / LOCK_FILE
    while True:
        file = path.open("a+b")
        taken = take_lock(file)
        if taken is None:  # no system for it: the file itself is the lock
            taken = not _is_held_by_another(_holder(file))
        if not taken:
            process, host = _holder(file)
            file.close()
            raise UserError(
                f"{folder} is in use by process {process} on {host}; wait until that has ended, "
                "or choose another folder (of a run: another --model_name)"
            )
        if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            break
        file.close()  # its holder has just gone, and the file with it
    try:
        file.truncate(0)
        file.write(f"{os.getpid()} {socket.gethostname()}\n".encode())
        file.flush()
        yield
    finally:
        with suppress(OSError):  # Windows removes no open file; what stays is no lock
            path.unlink()
        file.close()


def take_lock(file: IO[bytes]) -> bool | None:
    """Locks an open file until it is closed; whether it could be: False while another has it.

    None where there are no locks: on this system, or on this file system. With fcntl (Linux, macOS)
    the lock passes on to programs that inherit the file, and lasts as long as any of them;
    elsewhere it is this process's.
    """
    try:
        if fcntl := _module("fcntl"):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        elif msvcrt := _module("msvcrt"):
            file.seek(_FAR)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            return None
    except OSError as error:
        return None if error.errno in _NO_LOCKS else False
    return True


def _module(name: str) -> ModuleType | None:
    try:
        return import_module(name)
    except ImportError:
        return None


def _holder(file: IO[bytes]) -> tuple[str, str]:
    """Process and machine that a lock file names."""
    file.seek(0)
    words = file.read(400).decode("utf-8", "replace").split()
    return (words[0], words[1]) if len(words) == 2 else ("?", "an unknown machine")


def _is_held_by_another(holder: tuple[str, str]) -> bool:
    """Whether a process that a lock file names is alive, as far as can be told from here."""
    process, host = holder
    if host != socket.gethostname() or not process.isdecimal() or sys.platform == "win32":
        return False
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        return True
    return True


def sync_folder(folder: Path) -> None:
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


def shortened(name: str, letters: int) -> str:
    """The beginning of a name, of so many letters at most, and short enough for a part of a file's.

    Systems count bytes, of which a letter may need four.
    """
    return name[:letters].encode()[:_PART_OF_NAME].decode(errors="ignore")


def as_named(path: Path) -> Path:
    """The absolute path, without dots; unlike `resolve` links in it stay what they are called."""
    return Path(os.path.abspath(path))  # noqa: PTH100
