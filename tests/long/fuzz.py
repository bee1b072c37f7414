"""Each reader of foreign bytes, on inputs that a fuzzer makes by what code they reach (atheris).

    PYTHONPATH=.:tests python tests/long/fuzz.py [--seconds N] [--reader NAME ...] [--keep]

Nothing but a UserError may leave a reader; an input of some kB may take a second and 256 MiB at
most. Each reader runs in a process of its own, with a limit of its addresses.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from foreign.corpus import corpus_of, keep
from foreign.reader import fault_of, outcome_of, unheard
from foreign.readers import READERS, module_of

LONGEST = 16384  # bytes of an input
HANGS = 60  # seconds, after which an input is given up
_TRIES = 400  # to make a finding smaller


@dataclass
class Tried:
    """What came of a reader: counts of libFuzzer, and faults with the smallest input of each."""

    runs: int
    corpus: int
    edges: int
    seconds: int
    wrong: dict[str, bytes]


def fuzz(name: str, seconds: int, place: Path) -> Tried:
    """Fuzzes a reader in a process of its own, for so many seconds, in an empty folder."""
    for part in ("corpus", "work", "found"):
        (place / part).mkdir(parents=True)
    for number, content in enumerate(corpus_of(name)):
        (place / "corpus" / f"kept_{number}").write_bytes(content)
    flags = [
        f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-timeout={HANGS}",
        f"-artifact_prefix={place}/found/", "-rss_limit_mb=0",
    ]  # fmt: skip
    if words := READERS[name].words:
        (place / "words").write_text("".join(f'"{_quoted(word)}"\n' for word in words))
        flags.append(f"-dict={place}/words")
    script = Path(__file__).with_name("fuzz_reader.py")
    done = subprocess.run(
        [sys.executable, script, module_of(name), name, place, *flags],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        errors="replace",
    )
    counts = re.findall(r"cov: (\d+) ft: \d+ corp: (\d+)", done.stderr)
    ran = re.search(r"Done (\d+) runs in (\d+) second", done.stderr)
    if not counts or (done.returncode and not list((place / "found").iterdir())):
        raise RuntimeError(f"{name}: atheris ended with {done.returncode}:\n{done.stderr[-3000:]}")
    runs = int(ran[1]) if ran else max(map(int, re.findall(r"#(\d+)", done.stderr)))
    edges, corpus = counts[-1]
    return Tried(
        runs, int(corpus), int(edges), int(ran[2]) if ran else seconds, _faults(name, place)
    )


def _quoted(word: str) -> str:
    """As dictionaries of libFuzzer have bytes."""
    return "".join(f"\\x{byte:02x}" for byte in word.encode("latin-1", "replace"))


def _faults(name: str, place: Path) -> dict[str, bytes]:
    """What was found, each with an input made smaller; what ends processes stays as it is."""
    wrong = {}
    for path in sorted((place / "found").iterdir()):
        note = path.with_suffix(".txt")
        if path.suffix == ".txt":
            continue
        if not note.is_file():  # libFuzzer's own: crash-…, timeout-…, oom-…
            wrong[path.name.partition("-")[0]] = path.read_bytes()
            continue
        fault = note.read_text()
        wrong[fault] = _smaller(name, path.read_bytes(), fault, place / "work")
    return wrong


def _smaller(name: str, content: bytes, fault: str, work: Path) -> bytes:
    """Takes away pieces, halves first, as long as the fault stays."""
    size, tries = len(content) // 2, 0
    while size and tries < _TRIES and not fault.startswith("more than"):
        start = 0
        while start < len(content) and tries < _TRIES:
            without = content[:start] + content[start + size :]
            tries += 1
            if fault_of(READERS[name], without, work) == fault:
                content = without
            else:
                start += size
        size //= 2
    return content


def _different(name: str, place: Path) -> list[bytes]:
    """Of the inputs that reached new lines the smallest of each outcome."""
    smallest: dict[str, bytes] = {}
    inputs = [path.read_bytes() for path in (place / "corpus").iterdir()]
    for content in sorted(inputs, key=len):
        smallest.setdefault(outcome_of(READERS[name], content, place / "work"), content)
    return [*smallest.values()]


def main() -> int:
    """Fuzzes the readers and prints a table; returns 1 if something else than a sentence came."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=100, help="for each reader [100]")
    parser.add_argument("--reader", nargs="+", choices=READERS, default=[*READERS], metavar="NAME",
                        help=f"only these, of: {', '.join(READERS)}")  # fmt: skip
    parser.add_argument("--keep", action="store_true",
                        help="put the smallest inputs of each reader, and all that broke it, "
                        "into tests/fuzzed")  # fmt: skip
    args = parser.parse_args()
    if find_spec("atheris") is None:
        print("fuzz: needs atheris: pip install -r requirements-proof.txt (Linux on x86-64, Python "
              "from 3.11 on)", file=sys.stderr)  # fmt: skip
        return 1
    faults = 0
    print("| reader | seconds | inputs | kept | edges | wrong |\n|---|---|---|---|---|---|")
    for name in args.reader:
        with unheard(), tempfile.TemporaryDirectory(dir=_memory()) as folder:
            place = Path(folder)
            tried = fuzz(name, args.seconds, place)
            if args.keep:
                keep(name, _different(name, place), tried.wrong)
        print(f"| {name} | {tried.seconds} | {tried.runs:,} | {tried.corpus} | {tried.edges} | "
              f"{len(tried.wrong)} |", flush=True)  # fmt: skip
        for fault, content in tried.wrong.items():
            print(f"{name}: {fault}: {content[:300]!r}", file=sys.stderr, flush=True)
        faults += len(tried.wrong)
    print(f"{len(args.reader)} readers; {faults} wrong")
    return 1 if faults else 0


def _memory() -> str | None:
    """A folder in memory, where there is one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


if __name__ == "__main__":
    sys.exit(main())
