"""What may lie on a disk after a power cut, rebuilt from the calls that a program made.

What counts as written: the content of a file when it was synced, an entry of a folder when that
folder was. Everything else may be there or not, in any combination that a file system could leave:

- of the entries (made, renamed, removed) since the folder was synced, any subset; a renaming is
  there as a whole or not at all, and never into a folder that is not there;
- of the blocks written since the file was synced, all, none, those before or behind any border,
  all but any one of them, or their length alone (zeros).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

BLOCK_BYTES = 4096
# Unsynced ones of which all subsets are built; of more, those that came first, all but one, or one.
_MOST_ENTRIES = 6

# What lies on a disk: the content of files by path, None for a folder.
State = dict[str, bytes | None]


@dataclass(eq=False)
class _File:
    """Content as synced, and writes and cuts since: (start, bytes), or (size, None)."""

    synced: bytes = b""
    since: list[tuple[int, bytes | None]] = field(default_factory=list)

    def now(self) -> bytes:
        """The content as the program sees it."""
        content = bytearray(self.synced)
        for start, data in self.since:
            if data is None:
                del content[start:]
                content.extend(bytes(start - len(content)))
            else:
                content.extend(bytes(max(0, start - len(content))))
                content[start : start + len(data)] = data
        return bytes(content)

    def torn(self) -> list[bytes]:
        """Each content that a power cut may leave, that of the program first."""
        now, then = self.now(), self.synced
        if now == then:
            return [now]
        blocks = -(-max(len(now), len(then)) // BLOCK_BYTES)
        changed = [n for n in range(blocks) if _block(now, n) != _block(then, n)]
        lost = [{n} for n in changed]
        lost += [set(changed[:n]) for n in range(2, len(changed) + 1)]
        lost += [set(changed[n:]) for n in range(1, len(changed) - 1)]
        found = [now, then, *(now[: n * BLOCK_BYTES] for n in range(1, blocks))]
        for missing in lost:
            kept = [_block(then if n in missing else now, n) for n in range(blocks)]
            padded = [each.ljust(BLOCK_BYTES, b"\0") for each in kept]
            found.append(b"".join(padded)[: len(now)])
        return list(dict.fromkeys(found))


def _block(content: bytes, number: int) -> bytes:
    return content[number * BLOCK_BYTES : (number + 1) * BLOCK_BYTES]


@dataclass(frozen=True)
class _Change:
    """Of the entries of folders: what is gone and what is there instead; a folder is no file."""

    folders: frozenset[str]
    gone: str | None = None
    there: str | None = None
    file: _File | None = None


class Disk:
    """A disk that begins as `start` and on which the calls of a record are made, one by one."""

    def __init__(self, start: State) -> None:
        self.synced: dict[str, _File | None] = {
            path: None if content is None else _File(content) for path, content in start.items()
        }
        self.now = dict(self.synced)
        self.changes: list[_Change] = []
        self._files: dict[int, _File] = {}

    def make(self, call: tuple[Any, ...]) -> None:
        """Makes one recorded call."""
        kind, *details = call
        if kind == "open":
            self._open(*details)
        elif kind == "write":
            self._files[details[0]].since.append((details[1], details[2]))
        elif kind == "truncate":
            self._files[details[0]].since.append((details[1], None))
        elif kind == "sync":
            self._sync(details[0])
        elif kind == "mkdir" and details[0] not in self.now:
            self._change(there=details[0])
        elif kind in ("remove", "rmdir") and details[0] in self.now:
            self._change(gone=details[0])
        elif kind == "rename" and details[0] in self.now:
            self._change(gone=details[0], there=details[1], file=self.now[details[0]])

    def _open(self, number: int, path: str, cuts: bool) -> None:
        if path not in self.now:
            self._change(there=path, file=_File())
        file = self.now[path]
        assert file is not None
        self._files[number] = file
        if cuts and file.now():
            file.since.append((0, None))

    def _sync(self, path: str) -> None:
        file = self.now.get(path)
        if file is not None:
            file.synced, file.since = file.now(), []
            return
        for change in [each for each in self.changes if path in each.folders]:
            _apply(change, self.synced)
            self.changes.remove(change)

    def _change(
        self, gone: str | None = None, there: str | None = None, file: _File | None = None
    ) -> None:
        folders = frozenset(str(Path(path).parent) for path in (gone, there) if path)
        change = _Change(folders, gone, there, file)
        self.changes.append(change)
        _apply(change, self.now)

    def states(self) -> Iterator[State]:
        """All that a power cut may leave now."""
        for chosen in _subsets(self.changes):
            entries = dict(self.synced)
            if not all(_is_possible(change, entries, self.synced) for change in chosen):
                continue
            for path in [path for path in entries if not _is_reached(path, entries)]:
                del entries[path]
            yield from _contents(entries)


def _subsets(changes: list[_Change]) -> Iterator[tuple[_Change, ...]]:
    if len(changes) > _MOST_ENTRIES:
        yield from (tuple(changes[:number]) for number in range(len(changes) + 1))
        yield from ((*changes[:n], *changes[n + 1 :]) for n in range(len(changes)))
        yield from ((change,) for change in changes)
        return
    for number in range(len(changes) + 1):
        yield from combinations(changes, number)


def _apply(change: _Change, entries: dict[str, _File | None]) -> None:
    if change.gone is not None:
        entries.pop(change.gone, None)
        # A folder of this name that is made later is another one: what was inside goes with it.
        for path in [path for path in entries if path.startswith(f"{change.gone}/")]:
            inside = entries.pop(path)
            if change.there is not None:
                entries[change.there + path.removeprefix(change.gone)] = inside
    if change.there is not None:
        entries[change.there] = change.file


def _is_possible(
    change: _Change, entries: dict[str, _File | None], synced: dict[str, _File | None]
) -> bool:
    """Applies a change; False if it moves what was written into a folder that is not there."""
    moved = change.there is not None and change.gone in synced
    if moved and str(Path(str(change.there)).parent) not in entries:
        return False
    _apply(change, entries)
    return True


def _is_reached(path: str, entries: dict[str, _File | None]) -> bool:
    """Whether all folders above a path are there, as far as it began in one that we know."""
    above = [str(each) for each in Path(path).parents]
    known = [each for each in above if each in entries]
    top = min((each for each in entries), key=len)
    needed = [each for each in above if len(each) >= len(top)]
    return len(known) == len(needed)


def _contents(entries: dict[str, _File | None]) -> Iterator[State]:
    """One file torn in each way, with the others as the program sees them, or as synced."""
    for others in (_File.now, lambda file: file.synced):
        state = {path: file if file is None else others(file) for path, file in entries.items()}
        yield state
        for path, file in entries.items():
            if file is not None and file.since and not path.endswith(".log"):
                for content in file.torn():
                    yield {**state, path: content}


def states_of(record: Iterable[tuple[Any, ...]], start: State) -> Iterator[tuple[int, State]]:
    """Each state that a power cut may leave before, between and behind the calls of a record."""
    disk = Disk(start)
    yield from ((0, state) for state in disk.states())
    for number, call in enumerate(record, 1):
        disk.make(call)
        yield from ((number, state) for state in disk.states())


def read_state(folder: Path) -> State:
    """What lies in a folder now, itself included."""
    state: State = {str(folder): None}
    for path in folder.rglob("*"):
        state[str(path)] = path.read_bytes() if path.is_file() else None
    return state


def write_state(state: State, folder: Path, target: Path) -> None:
    """Puts a state of `folder` into the new folder `target`."""
    target.mkdir(parents=True)
    for path in sorted(state):
        place = target / Path(path).relative_to(folder)
        content = state[path]
        if content is None:
            place.mkdir(exist_ok=True)
        else:
            place.write_bytes(content)
