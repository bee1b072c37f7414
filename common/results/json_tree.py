"""Label and result files of many games, in a folder or in a zip."""

import bz2
import copy
import lzma
import os
import struct
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from common.data.games import check_relative_path
from common.errors import UserError
from common.files import read_bytes

# What a file in a zip may unpack to: a hundred times the largest that was published.
MOST_UNPACKED_BYTES = 1 << 28
_BLOCK_BYTES = 1 << 12  # read at a time: of some compressions a block becomes a thousand
_SAYS_UTF8 = 0x800  # the flag of a member whose name is declared to be UTF-8
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, RuntimeError, EOFError,
    ValueError, OverflowError, MemoryError,
)  # fmt: skip


class JsonTree:
    """Files below a folder or inside a zip, read by name: {game}/{file}.

    Nothing is unpacked. Links are followed. A zip whose member names would leave a folder is
    refused. A name that is there in another Unicode form (é as one letter or as two) is found, and
    so is one in UTF-8 that the zip does not declare to be.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._archive: zipfile.ZipFile | None = None
        self._members: list[tuple[str, zipfile.ZipInfo]] = []
        self._member: dict[str, zipfile.ZipInfo] = {}
        if root.is_file():
            self._archive = _open_zip(root)
            self._members = [(_name(info), info) for info in self._archive.infolist()]
            self._member = dict(self._members)
            for name in self._member:
                check_relative_path(name.rstrip("/"), str(root))
        elif not root.is_dir():
            raise UserError(f"expected a folder or a zip file at {root}, found neither")

    def files(self) -> list[str]:
        """Paths of all files, relative to the root, with forward slashes; in a zip as they come."""
        if self._archive is not None:
            return [name for name, _ in self._members if not name.endswith("/")]
        return sorted(_files_below(self.root))

    def stored_name(self, name: str) -> str:
        """A file's path as the zip says, whose names may be UTF-8 without being declared so."""
        return name if self._archive is None else self._member[name].filename

    def names(self) -> list[str]:
        """Those of JSON files."""
        found = (name for name in self.files() if name.endswith(".json"))
        # The downloader keeps JSON of its own in .cache; of each file macOS packs a shadow ._name.
        return [
            name
            for name in found
            if not (name.startswith(".cache/") or name.rpartition("/")[2].startswith("._"))
        ]

    def require_one_of_each(self, names: Iterable[str]) -> None:
        """Raises UserError if a zip holds one of these files twice: which counts is a guess."""
        number = Counter(name for name, _ in self._members)
        if twice := next((name for name in names if number[self._find(name) or name] > 1), None):
            raise UserError(f"{self.root} holds {twice} twice; pack it anew with one of each")

    def __contains__(self, name: str) -> bool:
        return self._find(name) is not None

    def _find(self, name: str) -> str | None:
        """`name` as it is spelled here, None if it is not here."""
        spellings = [name]
        if not name.isascii():
            spellings += [unicodedata.normalize(form, name) for form in ("NFC", "NFD")]
        return next((spelling for spelling in spellings if self._has(spelling)), None)

    def _has(self, name: str) -> bool:
        if self._archive is not None:
            return name in self._member
        return (self.root / name).exists()

    def read(self, name: str) -> bytes:
        """Content of one file. Raises UserError if it is missing, damaged, or no file."""
        found = self._find(name)
        if found is None:
            raise UserError(f"expected {name} in {self.root}, found no such file")
        if self._archive is None:
            return read_bytes(self.root / found)
        try:
            return _unpacked(self._archive, self._member[found], name)
        except (*_DAMAGED, OSError) as error:
            if isinstance(error, UserError):
                raise
            raise UserError(
                f"{name} in {self.root} cannot be unpacked ({error or type(error).__name__}); "
                "pack it anew, with the compression deflate"
            ) from None


def _files_below(folder: Path) -> Iterator[str]:
    """Paths of files below a folder, relative to it; links are followed, but not in circles."""
    above: dict[Path, tuple[str, ...]] = {folder: (os.path.realpath(folder),)}
    for name, folders, files in os.walk(folder, followlinks=True):
        here = Path(name)
        ancestors = above.pop(here)
        yield from ((here / file).relative_to(folder).as_posix() for file in files)
        real = {each: os.path.realpath(here / each) for each in folders}
        folders[:] = [each for each in folders if real[each] not in ancestors]
        above |= {here / each: (*ancestors, real[each]) for each in folders}


def _name(info: zipfile.ZipInfo) -> str:
    """A member's name: many tools write UTF-8 without the flag that says so."""
    if info.flag_bits & _SAYS_UTF8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode()
    except ValueError:
        return info.filename


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> bytes:
    """A member's content. Raises UserError before more is unpacked than a result file can be."""
    content = bytearray()
    if info.file_size <= MOST_UNPACKED_BYTES:
        for block in _blocks(archive, info):
            content += block
            # The size that the archive states may be false.
            if len(content) > MOST_UNPACKED_BYTES:
                break
        else:
            return bytes(content)
    raise UserError(
        f"{name} in {archive.filename} unpacks to more than {MOST_UNPACKED_BYTES >> 20} MiB, which "
        "no result or label file does; fetch or pack the archive again"
    )


def _blocks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """A member's content, a small block at a time."""
    if info.compress_type == zipfile.ZIP_BZIP2:
        yield from _bzip2_blocks(archive, info)
        return
    with archive.open(info) as member:
        while block := member.read(_BLOCK_BYTES):
            yield block


def _bzip2_blocks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """As `_blocks`: zipfile would unpack 4 KiB of input at once, of bzip2 gigabytes."""
    packed = copy.copy(info)
    packed.compress_type, packed.file_size = zipfile.ZIP_STORED, info.compress_size
    del packed.CRC  # which is of the content
    with archive.open(packed) as member:
        data = member.read()
    decompressor, checksum = bz2.BZ2Decompressor(), 0
    while not decompressor.eof and (block := decompressor.decompress(data, _BLOCK_BYTES)):
        data, checksum = b"", zlib.crc32(block, checksum)
        yield block
    if not decompressor.eof or checksum != info.CRC:
        raise zipfile.BadZipFile(f"bad content or CRC-32 of {info.filename!r}")


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} holds a file name that is not UTF-8, although it says so ({error}); rename "
            "the file and pack it again"
        ) from None
    except _DAMAGED as error:
        raise UserError(f"{path} is no whole zip file ({error}); write it again") from None


def folder_above(name: str, wanted: Container[str]) -> str | None:
    """What stands before a wanted path in `name`: "" if nothing, None if `name` is not wanted."""
    starts = [0, *(i + 1 for i, character in enumerate(name) if character == "/")]
    return next((name[:i] for i in starts if name[i:] in wanted), None)


def top_folder_advice(folder: str, root: Path) -> str:
    """What to do about games that lie in a folder of a zip or a folder, in a sentence."""
    otherwise = "use common.results.predictions.write_zip"
    if root.is_dir():
        otherwise = f"pass {root / folder}"
    return (
        f"games lie in the folder {folder} of {root}; the league folders must be at its "
        f"root: zip from inside {folder}, or {otherwise}"
    )
