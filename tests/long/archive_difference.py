"""Random archives of results: what our validator says of them, and what the SoccerNet package does.

    PYTHONPATH=tests python tests/long/archive_difference.py [--first N] [--archives N]

What the validator calls VALID the package must score, to the number that we give. On what it calls
INVALID the package must fail, or read other detections than of the right archive; where it reads
the same, the kind must be one of which we are stricter, with a reason. What the package scores we
must score alike if all is let pass. Nothing but UserError may leave our readers.
"""

import argparse
import copy
import logging
import shutil
import signal
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from archive_mutations import KINDS
from package_evaluator import evaluator, official_scores
from random_archives import GAMES, NAMES, Archive, write_data
from tqdm import tqdm

from common.data.events import EventClasses
from common.errors import UserError
from common.evaluate import evaluate
from common.results.validity import validate

EQUAL = 1e-12
_NOTHING_LEFT = (TypeError, KeyError, IndexError, AttributeError, ValueError)

_NO_JSON = "it is no JSON, and other readers than Python's refuse it"
_NOT_ASKED = "files of other games are of another split, or of another protocol"
_ONE_OF_TWO = "which of two files of a game counts depends on the reader"
# Kinds that we refuse, although the package may read what it reads of a right archive.
STRICTER = {
    "position: just below 0": "a time before the half; the package cuts it to 0",
    "comment: bare NaN": _NO_JSON,
    "comment: bare 1e400": _NO_JSON,
    "comment: lone surrogate": _NO_JSON,
    "UrlLocal: lone surrogate": _NO_JSON,
    "another file: game that is not of the split": _NOT_ASKED,
    "another file: results at the root": _NOT_ASKED,
    "another file: a copy in a deeper folder": _ONE_OF_TWO,
    "another file: above the archive": "unpacked, it would leave its folder",
    "file twice, the same": _ONE_OF_TWO,
    "file twice, one empty": _ONE_OF_TWO,
}
# Of those the ones that no flag lets pass.
NEVER = {"another file: above the archive"}
# Kinds that our evaluator scores and the package fails on; our validator says so.
LOOSER = {"text: byte order mark", "zip: names not told to be UTF-8", "path: accents apart"}


@dataclass(frozen=True)
class Official:
    """What the package makes of an archive: numbers and detections, or none where it fails."""

    scores: np.ndarray | None
    read: list[np.ndarray]

    def reads_as(self, other: "Official") -> bool:
        """Whether it reads the same detections."""
        return len(self.read) == len(other.read) and all(
            np.array_equal(one, another, equal_nan=True)
            for one, another in zip(self.read, other.read, strict=True)
        )


def drawn(number: int, annotations: dict[str, list[dict]]) -> tuple[list[str], Archive, Archive]:
    """Kinds, an archive that is changed so, and the same one unchanged. Each kind comes in turn."""
    draw, names = Random(number), list(KINDS)
    right = copy.deepcopy(Archive(draw, annotations))
    while True:
        several = number >= len(names) and draw.random() < 0.4
        chosen = draw.sample(names, draw.randint(2, 3)) if several else [names[number % len(names)]]
        kinds = [kind for kind in KINDS if kind in chosen]  # texts are changed last
        archive = copy.deepcopy(right)
        try:
            for kind in kinds:
                KINDS[kind](draw, archive)
        except _NOTHING_LEFT:
            if not several:
                raise
            continue  # one has left nothing for the next to change
        return kinds, archive, right


