"""Files of thousands of entries: each reader needs time and memory as their length.

    PYTHONPATH=.:tests python tests/long/growth.py [--reader NAME ...]

Of what a reader's seeds repeat (the entries of each list and object of JSON, lines, elements of
XML, members of archives) there are first 500, then 4,000: once all alike, once all different.
Eight times as many may take 32 times as long; a quadratic step takes 64 times as long.
"""

import argparse
import json
import os
import pickle
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foreign.reader import fault_of, unheard
from foreign.readers import READERS
from foreign.recipes import BETWEEN
from tqdm import tqdm

FEW, TIMES = 500, 8
MOST_TIMES = 32
SHORT = 1.0  # seconds that nothing is said of
PER_BYTE, ALWAYS = 300, 96 << 20  # bytes of memory for a byte of the file, and beside that
_SECONDS = 120  # of the processor, after which a reader is given up

Grow = Callable[[int, bool], bytes]  # how many entries, and whether all differ


@dataclass(frozen=True)
class Need:
    """What a reader needed for an input."""

    seconds: float
    memory: int
    fault: str


def ways_to_grow(content: bytes) -> Iterator[tuple[str, Grow]]:
    """Each way in which a content can become longer, with its name."""
    parts = content.split(BETWEEN)
    for number, part in enumerate(parts):
        try:
            tree = json.loads(part)
        except ValueError:
            continue
        for path in _places(tree):
            yield "/".join(map(str, path)) or ".", _of_tree(parts, number, tree, path)
    if len(parts) > 1:
        yield "parts", lambda count, differ: BETWEEN.join(
            part if n < 1 or not differ or place % 2 else part + b"%04d" % n
            for n in range(count) for place, part in enumerate(parts[:2])
        )  # fmt: skip
    for name, unit in (
        ("element", rb"(?s)<instance>.*?</instance>\s*"), ("last line", rb"\n[^\n{}<>]+\n?\Z"),
        ("row", rb"(?s)\[\[.*\Z"), ("section", rb"(?s)\[\w+\.mkv\].*\Z"),
    ):  # fmt: skip
        if (found := re.search(unit, content)) and len(parts) == 1:
            yield name, _of_unit(content, found.start(), found.end())


def _of_unit(content: bytes, start: int, end: int) -> Grow:
    unit = content[start:end]

    def numbered(number: int) -> bytes:
        return re.sub(rb"\d+", lambda found: str(int(found[0]) + number).encode(), unit)

    def grow(count: int, differ: bool) -> bytes:
        units = (numbered(n if differ else 0) for n in range(count))
        return content[:start] + b"".join(units) + content[end:]

    return grow


def _places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to all lists and objects that hold something; of the entries of a list to the first."""
    items = enumerate(tree) if isinstance(tree, list) else getattr(tree, "items", tuple)()
    pairs = list(items)
    if pairs:
        yield path
    for key, value in pairs[:1] if isinstance(tree, list) else pairs:
        yield from _places(value, (*path, key))


def _of_tree(parts: list[bytes], number: int, tree: Any, path: tuple[Any, ...]) -> Grow:
    def grow(count: int, differ: bool) -> bytes:
        new = json.loads(json.dumps(tree))
        holder = new
        for key in path:
            holder = holder[key]
        entry = holder[0] if isinstance(holder, list) else next(iter(holder.values()))
        if isinstance(holder, list):
            holder += [_numbered(entry, n) if differ else entry for n in range(count)]
        else:
            name = next(iter(holder))
            holder |= {f"{name}{n}": _numbered(entry, n) if differ else entry for n in range(count)}
        grown = [*parts]
        grown[number] = json.dumps(new).encode()
        return BETWEEN.join(grown)

    return grow


def _numbered(value: Any, number: int) -> Any:
    """A value like this one that differs for each number; what has few values stays."""
    if isinstance(value, dict):
        return {key: _numbered(each, number) for key, each in value.items()}
    if isinstance(value, list):
        return [_numbered(each, number) for each in value]
    if isinstance(value, str) and value.isdecimal() and int(value) > 2:
        return str(int(value) + number)
    if isinstance(value, str) and "/" in value:
        return f"{value}{number}"
    if type(value) is int and value > 2:
        return value + number
    return value


def need_of(name: str, content: bytes) -> Need:
    """What a reader needs, in a process of its own."""
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryDirectory() as folder:
        child = os.fork()
        if child == 0:
            try:
                resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
                before, begin = _memory(), time.process_time()
                with unheard():
                    fault = fault_of(READERS[name], content, Path(folder))
                answer.write(pickle.dumps((time.process_time() - begin, _memory() - before, fault)))
                answer.flush()
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        answer.seek(0)
        found = answer.read()
        if not found:
            return Need(_SECONDS, 0, f"ended by signal {status & 127}")
        return Need(*pickle.loads(found))


def _memory() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def fault_in_growth(name: str, grow: Grow, differ: bool) -> str:
    """What is wrong about how a reader's needs grow; empty if nothing."""
    few, many = grow(FEW, differ), grow(TIMES * FEW, differ)
    need = need_of(name, many)
    if need.fault:
        return need.fault
    if need.memory > ALWAYS + PER_BYTE * len(many):
        return f"{need.memory >> 20} MiB for {len(many)} bytes"
    if need.seconds < SHORT:
        return ""
    less = need_of(name, few).seconds
    more = min(need.seconds, need_of(name, many).seconds)
    if more > MOST_TIMES * less:
        return f"{less:.2f} s for {len(few)} bytes, {more:.1f} s for {len(many)}"
    return ""


def main() -> int:
    """Tries all ways of all readers; returns 1 if one grows otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reader", nargs="+", choices=READERS, default=[*READERS], metavar="NAME")
    args = parser.parse_args()
    tried, wrong = 0, []
    for name in tqdm(args.reader, unit="reader", leave=False, disable=None):
        with tempfile.TemporaryDirectory() as folder:
            seeds = [*READERS[name].seeds(Path(folder))]
        for content in seeds:
            for way, grow in ways_to_grow(content):
                for differ in (False, True):
                    tried += 1
                    if fault := fault_in_growth(name, grow, differ):
                        what = "different" if differ else "alike"
                        wrong.append(f"{name}, {way}, {what}: {fault}")
                        print(wrong[-1], file=sys.stderr, flush=True)
    print(f"growth: {tried} files of {TIMES * FEW} entries; {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
