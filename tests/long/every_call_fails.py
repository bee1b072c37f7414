"""Each call that a program makes to the disk fails, once or from then on: what then?

    PYTHONPATH=tests python tests/long/every_call_fails.py [--every N]

A program must go on and end with the same bits, or end in one sentence; no file may be left half,
and the same command (of a training with --resume) must then end with the same bits as one that was
never disturbed.
"""

import argparse
import errno
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from children import Ended, import_what_it_imports, run_in_child
from fake_baseline import Fake
from small_runs import RUN, bits, copied, make_data, training_words, unreadable
from tqdm import tqdm
from watched_disk import Fault, WatchedDisk

from common.export.__main__ import main as export
from common.reproduce.__main__ import main as reproduce
from common.training.checkpoints import LAST_FILE
from TemporallyAwarePooling.main import main as train

FAULTS = [
    (errno.ENOSPC, False), (errno.ENOSPC, True), (errno.EIO, False), (errno.EINTR, False)
]  # fmt: skip


@dataclass
class Trial:
    """A program, the folder that it begins in, and the words that end its work after a fault."""

    name: str
    main: Callable[[list[str]], int | None]
    words: list[object]
    start: Path | None = None

    def ending(self, folder: Path) -> list[object]:
        """The words that go on from what is there."""
        words = [word for word in self.words if word not in ("--resume", "--overwrite")]
        if self.main is not train or "--test_only" in words or self.name == "replace a run":
            return self.words
        resumed = (folder / "models" / RUN / LAST_FILE).exists()
        return [*words, "--resume" if resumed else "--overwrite"]


class Sweep:
    """All faults of a trial."""

    imported: ClassVar[list[Callable]] = []  # programs, by this process

    def __init__(self, trial: Trial, scratch: Path) -> None:
        self.trial, self.scratch = trial, scratch
        self.expected: dict[str, str] = {}
        self.calls: list[tuple[str, str]] = []
        self.ends: Counter[str] = Counter()
        self.wrong: list[str] = []

    def fresh(self) -> Path:
        """A folder to begin in."""
        above = Path(
            tempfile.mkdtemp(prefix=f"{self.trial.name}_".replace(" ", "_"), dir=self.scratch)
        )
        return copied(self.trial.start, above / "work")

    def undisturbed(self) -> Path:
        """Runs the program without a fault: what it asks for, and what it leaves."""
        folder = self.fresh()
        if self.trial.main not in self.imported:
            self.imported.append(self.trial.main)
            import_what_it_imports(self.trial.main, self.trial.words, self.fresh())
        ended = self.run(self.trial.words, folder, None)
        if ended.code:
            raise SystemExit(f"{self.trial.name} fails undisturbed:\n{ended.complaint}")
        self.calls, self.expected = ended.watched.calls, bits(folder)
        return folder

    def run(self, words: list[object], folder: Path, fault: Fault | None) -> Ended:
        """Runs the program in a folder."""

        def watch() -> WatchedDisk:
            disk = WatchedDisk(self.scratch, fault)
            disk.install()
            return disk

        return run_in_child(self.trial.main, words, folder, watch)

    def disturb(self, fault: Fault) -> None:
        """One fault, and the end of the work after it."""
        folder = self.fresh()
        ended = self.run(self.trial.words, folder, fault)
        kind, path = self.calls[fault.call]
        lasting = " from then on" if fault.lasting else ""
        what = f"{self.trial.name}: {errno.errorcode[fault.number]}{lasting} in call {fault.call}"
        what += f" ({kind} {Path(path).name}), in {folder}"
        complain = partial(self._complain, what)
        if not ended.is_told:
            complain(f"ended with {ended.code}: {ended.complaint[-1500:]}")
        if bad := unreadable(folder):
            complain(f"left {bad}")
        if ended.code == 0 and self.differs(folder):
            complain(f"went on, with other bits: {self.differs(folder)}")
        self.ends["went on" if ended.code == 0 else "ended in a sentence"] += 1
        if ended.code:
            again = run_in_child(self.trial.main, self.trial.ending(folder), folder)
            if again.code or self.differs(folder):
                complain(f"does not end well: {again.complaint[-1500:]} {self.differs(folder)}")
        if not self.wrong or str(folder) not in self.wrong[-1]:
            shutil.rmtree(folder.parent)

    def differs(self, folder: Path) -> list[str]:
        """Names of what is not as undisturbed."""
        now = bits(folder)
        names = sorted(now.keys() | self.expected.keys())
        return [name for name in names if now.get(name) != self.expected.get(name)]

    def _complain(self, what: str, sentence: str) -> None:
        self.wrong.append(f"{what}: {sentence}")
        tqdm.write(self.wrong[-1], file=sys.stderr)


def run_fake(words: list[str], root: Path) -> int | None:
    """`common.reproduce` of the baseline that trains nothing."""
    return reproduce(words, root)


def trials(scratch: Path) -> list[Trial]:
    """The programs, each with a folder to begin in."""
    data = make_data(scratch)
    (scratch / "fake").mkdir()
    fake = Fake(scratch / "fake")
    words = training_words(data, "--split_test", "challenge", "--max_epochs")
    fresh = Trial("train an epoch", train, [*words, 1])
    trained = Sweep(fresh, scratch).undisturbed()
    old = Sweep(Trial("train the old", train, [*words, 1, "--seed", 5]), scratch).undisturbed()
    testing = ["--model_name", RUN, "--test_only", "--split_test", "test"]
    test = Trial("test", train, testing, trained)
    tested = Sweep(test, scratch).undisturbed()
    formats = ["sportscode", "csv", "webvtt", "youtube", "labelstudio", "soccernet"]
    exporting = [f"models/{RUN}", "--threshold", 0, "--format", *formats]
    reproducing = ["Fake", "--SoccerNet_path", fake.data, "--out", "out", "--seeds", 0]
    return [
        fresh,
        Trial("go on", train, [*words, 2, "--resume"], trained),
        Trial("replace a run", train, [*words, 1, "--overwrite"], old),
        test,
        Trial("export", export, exporting, tested),
        Trial("reproduce", partial(run_fake, root=fake.root), reproducing),
    ]


def _in_words(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counts.items())


def main() -> int:
    """Disturbs all programs; returns 1 if anything was not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="each N-th fault only")
    parser.add_argument("--only", default="", help="part of the name of a program")
    parser.add_argument("--keep", type=Path, help="work in this folder, and leave it")
    args = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        scratch = (args.keep or Path(folder)).resolve()
        for trial in trials(scratch):
            if args.only not in trial.name:
                continue
            sweep = Sweep(trial, scratch)
            sweep.undisturbed()
            number = len(sweep.calls)
            faults = [Fault(call, *fault) for call in range(number) for fault in FAULTS]
            faults = faults[:: args.every]
            for fault in tqdm(faults, desc=trial.name, unit="fault", leave=False, disable=None):
                sweep.disturb(fault)
            kinds = Counter(kind for kind, _ in sweep.calls)
            print(f"{trial.name}: {number} calls ({_in_words(kinds)}), {len(faults)} faults: "
                  f"{_in_words(sweep.ends)}; {len(sweep.wrong)} wrong", flush=True)  # fmt: skip
            wrong += len(sweep.wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
