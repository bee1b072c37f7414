"""A run's detections beside the annotations: what scores, intervals and reports are made of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from common.data.events import (
    CLASS_SPLITS,
    MOST_HALVES,
    EventClasses,
    classes_by_name,
    event_classes,
    split_classes,
)
from common.data.games import games_at_hand, read_splits
from common.errors import UserError
from common.files import as_named
from common.metric.matching import Spots
from common.results.json_tree import JsonTree
from common.results.predictions import RESULT_FILE, guess_file_name
from common.results.reading import (
    AS_TODAY,
    EVALUATION_FRAMERATE,
    Reading,
    labelled_games,
    read_games,
)
from common.results.run_record import (
    TESTED,
    TRAINED,
    programs,
    read_record,
    recorded_program,
    started_in,
)
from common.results.typed_commands import typed

_OF_ANOTHER_START = ("--test_only", "--resume", "--overwrite", "--challenge")


@dataclass(frozen=True)
class RunResults:
    """Where the results of a run in a split are; nothing but settings is read.

    Attributes:
        name: of the run's folder, or of the zip or folder of result files.
        root: data root.
        predictions: holds {game}/{file} for the games.
        settings: of the run's program, None where only result files were given.
    """

    name: str
    root: Path
    split: str
    games: tuple[str, ...]
    classes: EventClasses
    predictions: JsonTree
    file: str
    settings: dict[str, Any] | None

    def has_labels(self) -> bool:
        """Whether any of the games can be scored; challenge games cannot."""
        return any((self.root / game / self.classes.label_file).is_file() for game in self.games)


@dataclass(frozen=True)
class ScoredRun:
    """Annotated spots and detections of a run in the games of a split that have annotations.

    Game number g of `games` has the halves g * classes.halves, … of `targets` and `detections`;
    frames are those of the evaluator, `framerate` per second. The other fields are those of
    `RunResults`.
    """

    name: str
    root: Path
    split: str
    games: tuple[str, ...]
    classes: EventClasses
    targets: Spots
    detections: Spots
    settings: dict[str, Any] | None
    framerate: float = EVALUATION_FRAMERATE


def find_results(
    path: str | Path,
    split: str = "test",
    *,
    SoccerNet_path: str | Path | None = None,
    version: int | None = None,
) -> RunResults:
    """Finds the results of a run folder models/<model_name>, or in a zip or folder of them.

    Args:
        split: or the name of a single feature file, whose results a run has in outputs_<name>.
        SoccerNet_path: data root; a run folder knows its own.
        version: of SoccerNet, 1 or 2; a run folder knows its own, otherwise 2.

    Raises:
        UserError: no results of this split, or no data root; says what to do.
    """
    path = Path(path)
    of_file = (path / f"outputs_{split}" / RESULT_FILE).is_file()
    if of_file and not (path / _archive(split)).is_file():  # which only a split has
        return _results_of_file(path, split)
    records = _records(path)
    is_run = bool(records or splits_with_results(path))
    files = None if is_run else JsonTree(path)
    settings = _settings(records, split)
    root = Path(SoccerNet_path) if SoccerNet_path else _recorded_root(path, settings)
    if not root.is_dir():
        raise UserError(f"the data of {path}, {root}, is not there; pass --SoccerNet_path")
    if not SoccerNet_path and split not in (known := read_splits(root)):
        raise UserError(
            f"unknown split {split!r}; {path} has results of {_splits_in_words(path)}, and {root}, "
            f"the data that it was last used with, has {', '.join(known)}: name one of both, or "
            "pass --SoccerNet_path, the data that has this split"
        )
    games = tuple(games_at_hand(root, [split]))  # before the results: the split may be mistyped
    predictions = JsonTree(_results_of(path, split, records)) if files is None else files
    recorded = settings or {}
    classes = event_classes(root, version or recorded.get("version") or 2)
    return RunResults(
        as_named(path).name.removesuffix(".zip"),
        root,
        split,
        games,
        split_classes(classes, recorded.get("class_split")),
        predictions,
        guess_file_name(predictions),
        settings,
    )


def _results_of_file(run: Path, name: str) -> RunResults:
    """The results of a single feature file, which is no game of the data and has no labels."""
    record = run / f"settings_file_{name}.json"
    settings = read_record(record)["settings"]
    classes = settings.get("classes")
    if not isinstance(classes, list) or not all(isinstance(each, str) for each in classes):
        raise UserError(f"{record} does not name the classes; spot in the file once more")
    folder, known = run / f"outputs_{name}", EventClasses(tuple(classes), halves=MOST_HALVES)
    return RunResults(
        as_named(run).name, folder, name, (".",), known, JsonTree(folder), RESULT_FILE,
        settings,
    )  # fmt: skip


def read_run(
    path: str | Path,
    split: str = "test",
    *,
    SoccerNet_path: str | Path | None = None,
    version: int | None = None,
    reading: Reading = AS_TODAY,
) -> ScoredRun:
    """Reads the results of a run and the annotations of their games.

    Args:
        path, split, SoccerNet_path, version: as `find_results` takes them.
        reading: of it the result files' name is not used: it is found.

    Raises:
        UserError: as `find_results`; no labels, missing games, malformed files.
    """
    found = find_results(path, split, SoccerNet_path=SoccerNet_path, version=version)
    labels = JsonTree(found.root)
    label_file = reading.label_file or found.classes.label_file
    games = tuple(labelled_games(labels, found.games, label_file))
    if not games:
        raise UserError(
            f"the games of {split} in {found.root} have no {label_file}, so nothing "
            "can be scored; choose a split with labels, or check --version"
        )
    reading = replace(reading, prediction_file=found.file)
    targets, detections = read_games(labels, found.predictions, games, found.classes, reading)
    return ScoredRun(
        found.name, found.root, split, games, found.classes, targets, detections,
        found.settings, reading.framerate,
    )  # fmt: skip


def recorded_classes(results: Path) -> EventClasses | None:
    """Classes of the model that made results_spotting_<split>.zip or outputs_<split>.

    None where the folder that they lie in does not tell.
    """
    run = results.resolve().parent
    of_run = results.resolve().stem.startswith(("results_spotting_", "outputs_"))
    records = _records(run) if of_run else []
    settings = _settings(records, "")
    if settings is None:
        return None
    names = CLASS_SPLITS.get(settings.get("class_split") or "") or records[0].get("classes")
    if settings.get("SoccerNet_path") and (root := _recorded_root(run, settings)).is_dir():
        classes = event_classes(root, settings.get("version") or 2)
        return split_classes(classes, settings.get("class_split"))
    return classes_by_name(names) if names else None


def results_of_run(path: Path, split: str) -> Path:
    """The archive of a split, or its folder, if `path` is a run's folder; else `path`.

    Not the detections above thresholds, which lie there, too: they are not for scores.

    Raises UserError for a run without results of the split; says what to do.
    """
    if path.is_dir() and splits_with_results(path):
        return _results_of(path, split, _records(path))
    return path


def splits_with_results(run: Path) -> list[str]:
    """Splits that a run folder has result files of; a file has none."""
    packed = (file.stem.removeprefix("results_spotting_") for file in run.glob(_archive("*")))
    folders = (path for path in run.glob("outputs_*") if path.is_dir())
    loose = (folder.name.removeprefix("outputs_") for folder in folders)
    return sorted({*packed, *loose})


def _splits_in_words(run: Path) -> str:
    return ", ".join(splits_with_results(run)) or "none"


def _archive(split: str) -> str:
    return f"results_spotting_{split}.zip"


def _results_of(run: Path, split: str, records: list[dict[str, Any]]) -> Path:
    """The run's archive of a split, or its folder."""
    for results in (run / _archive(split), run / f"outputs_{split}"):
        if results.exists():
            return results
    raise UserError(
        f"{run} has no results of the split {split!r}, only of: {_splits_in_words(run)}; to make "
        f"them run its program with --test_only --split_test {split}{_command(run, records, split)}"
    )


