"""What the runs of a row found, and what that says of the published number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from common.data.games import OFFICIAL_SPLITS, official_splits
from common.errors import UserError
from common.files import read_json
from common.reproduce.runs import TableRun
from common.reproduce.tables import Row

# Student's t, 97.5 %, for 1, 2, … degrees of freedom; from 30 on it is taken to be 2.
_STUDENT = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045,
)  # fmt: skip
# Flags of --extra-args that leave a published configuration what it is.
_HARMLESS = (
    "--device", "--GPU", "--resident", "--max_num_worker", "--download", "--loglevel",
    "--cache_dir", "--split_test", "--watch_test", "--plots", "--legacy_names", "--save_scores",
    "--capture", "--feature_dim", "--num_features", "--dim_representation_c", "--LRe", "--mode",
    "--backbone", "--backbone_weights", "--pca",
)  # fmt: skip


@dataclass(frozen=True)
class RowOutcome:
    """A row beside our runs of it. Scores are average-mAP in %.

    Attributes:
        scores: of the finished runs, by seed.
        wanted: how many runs were asked for.
        interval: 95 % over games, of the mean over the seeds.
        per_class: our means, by class.
        spotted: runs that are finished and could not be scored, without labels (challenge).
        other: why the published number cannot be compared with; empty if it can.
        folders: of the finished runs.
        games: how many they were scored on.
    """

    row: Row
    scores: Mapping[int, float]
    wanted: int
    spotted: int = 0
    other: str = ""
    interval: tuple[float, float] | None = None
    per_class: Mapping[str, float] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()
    games: int = 0

    @property
    def mean(self) -> float | None:
        """Mean over the seeds; None before the first run is scored."""
        return mean(self.scores.values()) if self.scores else None

    @property
    def sd(self) -> float | None:
        """Sample standard deviation over the seeds, of two or more."""
        return stdev(self.scores.values()) if len(self.scores) > 1 else None

    @property
    def best(self) -> float | None:
        """The best of the runs."""
        return max(self.scores.values(), default=None)

    @property
    def difference(self) -> float | None:
        """Ours less published: the mean, or the best if the published number is a best one."""
        ours = self.best if self.row.statistic == "best" else self.mean
        return None if ours is None or self.row.published is None else ours - self.row.published

    @property
    def expected_within(self) -> float | None:
        """Half width of the 95 % interval in which the difference lies if both are of one kind.

        The published number is the mean of `row.runs` runs, ours of n; runs spread by `sd`.
        """
        n = len(self.scores)
        return (
            None if self.sd is None else student(n - 1) * self.sd * sqrt(1 / n + 1 / self.row.runs)
        )

    @property
    def verdict(self) -> str:
        """In a word or two; docs/reproduce.md has the rule."""
        if not self.scores:
            return "no labels here" if self.spotted else "not run"
        difference, within = self.difference, self.expected_within
        if difference is None or self.row.published is None:
            return "nothing published"
        if self.other:
            return "not comparable"
        if self.row.statistic == "best":
            return "reached" if difference >= 0 else "not reached"
        if within is None and self.interval is not None:
            low, high = self.interval
            inside = low <= self.row.published <= high
        elif within is not None:
            inside = abs(difference) <= within
        else:
            return "one run only"
        return "agrees" if inside else "higher" if difference > 0 else "lower"


def student(freedom: int) -> float:
    """97.5 % quantile of Student's t."""
    return _STUDENT[freedom - 1] if freedom <= len(_STUDENT) else 2.0


def finished_folder(run: TableRun, any_code: bool) -> Path | None:
    """Where the results of a run are: its own folder, or with `any_code` that of an earlier one."""
    if run.finished_in(run.folder):
        return run.folder
    return run.earlier() if any_code else None


def read_scores(folder: Path, row: Row) -> dict[str, Any] | None:
    """What a finished run tells of the row's split and metric; None without labels (challenge)."""
    path = folder / row.part / f"results_{row.split}.json"
    if not path.is_file():
        return None
    content = read_json(path)
    try:
        if content["gt_time"] != row.clock:
            raise UserError(
                f"{path} was scored with the clock {content['gt_time']}, not {row.clock}"
            )
        scores = content["metrics"][row.metric]
        numbers = [scores[f"a_mAP{_suffix(row)}"]]
        numbers += [each[f"AP{_suffix(row)}"] for each in scores["per_class"].values()]
        sound = type(content["games"]) is int and all(0 <= number < 2 for number in numbers)
    except (AttributeError, KeyError, TypeError):
        sound = False
    if not sound:
        raise UserError(f"{path} has no scores for {row.metric}; remove its folder to run it again")
    return {**scores, "games": content["games"]}


def _suffix(row: Row) -> str:
    """What the names of the row's scores end with."""
    return "" if row.kind == "all" else f"_{row.kind}"


def other_reason(row: Row, extra: Sequence[str], data: Path) -> str:
    """Why our number and the published one are of different things; empty if they are not."""
    changed = {word.partition("=")[0] for word in extra if word.startswith("--")} - set(_HARMLESS)
    settings = sorted(changed - {"--features"})
    reasons = [_other_games(data)]
    if "--features" in changed:
        reasons.append(f"the features are not {', '.join(row.features)}")
    if settings:
        reasons.append(f"--extra-args changes {', '.join(settings)}")
    return "; ".join(filter(None, reasons))


def _other_games(data: Path) -> str:
    """What is at the data root in place of the labelled games of SoccerNet; empty if they are."""
    for name in ("splits.json", "classes.json"):
        if (data / name).is_file():
            return f"{data} has a {name}: it is not SoccerNet"
    games = [game for split in OFFICIAL_SPLITS[:3] for game in official_splits()[split]]
    here = sum((data / game).is_dir() for game in games)
    if here == len(games):
        return ""
    return f"{data} holds {here} of the {len(games)} games of train, valid and test"


def outcome_of(
    row: Row, runs: Sequence[TableRun], other: str, any_code: bool = False
) -> RowOutcome:
    """Reads what the runs of a row found."""
    runs = [replace(run, results=((row.part, row.split),)) for run in runs]
    folders = {run.seed: finished_folder(run, any_code) for run in runs}
    done = {seed: folder for seed, folder in folders.items() if folder is not None}
    read = {seed: read_scores(folder, row) for seed, folder in done.items()}
    found = {seed: scores for seed, scores in read.items() if scores is not None}
    suffix = _suffix(row)
    classes = list(next(iter(found.values()))["per_class"]) if found else []
    for seed, scores in found.items():
        if set(scores["per_class"]) != set(classes):
            first = next(iter(found))
            raise UserError(
                f"{done[seed]} was scored on other classes than {done[first]}; remove the folder "
                "that is wrong to run it again"
            )
    return RowOutcome(
        row,
        {seed: 100 * scores[f"a_mAP{suffix}"] for seed, scores in found.items()},
        len(runs),
        len(done) - len(found),
        other,
        None,
        {
            name: 100 * mean(scores["per_class"][name][f"AP{suffix}"] for scores in found.values())
            for name in classes
        },
        tuple(done[seed] for seed in found),
        min((scores["games"] for scores in found.values()), default=0),
    )
