"""Each state in which a power cut may leave a disk, rebuilt; and what programs make of it.

    PYTHONPATH=tests python tests/long/every_crash.py [--every N]

Recorded are all calls of trainings (the first epoch, a further one, one that replaces a run) with
their checkpoints, records, result files and archives, and of a cache file. In each state every file
must be whole or absent, and weights of the old epoch or of the new one. From each that differs
behind the tidying that a program begins with, the command that goes on must end with the bits of a
run that was never disturbed.
"""

import argparse
import hashlib
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from children import run_in_child
from crash_states import State, read_state, states_of, write_state
from every_call_fails import Sweep, Trial
from small_runs import RUN, bits, make_data, training_words, unreadable
from tqdm import tqdm
from watched_disk import WatchedDisk

from common.calibration.sealed_arrays import map_sealed, write_sealed
from common.training.checkpoints import BEST_FILE, LAST_FILE
from common.training.run_folder import tidy_folder
from TemporallyAwarePooling.main import main as train

_PASSING = (".log", ".tmp", ".lock")  # names that no program reads the content of


class Crashes:
    """All states of a program, and what is wrong with some."""

    def __init__(self, trial: Trial, scratch: Path) -> None:
        self.trial, self.sweep, self.scratch = trial, Sweep(trial, scratch), scratch
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._seen: set[str] = set()
        self.olds = bits(trial.start) if trial.start else {}
        self.folder = self.sweep.fresh()
        self.start = read_state(self.folder)
        ended = run_in_child(trial.main, trial.words, self.folder, self._recorder)
        assert ended.code == 0, ended.complaint
        self.record, self.expected = ended.watched.record, bits(self.folder)

    def _recorder(self) -> WatchedDisk:
        disk = WatchedDisk(self.scratch, recording=True)
        disk.install()
        return disk

    def different(self) -> Iterator[tuple[int, State]]:
        """The states with the number of calls before them; each once, and again at the end."""
        seen = set()
        for call, state in states_of(self.record, self.start):
            digest = _digest(state)
            if digest not in seen or call == len(self.record):  # at the end nothing may be lost
                seen.add(digest)
                yield call, state

    def look(self, call: int, state: State) -> None:
        """Looks at one state; goes on from it if it is of a new kind."""
        above = Path(tempfile.mkdtemp(prefix="crash_", dir=self.scratch))
        folder = above / "work"
        write_state(state, self.folder, folder)
        self.counts["looked at"] += 1
        what, before = f"{self.trial.name}, after {call} calls, in {folder}", len(self.wrong)
        if bad := unreadable(folder):
            self.wrong.append(f"{what}: {bad}")
        run = folder / "models" / RUN
        tidied = above / "tidied"
        shutil.copytree(folder, tidied)
        if run.is_dir():
            tidy_folder(tidied / "models" / RUN)
        now = bits(tidied)
        self._check_epochs(what, now, call)
        kind = _digest({str(p.relative_to(tidied)): p.read_bytes() if p.is_file() else None
                        for p in tidied.rglob("*")}, exact=False)  # fmt: skip
        if kind not in self._seen:
            self._seen.add(kind)
            self._go_on(what, folder)
        if len(self.wrong) == before:
            shutil.rmtree(above)

    def _check_epochs(self, what: str, now: dict[str, str], call: int) -> None:
        """Both checkpoints are of the old state or of the new one, and none is lost."""
        last, best = (f"models/{RUN}/{name}" for name in (LAST_FILE, BEST_FILE))
        found = now.get(last), now.get(best)
        old, new = ((b.get(last), b.get(best)) for b in (self.olds, self.expected))
        if found not in (old, new, (new[0], old[1])):
            self.wrong.append(f"{what}: checkpoints neither old nor new: {found}")
        elif found == (new[0], old[1]) and old[1] != new[1]:
            self.wrong.append(f"{what}: the last weights without the best")
        elif call == len(self.record) and found != new:
            self.wrong.append(f"{what}: it had ended, and its checkpoints are lost")
        elif self._has_old_results(now, best, old[1]):
            self.wrong.append(f"{what}: new weights beside results of the old")
        else:
            self.counts["new" if found == new else "old"] += 1

    def _has_old_results(self, now: dict[str, str], best: str, old: str | None) -> bool:
        """Whether other weights than the old have come, and results of the old are left."""
        if old is None or now.get(best) == old:
            return False
        results = [name for name in now if Path(name).name.startswith("results_")]
        return any(now[name] == self.olds.get(name) != self.expected[name] for name in results)

    def _go_on(self, what: str, folder: Path) -> None:
        self.counts["gone on from"] += 1
        ended = run_in_child(self.trial.main, self.trial.ending(folder), folder)
        if not ended.is_told:
            self.wrong.append(f"{what}: {ended.code} {ended.complaint[-1500:]}")
        elif ended.code:
            self.counts["refused"] += 1
            self.wrong.append(f"{what}: refused: {ended.complaint}")
        elif bits(folder) != self.expected:
            self.wrong.append(f"{what}: ends with other bits")


