"""One reader under atheris, for `fuzz.py`, which starts this as a process of its own.

    python fuzz_reader.py MODULE READER FOLDER [flags of libFuzzer]

In FOLDER are `corpus`, `work` (where readers find their files) and `found`: of each fault the
smallest input, under a number, and what it is.
"""

import hashlib
import importlib
import re
import resource
import sys
import time
from pathlib import Path

import atheris
import torch  # noqa: F401 - not instrumented, which would take minutes
from torch._weights_only_unpickler import Unpickler

MOST_SECONDS = 1.0  # of the processor, for an input of some kB, under instruments
MOST_BYTES = 1 << 28  # by which an input may raise the most memory that was ever used
MOST_SPACE = 1 << 30  # addresses beyond those in use when it begins
_INSTRUMENTED = ["common", "CALF", "CALF_Calibration_GCN", "zipfile", "configparser", "xml",
                 "tomllib", "tomli", "pickletools", "csv", "json", "shlex"]  # fmt: skip

with atheris.instrument_imports(include=_INSTRUMENTED):
    from foreign.reader import Reader, fault_of, unheard
    from foreign.tree_changes import changed_tree


Unpickler.load = atheris.instrument_func(Unpickler.load)


class Trial:
    """Tries inputs on a reader, and keeps the smallest of each fault."""

    def __init__(self, reader: Reader, folder: Path) -> None:
        self.reader, self.work, self.found = reader, folder / "work", folder / "found"
        self.smallest: dict[str, int] = {}
        self.most_memory = 0

    def __call__(self, content: bytes) -> None:
        begin = time.process_time()
        fault = fault_of(self.reader, content, self.work)
        seconds = time.process_time() - begin
        memory = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if not fault and seconds > MOST_SECONDS:
            fault = f"more than {MOST_SECONDS} s"
        if not fault and self.most_memory and memory > self.most_memory + MOST_BYTES:
            fault = f"more than {MOST_BYTES >> 20} MiB"
        self.most_memory = max(memory, self.most_memory)
        if fault and len(content) < self.smallest.get(fault, 1 << 60):
            self.smallest[fault] = len(content)
            name = hashlib.sha256(fault.encode()).hexdigest()[:12]
            (self.found / name).write_bytes(content)
            (self.found / f"{name}.txt").write_text(fault)


def limit_space() -> None:
    """From now on memory is refused to what asks for gigabytes."""
    used = re.search(r"VmSize:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert used is not None
    most = 1024 * int(used[1]) + MOST_SPACE
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def main() -> None:
    """Never returns: libFuzzer ends the process."""
    module, name, folder, *flags = sys.argv[1:]
    with atheris.instrument_imports(include=_INSTRUMENTED):  # of this reader alone, as it is slow
        reader: Reader = importlib.import_module(module).READERS[name]
    place = Path(folder)
    trial = Trial(reader, place)
    seeds = place / "seeds"
    seeds.mkdir()

    def mutate(content: bytes, longest: int, seed: int) -> bytes:
        return changed_tree(content, longest, seed, atheris.Mutate)

    with unheard():
        with atheris.instrument_imports(include=_INSTRUMENTED):  # those inside functions, too
            for content in reader.seeds(seeds):
                (place / "corpus" / hashlib.sha1(content).hexdigest()).write_bytes(content)
                fault_of(reader, content, trial.work)
        limit_space()
        atheris.Setup([sys.argv[0], *flags, str(place / "corpus")], trial, custom_mutator=mutate)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