class Judge:
    """Has archives read by both sides, and counts by kind."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.data = scratch / "data"
        self.annotations = write_data(self.data)
        self.table: dict[str, Counter[str]] = defaultdict(Counter)
        self.wrong: list[str] = []
        self._read: list[np.ndarray] = []
        evaluator.getListGames = lambda **of: GAMES
        self._to_vectors = evaluator.predictions2vector
        evaluator.predictions2vector = self._noted

    def _noted(self, *args: object, **settings: object) -> tuple[np.ndarray, np.ndarray]:
        vectors = self._to_vectors(*args, **settings)
        self._read += vectors
        return vectors

    def judge(self, number: int) -> None:
        """The archive of this number, always the same."""
        kinds, archive, right = drawn(number, self.annotations)
        row = self.table[kinds[0] if len(kinds) == 1 else _TOGETHER]
        path = archive.write(self._emptied("given"))
        theirs = self._official(path)
        valid = self._told(number, kinds, lambda: validate(path, GAMES, _CLASSES).valid)
        ours = self._told(number, kinds, lambda: _flat(evaluate(**self._arguments(path))))
        lenient = self._told(
            number, kinds, lambda: _flat(evaluate(**self._arguments(path), lenient=True))
        )
        row["archives"] += 1
        end, known = self._end(theirs, right, valid=bool(valid))
        row[end] += 1
        row["we score, it fails"] += theirs.scores is None and ours is not None
        wrong = [] if known is None or known & set(kinds) else [end]
        wrong += self._other_scores(set(kinds), theirs.scores, ours, lenient, valid=bool(valid))
        row["wrong"] += len(wrong)
        for complaint in wrong:
            self._complain(number, kinds, complaint)

    def _end(self, theirs: Official, right: Archive, *, valid: bool) -> tuple[str, set[str] | None]:
        """How the verdicts go together, and the kinds of which that is known; None: all is well."""
        if valid:
            return ("VALID, fails", set()) if theirs.scores is None else ("VALID, scored", None)
        if theirs.scores is None:
            return "INVALID, fails", None
        if not theirs.reads_as(self._official(right.write(self._emptied("right")))):
            return "INVALID, reads otherwise", None
        return "INVALID, scored alike", {*STRICTER}

    def _other_scores(
        self, kinds: set[str], theirs: np.ndarray | None, ours: object, lenient: object,
        *, valid: bool,
    ) -> Iterator[str]:  # fmt: skip
        """What is wrong with our numbers, strictly and if all is let pass."""
        if theirs is None:
            if ours is not None and not LOOSER & kinds:
                yield "scored by us only"
            return
        if not (ours is None and not valid) and not _equal(ours, theirs):
            yield f"scored otherwise: {ours}, {theirs}"
        if not NEVER & kinds and not _equal(lenient, theirs):
            yield f"scored otherwise if all is let pass: {lenient}, {theirs}"

    def _emptied(self, name: str) -> Path:
        folder = self.scratch / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def _arguments(self, path: Path) -> dict:
        numbers = {name: number for number, name in enumerate(NAMES)}
        return {
            "SoccerNet_path": str(self.data), "Predictions_path": str(path), "metric": "at5",
            "EVENT_DICTIONARY": numbers,
        }  # fmt: skip

    def _official(self, path: Path) -> Official:
        self._read = []
        try:
            scores = official_scores(plain=False, **self._arguments(path))
        except Exception:  # whatever it fails with
            return Official(None, self._read)
        return Official(_flat(scores), self._read)

    def _told(self, number: int, kinds: list[str], read: Callable) -> object:
        """What is read; None if it is refused in a sentence."""
        try:
            return read()
        except UserError:
            return None
        except Exception as error:
            self._complain(number, kinds, f"{type(error).__name__}: {error}")
            return None

    def _complain(self, number: int, kinds: list[str], what: str) -> None:
        self.wrong.append(f"archive {number} ({', '.join(kinds)}): {what}")
        tqdm.write(self.wrong[-1], file=sys.stderr)


_CLASSES = EventClasses(NAMES)
_TOGETHER = "two or three kinds together"


def _flat(scores: dict) -> np.ndarray:
    return np.hstack([value for value in scores.values() if value is not None])


def _equal(ours: object, theirs: np.ndarray) -> bool:
    return ours is not None and bool(np.abs(ours - theirs).max() <= EQUAL)


_COLUMNS = ("archives", "VALID, scored", "VALID, fails", "INVALID, fails",
            "INVALID, reads otherwise", "INVALID, scored alike", "we score, it fails",
            "wrong")  # fmt: skip


def main() -> int:
    """Judges the archives; returns 1 if a verdict is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0, metavar="N", help="number of the first [0]")
    parser.add_argument("--archives", type=int, default=10_000, metavar="N", help="[10000]")
    args = parser.parse_args()
    logging.disable()
    warnings.filterwarnings("ignore", "Duplicate name")  # which we mean to write
    signal.signal(signal.SIGINT, signal.default_int_handler)  # else ignored behind & or nohup
    with tempfile.TemporaryDirectory() as folder:
        judge = Judge(Path(folder).resolve())
        try:
            for number in tqdm(range(args.first, args.first + args.archives), disable=None):
                judge.judge(number)
        except KeyboardInterrupt:
            print("stopped")
    for kind in [*KINDS, _TOGETHER]:
        row = judge.table[kind]
        print(f"{kind}: {', '.join(f'{row[each]} {each}' for each in _COLUMNS if row[each])}")
    total = sum(judge.table.values(), Counter())
    print(f"from {args.first} on:", ", ".join(f"{total[each]} {each}" for each in _COLUMNS[:-1]))
    print(f"{len(KINDS)} kinds; {len(judge.wrong)} wrong")
    return 1 if judge.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
