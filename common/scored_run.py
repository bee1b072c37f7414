"""A run's detections beside the annotations: what scores, intervals and reports are made of."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import UserError
from common.events import EventClasses, event_classes
from common.files import read_json
from common.games import games_at_hand
from common.labels import TimeField
from common.matching import Spots
from common.predictions import JsonTree, guess_file_name
from common.spots import EVALUATION_FRAMERATE, read_games


@dataclass(frozen=True)
class ScoredRun:
    """Annotated spots and detections of a run in the games of a split.

    Game number g of `games` has the halves g * classes.halves, … of `targets` and `detections`;
    frames are those of the evaluator, EVALUATION_FRAMERATE per second.

    Attributes:
        name: of the run's folder, or of the zip or folder of result files.
        root: data root.
        settings: of the run's program, None where only result files were given.
    """

    name: str
    root: Path
    split: str
    games: tuple[str, ...]
    classes: EventClasses
    targets: Spots
    detections: Spots
    settings: dict[str, Any] | None


def read_run(
    path: Path,
    split: str = "test",
    SoccerNet_path: Path | None = None,
    version: int | None = None,
    gt_time: TimeField = "position",
    allow_missing: bool = False,
) -> ScoredRun:
    """Reads a run folder models/<model_name>, or a zip or folder of result files.

    Args:
        split: one that has labels.
        SoccerNet_path: data root; a run folder knows its own.
        version: of SoccerNet, 1 or 2; a run folder knows its own, otherwise 2.
        gt_time: "position" (milliseconds, as today) or "gameTime" (whole seconds, as in 2021).
        allow_missing: games without a result file count as games without detections.

    Raises:
        UserError: no results of this split, no data root, or malformed files; says what to do.
    """
    is_run = path.is_dir() and _is_run_folder(path)
    settings = _read_settings(path, split) if is_run else None
    predictions = JsonTree(_results_of(path, split) if is_run else path)
    root = SoccerNet_path or _recorded_root(path, settings)
    if not root.is_dir():
        raise UserError(f"the data of {path}, {root}, is not there; pass --SoccerNet_path")
    classes = event_classes(root, version or (settings or {}).get("version", 2))
    games = games_at_hand(root, [split])
    if not any((root / game / classes.label_file).is_file() for game in games):
        raise UserError(
            f"the games of {split} in {root} have no {classes.label_file}, so nothing can be "
            "scored; choose a --split with labels, or check --version"
        )
    targets, detections = read_games(
        JsonTree(root),
        predictions,
        games,
        classes,
        prediction_file=guess_file_name(predictions),
        framerate=EVALUATION_FRAMERATE,
        gt_time=gt_time,
        allow_missing=allow_missing,
    )
    name = path.name.removesuffix(".zip") or str(path)
    return ScoredRun(name, root, split, tuple(games), classes, targets, detections, settings)


def splits_with_results(run: Path) -> list[str]:
    """Splits that a run folder has result files of."""
    packed = {file.stem.removeprefix("results_spotting_") for file in _archives(run)}
    return sorted(packed | {folder.name.removeprefix("outputs_") for folder in _outputs(run)})


def _archives(run: Path) -> list[Path]:
    return list(run.glob("results_spotting_*.zip"))


def _outputs(run: Path) -> list[Path]:
    return [path for path in run.glob("outputs_*") if path.is_dir()]


def _is_run_folder(path: Path) -> bool:
    return bool(list(path.glob("settings_*.json")) or _archives(path) or _outputs(path))


def _results_of(run: Path, split: str) -> Path:
    """The run's archive of a split, or its folder."""
    for results in (run / f"results_spotting_{split}.zip", run / f"outputs_{split}"):
        if results.exists():
            return results
    there = splits_with_results(run)
    found = f"it has {', '.join(there)}" if there else "it has none"
    raise UserError(
        f"{run} has no results of the split {split!r}, {found}; make them with the run's program: "
        f"--model_name {run.name} --test_only --split_test {split}"
    )


def _read_settings(run: Path, split: str) -> dict[str, Any] | None:
    """Settings with which the split was last tested, else the last ones, else None."""
    found = []
    for kind in ("train", "test"):
        file = run / f"settings_{kind}.json"
        if not file.is_file():
            continue
        content = read_json(file)
        settings = content.get("settings") if isinstance(content, dict) else None
        if not isinstance(settings, dict):
            raise UserError(f'{file} has no object "settings"; pass another run, or remove it')
        found.append(
            (split in settings.get("split_test", ()), content.get("started", ""), settings)
        )
    return max(found, key=lambda each: each[:2])[2] if found else None


def _recorded_root(path: Path, settings: dict[str, Any] | None) -> Path:
    """Data root of a run; a relative one starts where the program was started, at models/.."""
    recorded = (settings or {}).get("SoccerNet_path")
    if not isinstance(recorded, str):
        raise UserError(f"{path} does not tell where its data is; pass --SoccerNet_path")
    return path.resolve().parent.parent / recorded
