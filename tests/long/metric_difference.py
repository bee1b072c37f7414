"""Random cases of the metric: what the SoccerNet package says, and what we say.

    PYTHONPATH=tests python tests/long/metric_difference.py [--first N] [--cases N]

Each case is scored by the package's `evaluate`, its code untouched, and by ours. Each number of the
answers must be equal to 1e-12: average-mAP of all, visible and unshown spots, and of each class.
Of each fourth case, what we read if nothing is let pass must be what we read as the package does,
or be refused. Case n is always the same: a run that was stopped goes on with --first.
"""

import argparse
import logging
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import orjson
from metric_cases import Case, draw_case
from metric_traits import columns, traits
from package_evaluator import official_scores_of
from tqdm import tqdm

from common.data.events import EventClasses
from common.errors import UserError
from common.metric.average_map import average_map
from common.metric.matching import Spots
from common.results.reading import Reading, read_games
from common.results.scores import published_results

EQUAL = 1e-12
_STRICT_EVERY = 4
_PLAIN_EVERY = 1000  # with numpy's own functions in the package
_TELL_EVERY = 10_000
_REFUSALS = {  # words of our sentence: what is wrong, and whether an entry is so
    "field position": ("a position before its half", lambda e: int(e.get("position", 0)) < 0),
    "field confidence": ("a confidence that is no number", lambda e: e.get("confidence") == "nan"),
    "of a known class": ("no known class at all", lambda e: e["label"] == "Not a class"),
    "half": (
        "a half that games do not have",
        lambda e: str(e.get("half", e.get("gameTime")))[0] == "3",
    ),
}


class MemoryTree:
    """Files of games, in memory; what reads a `JsonTree` reads it."""

    root = Path("memory")

    def __init__(self, key: str, games: dict[str, list[dict]], file: str) -> None:
        self._files = {f"{game}/{file}": orjson.dumps({key: each}) for game, each in games.items()}

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def read(self, name: str) -> bytes:
        """Content of a file."""
        return self._files[name]

    def require_one_of_each(self, names: Iterable[str]) -> None:
        """There is."""


class Difference:
    """Scores cases twice, and counts."""

    def __init__(self) -> None:
        self.cases = self.numbers = 0
        self.largest = 0.0
        self.holds: Counter[str] = Counter()
        self.wrong: list[str] = []

    def compare(self, number: int) -> None:
        """Scores the case of this number by both sides."""
        case = draw_case(number)
        classes = EventClasses(case.names, "l", substring_match=case.version == 1)
        trees = (
            MemoryTree("annotations", case.annotations, "l"),
            MemoryTree("predictions", case.predictions, "r"),
        )
        games = list(case.annotations)
        lenient = Reading("l", "r", case.framerate, lenient=True)
        targets, detections = read_games(*trees, games, classes, lenient)
        ours = average_map(targets, detections, len(classes), case.tolerances, case.framerate)
        theirs = self._theirs(number, case)
        found = _flat(published_results(ours, case.version))
        difference = np.abs(found - theirs).max() if found.shape == theirs.shape else np.inf
        self.largest = max(self.largest, float(difference))
        self.numbers += len(found)
        if not difference <= EQUAL:
            self._complain(number, f"{found.tolist()} are not {theirs.tolist()}")
        if number % _STRICT_EVERY == 0:
            self.holds.update(self._strictly(number, case, trees, (targets, detections)))
        self.holds.update({*traits(case, targets, detections, ours)})
        self.cases += 1

    def _theirs(self, number: int, case: Case) -> np.ndarray:
        def scores(plain: bool) -> np.ndarray:
            return _flat(official_scores_of(
                case.annotations, case.predictions, case.tolerances, plain=plain,
                version=case.version, framerate=case.framerate,
                EVENT_DICTIONARY={name: i for i, name in enumerate(case.names)},
            ))  # fmt: skip

        theirs = scores(plain=False)
        if number % _PLAIN_EVERY == 0 and not np.array_equal(theirs, scores(plain=True)):
            self._complain(number, "short forms of numpy's functions change the package's numbers")
        return theirs

    def _strictly(
        self, number: int, case: Case, trees: tuple[MemoryTree, MemoryTree],
        lenient: tuple[Spots, Spots],
    ) -> Iterator[str]:  # fmt: skip
        """Why the case is refused where nothing is let pass; else the same must be read."""
        classes = EventClasses(case.names, "l", substring_match=case.version == 1)
        reading = Reading("l", "r", case.framerate)
        try:
            strict = read_games(*trees, list(case.annotations), classes, reading)
        except UserError as refusal:
            words = next((words for words in _REFUSALS if words in str(refusal)), None)
            reason, is_so = _REFUSALS.get(words, ("nothing", lambda entry: False))
            if not any(map(is_so, chain(*case.annotations.values(), *case.predictions.values()))):
                self._complain(number, f"refused: {refusal}")
            yield f"refused unless lenient: {reason}"
            return
        if any(map(_is_clock_of_three_digits, chain(*case.annotations.values()))):
            yield "read otherwise if nothing is let pass: a clock of 100 minutes or more"
            return
        for mine, other in zip(strict, lenient, strict=True):
            pairs = zip(columns(mine), columns(other), strict=True)
            if not all(np.array_equal(*pair) for pair in pairs):
                self._complain(number, "is read otherwise if nothing is let pass")
        yield "read the same if nothing is let pass"

    def _complain(self, number: int, what: str) -> None:
        self.wrong.append(f"case {number}: {what}")
        tqdm.write(self.wrong[-1], file=sys.stderr)


def _is_clock_of_three_digits(annotation: dict) -> bool:
    """Whether it has no position, and minutes of which the package reads the last two digits."""
    return "position" not in annotation and len(annotation["gameTime"]) > len("1 - 00:00")


def _flat(scores: dict) -> np.ndarray:
    """All numbers of an answer; those that there are not stay away."""
    return np.hstack([value for value in scores.values() if value is not None])


def main() -> int:
    """Compares the cases; returns 1 if one differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0, metavar="N", help="number of the first [0]")
    parser.add_argument("--cases", type=int, default=1_000_000, metavar="N", help="[1000000]")
    args = parser.parse_args()
    logging.disable()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # else ignored behind & or nohup
    difference, begin = Difference(), time.monotonic()
    try:
        for number in tqdm(range(args.first, args.first + args.cases), unit="case", disable=None):
            difference.compare(number)
            if difference.cases % _TELL_EVERY == 0:
                _tell(difference, args.first, begin)
    except KeyboardInterrupt:
        print("stopped")
    for what, number in sorted(difference.holds.items(), key=lambda each: -each[1]):
        print(f"{number:>9} {what}")
    _tell(difference, args.first, begin)
    return 1 if difference.wrong else 0


def _tell(difference: Difference, first: int, begin: float) -> None:
    seconds = time.monotonic() - begin
    print(f"{difference.cases} cases from {first} on, {difference.cases / seconds:.0f} a second: "
          f"{difference.numbers} numbers, largest difference {difference.largest:.1e}; "
          f"{len(difference.wrong)} wrong", flush=True)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