def _digest(state: State, exact: bool = True) -> str:
    """Of names and contents; if not `exact`, without what no program reads the content of."""
    digest = hashlib.sha256()
    for path, content in sorted(state.items()):
        name = Path(path).name
        if not exact and (name.endswith(_PASSING) or "events." in name):
            continue
        digest.update(f"{path} {None if content is None else len(content)}".encode())
        digest.update(content or b"")
    return digest.hexdigest()


def cache_file(scratch: Path, wrong: list[str]) -> int:
    """Each state of a cache file that is written anew: the old arrays, the new, or none."""
    folder = Path(tempfile.mkdtemp(prefix="cache_", dir=scratch))
    path = folder / "cache.bin"
    old, new = ({"a": np.arange(number, dtype=np.float64)} for number in (3000, 4000))
    write_sealed(path, old, {"of": "old"})
    start = read_state(folder)

    def write(words: list[str]) -> None:
        write_sealed(path, new, {"of": "new"})

    def watch() -> WatchedDisk:
        disk = WatchedDisk(scratch, recording=True)
        disk.install()
        return disk

    ended = run_in_child(write, [], folder, watch)
    number = 0
    for call, state in states_of(ended.watched.record, start):
        target = folder.with_name(f"{folder.name}_{number}")
        write_state(state, folder, target)
        number += 1
        found = map_sealed(target / path.name)
        known = {"old": old, "new": new}.get(str(found[1]["of"])) if found else None
        if found is None or known is None or not np.array_equal(found[0]["a"], known["a"]):
            wrong.append(f"cache file, after {call} calls: {found}")
        shutil.rmtree(target)
    return number


def trials(scratch: Path) -> list[Trial]:
    """The programs whose calls are recorded."""
    data = make_data(scratch)
    words = training_words(data, "--split_test", "challenge", "--max_epochs")
    fresh = Trial("train an epoch", train, [*words, 1])
    trained = Sweep(fresh, scratch).undisturbed()
    old = Sweep(Trial("train the old", train, [*words, 1, "--seed", 5]), scratch).undisturbed()
    return [
        Trial("go on", train, [*words, 2, "--resume"], trained),
        Trial("replace a run", train, [*words, 1, "--overwrite"], old),
        fresh,
    ]


def main() -> int:
    """Rebuilds all states; returns 1 if anything was not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="each N-th state only")
    parser.add_argument("--only", default="", help="part of the name of a program")
    parser.add_argument("--keep", type=Path, help="work in this folder, and leave it")
    args = parser.parse_args()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        scratch = (args.keep or Path(folder)).resolve()
        print(f"cache file: {cache_file(scratch, wrong)} states; {len(wrong)} wrong", flush=True)
        for trial in trials(scratch):
            if args.only not in trial.name:
                continue
            crashes = Crashes(trial, scratch)
            states = list(crashes.different())
            chosen = states[:: args.every]
            for call, state in tqdm(chosen, desc=trial.name, unit="state", disable=None):
                crashes.look(call, state)
            counts = ", ".join(f"{number} {what}" for what, number in crashes.counts.items())
            print(f"{trial.name}: {len(crashes.record)} calls that change the disk, {len(states)} "
                  f"states: {counts}; {len(crashes.wrong)} wrong", flush=True)  # fmt: skip
            wrong += crashes.wrong
    print(*wrong, sep="\n", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
