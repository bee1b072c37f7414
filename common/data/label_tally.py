"""What the annotations of many games add up to, and what is to be said of them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from common.data.events import SOCCERNET_V1, SOCCERNET_V2, EventClasses
from common.data.labels import NO_POSITION, Labels
from common.errors import UserError, counted

_MOST_NAMED = 5  # labels
_MOST_CLASSES = 20
_APART_SECONDS = 1  # gameTime has whole seconds
# In SoccerNet-v2 the two clocks differ in one of 110,458 spots.
_MANY = 0.05


@dataclass
class LabelTally:
    """Counts over games. Annotations of classes that were left out on purpose are not counted.

    Attributes:
        where: the games, in the words of a sentence.
        spots: annotations of known classes.
        unknown: label -> annotations of no class of the data set.
        timed: spots that have both clocks; `apart`: those whose clocks disagree.
    """

    where: str
    classes: EventClasses
    spots: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    timed: int = 0
    apart: int = 0

    def add(self, labels: Labels) -> None:
        """Counts the annotations of a game."""
        self.spots += len(labels)
        for label, number in labels.unknown.items():
            if label not in self.classes.left_out:
                self.unknown[label] += number
        timed = labels.milliseconds != NO_POSITION
        gap = np.abs(labels.milliseconds / 1000 - labels.seconds)
        self.timed += int(timed.sum())
        self.apart += int((timed & (gap > _APART_SECONDS)).sum())

    def require_known_class(self) -> None:
        """Raises UserError, with the labels found, if there are some and none is of a class."""
        if self.unknown and not self.spots:
            raise UserError(
                f"not one annotation of {self.where} is of a known class: found "
                f"{in_words(self.unknown)}; expected {classes_in_words(self.classes)}"
                f"{other_version(self.unknown, self.classes)}"
            )

    def remarks(self) -> list[str]:
        """What a user should know although the work goes on, a sentence each."""
        found = []
        if not self.spots:
            found.append(
                f"the annotations of {self.where} hold not a single spot to learn or score"
            )
        if self.unknown:
            found.append(
                f"{counted(self.unknown.total(), 'annotation')} of {self.where} left out, of no "
                f"known class: {in_words(self.unknown)}"
            )
        if self.apart > _MANY * self.timed:
            found.append(
                f"gameTime and position differ by more than a second in {self.apart} of "
                f"{counted(self.timed, 'spot')} of {self.where}: which clock is right? "
                "--label-time chooses what is learnt from, --gt-time what is scored against"
            )
        return found


def in_words(labels: Mapping[str, int]) -> str:
    """Labels and how often each was found, the most frequent first."""
    words = [f"{label!r} ({number})" for label, number in Counter(labels).most_common()]
    more = len(words) - _MOST_NAMED
    return ", ".join(words[:_MOST_NAMED]) + (f" and {more} others" if more > 0 else "")


def classes_in_words(classes: EventClasses) -> str:
    """Names of the classes, if they are many only the first of them."""
    names = ", ".join(map(repr, classes.names[:_MOST_CLASSES]))
    more = len(classes) - _MOST_CLASSES
    return names + (f" and {more} others" if more > 0 else "")


def other_version(labels: Iterable[str], classes: EventClasses) -> str:
    """Advice to add to a sentence if all labels are classes of another version of SoccerNet."""
    for version, other in ((1, SOCCERNET_V1), (2, SOCCERNET_V2)):
        if other.names != classes.names and set(labels) <= set(other.names):
            return f". They are classes of SoccerNet-v{version}: pass --version {version}"
    return ""