def _command(run: Path, records: list[dict[str, Any]], split: str) -> str:
    """The recorded command line of the program, as it makes the results of a split."""
    program = recorded_program(records[0]) if records else "?"
    if program not in programs():
        return ""
    module = program.removesuffix(".py").replace("/", ".")
    flags = _without(records[0]["command"][1:], _OF_ANOTHER_START)
    if (run / TRAINED).is_file():  # its own weights, not those that it started from
        flags = _without(flags, ("--load_weights",), values=1)
    line = ["-m", module, *flags, "--test_only", "--split_test", split]
    return f":\n  {typed(line, started_in(run, records[0]['settings']))}"


def _without(words: list[str], flags: Sequence[str], values: int = 0) -> list[str]:
    """The words without these flags, written --FLAG or --FLAG=VALUE, and their values."""
    kept: list[str] = []
    skip = 0
    for word in words:
        if skip:
            skip -= 1
        elif word in flags:
            skip = values
        elif word.partition("=")[0] not in flags:
            kept.append(word)
    return kept


def _records(run: Path) -> list[dict[str, Any]]:
    """What a run folder recorded of its training and of its last testing.

    Raises UserError for a record that is not one, naming it and the setting.
    """
    return [read_record(file) for file in (run / TRAINED, run / TESTED) if file.is_file()]


def _settings(records: list[dict[str, Any]], split: str) -> dict[str, Any] | None:
    """Settings with which the split was last tested, else the last ones, else None."""

    def order(record: dict[str, Any]) -> tuple[bool, str]:
        tested = record["settings"].get("split_test") or ()
        return split in tested, str(record.get("started", ""))

    return max(records, key=order)["settings"] if records else None


def _recorded_root(path: Path, settings: dict[str, Any] | None) -> Path:
    """Data root of a run; a relative one starts where the program was started."""
    recorded = (settings or {}).get("SoccerNet_path")
    if settings is None or not isinstance(recorded, str):
        raise UserError(f"{path} does not tell where its data is; pass --SoccerNet_path")
    return started_in(path, settings) / recorded
