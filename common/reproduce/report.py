"""What a reproduced table says, in texts: one form for all that show it."""

from collections.abc import Sequence
from dataclasses import dataclass

from common.reproduce.outcome import RowOutcome
from common.reproduce.tables import Table

_ABOUT_PUBLISHED = ("published", "difference", "verdict")
COLUMNS = ("row", "metric", "published", "ours", "95 % over games", "difference", "verdict")


@dataclass(frozen=True)
class Step:
    """Two neighbours in the order of a table: by how much ours differ, with a 95 % interval."""

    better: str
    worse: str
    difference: float
    interval: tuple[float, float]

    def __str__(self) -> str:
        low, high = self.interval
        word = "the order shows" if low > 0 else "reversed" if high < 0 else "undecided"
        bounds = f"95 %: {low:+.2f} to {high:+.2f}"
        return f"{self.better} - {self.worse}: {self.difference:+.2f} ({bounds}), {word}"


@dataclass(frozen=True)
class TableReport:
    """A table with all that was found.

    Attributes:
        baseline: its folder's name.
        data: where the games were, as given.
        remarks: what a reader has to know first.
    """

    baseline: str
    table: Table
    outcomes: Sequence[RowOutcome]
    data: str
    remarks: Sequence[str]
    steps: Sequence[Step]

    @property
    def title(self) -> str:
        """The first line of each form."""
        return f"{self.baseline}, {self.table.name}: {self.table.title}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Those of COLUMNS that have something to say."""
        published = any(each.row.published is not None for each in self.outcomes)
        return tuple(name for name in COLUMNS if published or name not in _ABOUT_PUBLISHED)

    def rows(self) -> list[tuple[str, ...]]:
        """The texts of all rows, in these columns."""
        columns = [COLUMNS.index(name) for name in self.columns]
        return [tuple(cells(each)[n] for n in columns) for each in self.outcomes]


def cells(outcome: RowOutcome) -> tuple[str, ...]:
    """The texts of a row, one per column."""
    row = outcome.row
    kind = "" if row.kind == "all" else f" {row.kind}"
    split = "" if row.split == "test" else f", {row.split}"
    return (
        row.name,
        f"{row.metric}{kind}{split}",
        _published(outcome),
        _ours(outcome),
        "" if outcome.interval is None else "{:.2f} to {:.2f}".format(*outcome.interval),
        "" if outcome.difference is None or outcome.other else f"{outcome.difference:+.2f}",
        outcome.verdict,
    )


def _published(outcome: RowOutcome) -> str:
    row = outcome.row
    if row.published is None:
        return ""
    spread = "" if row.spread is None else f" ± {row.spread:.2f}"
    kind = {"best": " (best)"}.get(row.statistic, f" ({row.runs})" if row.runs > 1 else "")
    return f"{row.published:.2f}{spread}{kind}"


def _ours(outcome: RowOutcome) -> str:
    """Mean ± standard deviation (runs, best)."""
    if outcome.mean is None:
        return f"spotted ({outcome.spotted})" if outcome.spotted else ""
    n, best = len(outcome.scores), f"{outcome.best:.2f}"
    runs = f"{n}" if n == outcome.wanted else f"{n} of {outcome.wanted}"
    if outcome.sd is None:
        return f"{outcome.mean:.2f} ({runs})"
    return f"{outcome.mean:.2f} ± {outcome.sd:.2f} ({runs}, best {best})"


def class_rows(outcome: RowOutcome) -> list[tuple[str, str, str, str]]:
    """Class, published, ours, difference: of the classes that the published row has."""
    rows = []
    for name, published in outcome.row.per_class.items():
        ours = outcome.per_class.get(name)
        there = ours is not None and not outcome.other
        rows.append((
            name,
            f"{published:.2f}",
            "" if ours is None else f"{ours:.2f}",
            f"{ours - published:+.2f}" if there and ours is not None else "",
        ))  # fmt: skip
    return rows
