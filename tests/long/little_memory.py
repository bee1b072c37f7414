"""A training and its test under a limit of the address space, in steps up to all they need.

    PYTHONPATH=tests python tests/long/little_memory.py [--steps N]

Each must end in one sentence or do its work, never in a traceback or by a signal.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path

from small_runs import make_data, training_words, unreadable
from tqdm import tqdm

LEAST_BYTES = 256 << 20  # below it numpy does not load, which our modules begin with
SECONDS = 600  # after which a program counts as hanging


def limited(words: list[object], cwd: Path, limit: int | None) -> tuple[int, str, int]:
    """Runs Python with these words: exit code, standard error, largest address space in bytes."""
    set_limit = partial(resource.setrlimit, resource.RLIMIT_AS, (limit or -1, limit or -1))
    words = [sys.executable, "-c", _STARTER, *map(str, words)]
    done = subprocess.run(
        words, cwd=cwd, capture_output=True, text=True, preexec_fn=set_limit, timeout=SECONDS
    )
    peak = cwd / "peak"
    return done.returncode, done.stderr, int(peak.read_text()) if peak.is_file() else 0


# Starts a module as `python -m` does; without a limit it also notes what was needed.
_STARTER = """
import atexit, re, resource, runpy, sys
from pathlib import Path
def note():
    peak = re.search(r"VmPeak:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
    Path("peak").write_text(str(int(peak[1]) * 1024))
if resource.getrlimit(resource.RLIMIT_AS)[0] == -1:
    atexit.register(note)
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def is_told(code: int, complaint: str) -> bool:
    """Whether a program ended well, or in one sentence."""
    sentences = sum(line.startswith("error: ") for line in complaint.splitlines())
    return "Traceback" not in complaint and (code, sentences) in ((0, 0), (2, 1))


def main() -> int:
    """Sweeps the limit; returns 1 if it ended in another way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=50, help="limits [50]")
    args = parser.parse_args()
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder).resolve()
        data = make_data(scratch)
        words = training_words(data, "--max_epochs", 1, "--split_test", "test", "--overwrite")
        program = ["TemporallyAwarePooling.main", *words]
        code, complaint, needed = limited(program, scratch, None)
        assert code == 0, complaint
        ends: Counter[str] = Counter()
        limits = [
            LEAST_BYTES + step * (needed - LEAST_BYTES) // max(1, args.steps - 1)
            for step in range(args.steps)
        ]
        for limit in tqdm(limits, unit="limit", leave=False, disable=None):
            code, complaint, _ = limited(program, scratch, limit)
            bad = [] if is_told(code, complaint) else [f"{code}: {complaint[-1500:]}"]
            bad += unreadable(scratch / "models")
            ends["wrong" if bad else "done" if code == 0 else "ended in a sentence"] += 1
            wrong += [f"in {limit >> 20} MiB: {each}" for each in bad]
        counts = ", ".join(f"{number} {what}" for what, number in ends.items())
        print(f"train and test: {args.steps} limits up to {needed >> 20} MiB: {counts}; "
              f"{len(wrong)} wrong", flush=True)  # fmt: skip
    print(*wrong, sep="\n", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
