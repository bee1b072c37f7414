"""Scores result files against annotations: the published evaluator, faster, for any split.

python -m common.evaluate --SoccerNet_path DATA --Predictions_path results_spotting_test.zip
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.data.events import V1_NAMES, EventClasses, event_classes
from common.data.games import OFFICIAL_SPLITS, games_at_hand, read_splits
from common.data.labels import TimeField
from common.data.package_games import package_classes, package_splits
from common.errors import UserError, counted, run_cli
from common.files import write_json
from common.metric.average_map import TOLERANCES_SECONDS
from common.results.json_tree import JsonTree
from common.results.predictions import RESULT_FILE, guess_file_name
from common.results.reading import EVALUATION_FRAMERATE, Reading, labelled_games
from common.results.scored_run import results_of_run
from common.results.scores import evaluate_games, published_results, summary
from common.training.argument_types import file_to_write, place, rate
from common.training.flags import new_parser


def evaluate(
    SoccerNet_path: str | Path,
    Predictions_path: str | Path,
    prediction_file: str | None = "results_spotting.json",
    split: str | Sequence[str] = "test",
    version: int = 2,
    framerate: float = EVALUATION_FRAMERATE,
    metric: str = "loose",
    label_files: str | None = None,
    num_classes: int | None = None,
    dataset: str | None = "SoccerNet",
    task: str = "spotting",
    EVENT_DICTIONARY: dict[str, int] | None = None,
    *,
    gt_time: TimeField = "position",
    allow_missing: bool = False,
    lenient: bool = False,
) -> dict[str, Any]:
    """Takes the arguments of `SoccerNet.Evaluation.ActionSpotting.evaluate`, returns its results.

    Differences: a splits.json and a classes.json at the data root go before the package's lists;
    games that are not at hand or have no labels are left out, which is said; the label file follows
    the version and the data set unless it is given; of a run's folder its results of the split are
    scored; malformed input raises UserError; numpy's error state stays as it is. `num_classes` is
    accepted and, as in the original, has no effect.

    Returns:
        a_mAP, a_mAP_per_class, and both for visible and unshown spots (None unless version 2).
    """
    labels, results = JsonTree(Path(SoccerNet_path)), Path(Predictions_path)
    predictions = JsonTree(results_of_run(results, split) if isinstance(split, str) else results)
    classes = _classes_of(labels, version, dataset, task, EVENT_DICTIONARY)
    label_file = label_files or (classes.label_file if dataset else guess_file_name(labels))
    games = _games_of(labels, split, dataset, task) if dataset else _games_with(labels, label_file)
    result = evaluate_games(
        labels,
        predictions,
        _with_labels(labels, games, label_file),
        classes,
        metrics=(metric,),
        reading=Reading(
            label_file=label_file,
            prediction_file=prediction_file or guess_file_name(predictions),
            framerate=framerate,
            gt_time=gt_time,
            allow_missing=allow_missing,
            lenient=lenient,
        ),
    )
    return published_results(result[metric], version)


def _classes_of(
    labels: JsonTree,
    version: int,
    dataset: str | None,
    task: str,
    numbers: dict[str, int] | None,
) -> EventClasses:
    """The classes given by name, of the data root, or of the data set."""
    _refuse_packed_lists(labels)
    known = package_classes(dataset, task) if dataset else None
    if known is None or (labels.root / "classes.json").is_file():
        known = event_classes(labels.root, version)
    if numbers is None:
        if dataset == "SoccerNet" and task not in ("spotting", "spotting-ball", "caption"):
            raise UserError(f"the task {task!r} has no classes of its own; pass EVENT_DICTIONARY")
        return known
    if (
        not isinstance(numbers, Mapping)
        or not all(isinstance(name, str) for name in numbers)
        or not numbers
        or not all(isinstance(number, int) for number in numbers.values())
        or set(numbers.values()) != set(range(len(numbers)))
    ):
        raise UserError(
            "EVENT_DICTIONARY must hold names of classes, numbered from 0 on, each once; found "
            f"{numbers!r}"
        )
    names = sorted(numbers, key=numbers.__getitem__)
    if version == 1 and tuple(names) != V1_NAMES:
        raise UserError(
            f"version 1 has the classes {', '.join(V1_NAMES)} in this order, which it finds by "
            f"parts of labels; pass version=2 for the classes {', '.join(names)}"
        )
    return EventClasses(tuple(names), known.label_file, known.halves, version == 1)


def _refuse_packed_lists(labels: JsonTree) -> None:
    """Raises UserError for games or classes of one's own in a zip, where nobody looks for them."""
    for name in ("splits.json", "classes.json"):
        if labels.root.is_file() and name in labels:
            raise UserError(
                f"{labels.root} holds a {name}, which is read from folders only; unpack it, and "
                "pass the folder"
            )


def _games_of(
    labels: JsonTree,
    split: str | Sequence[str],
    dataset: str = "SoccerNet",
    task: str = "spotting",
) -> list[str]:
    """Games of one or several splits; "v1" and "all" are those of the package."""
    splits = [split] if isinstance(split, str) else split
    if not isinstance(splits, Sequence) or not all(isinstance(each, str) for each in splits):
        raise UserError(f"split must be a name or a list of names, found {split!r}")
    official = package_splits(dataset, task)
    own = (labels.root / "splits.json").is_file()
    known = read_splits(labels.root) if own else official
    for group, members in (("all", tuple(known)), ("v1", OFFICIAL_SPLITS[:3])):
        if group in splits and group not in known:
            splits = [s for one in splits for s in (members if one == group else (one,))]
    if unknown := [each for each in splits if each not in known]:
        raise UserError(f"unknown split {unknown[0]!r}; {labels.root} has {', '.join(known)}")
    if labels.root.is_dir() and (own or (dataset, task) == ("SoccerNet", "spotting")):
        return list(dict.fromkeys(games_at_hand(labels.root, dict.fromkeys(splits))))
    return list(dict.fromkeys(game for each in splits for game in known[each]))


def _games_with(labels: JsonTree, label_file: str) -> list[str]:
    return [
        name.removesuffix(f"/{label_file}")
        for name in labels.names()
        if name.endswith(f"/{label_file}")
    ]


def _with_labels(labels: JsonTree, games: Sequence[str], label_file: str) -> list[str]:
    """The games that have annotations. Raises UserError if there are games and none has."""
    labelled = labelled_games(labels, games, label_file)
    if games and not labelled:
        advice = "choose a split with labels, or check --version and --label_file"
        if any(name.endswith(f"/{RESULT_FILE}") for name in labels.names()):
            advice = (
                "it holds results: give it as --Predictions_path, and the labels' folder as data"
            )
        raise UserError(
            f"none of {counted(len(games), 'game')} in {labels.root} has a {label_file}, so "
            f"nothing can be scored; {advice}"
        )
    return labelled


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags in `argv`, or in the command line. Raises UserError for an output that is read."""
    parser = new_parser(
        "python -m common.evaluate", "Average-mAP of result files, from files alone."
    )
    add = parser.add_argument
    add(
        "--SoccerNet_path",
        type=place,
        required=True,
        help="data root, a folder or zip of labels",
    )
    add("--Predictions_path", type=place, required=True,
        help="result files, a folder or a zip; or the folder of a run")  # fmt: skip
    add("--Prediction_file", help="name of the result files [the published name, else any JSON]")
    add("--split", default="test", help="games to score, any split with labels [test]")
    add("--version", type=int, default=2, help="SoccerNet version: 1 (3 classes) or 2 (17) [2]")
    add("--metric", nargs="+", default=["loose", "tight"], choices=TOLERANCES_SECONDS,
        help="loose: 5…60 s (2021), tight: 1…5 s (2022), atN: N s only [loose tight]")  # fmt: skip
    add("--gt-time", choices=("position", "gameTime"), default="position",
        help="clock of the annotations: ms, or whole seconds as in 2021 [position]")  # fmt: skip
    add("--framerate", type=rate, default=EVALUATION_FRAMERATE,
        help="frames a second of the metric, 25 for ball actions; not of features [2]")  # fmt: skip
    add("--label_file", help="name of the label files [Labels.json for version 1, Labels-v2.json]")
    add("--allow-missing", action="store_true", help="count games without results as empty")
    add("--lenient", action="store_true", help="let pass what the official evaluator lets pass")
    add("--output", type=file_to_write, help="write all numbers as JSON to this file")
    args = parser.parse_args(argv)
    for given in (args.SoccerNet_path, args.Predictions_path):
        if args.output and args.output.resolve() == given.resolve():
            raise UserError(f"--output {args.output} would overwrite what is read; choose another")
    return args


def main(argv: Sequence[str] | None = None) -> None:
    """Prints a table per metric and writes JSON when asked to."""
    args = parse_arguments(argv)
    from common.results.tables import print_results

    labels = JsonTree(args.SoccerNet_path)
    predictions = JsonTree(results_of_run(args.Predictions_path, args.split))
    _refuse_packed_lists(labels)
    classes = event_classes(args.SoccerNet_path, args.version)
    label_file = args.label_file or classes.label_file
    games = _with_labels(labels, _games_of(labels, args.split), label_file)
    reading = Reading(
        label_file=label_file,
        prediction_file=args.Prediction_file or guess_file_name(predictions),
        framerate=args.framerate,
        gt_time=args.gt_time,
        allow_missing=args.allow_missing,
        lenient=args.lenient,
    )
    results = evaluate_games(
        labels, predictions, games, classes, metrics=args.metric, reading=reading
    )
    about = f"{counted(len(games), 'game')} at {args.framerate:g} frames per second"
    print_results(results, classes.names, f"{args.split}: {about}")
    if predictions.root != args.Predictions_path:
        print(f"scored: {predictions.root}")
    if args.output:
        content = {metric: summary(result, classes.names) for metric, result in results.items()}
        facts = {"split": args.split, "games": len(games), "framerate": args.framerate}
        write_json(args.output, {**facts, "metrics": content})
        print(f"all numbers: {args.output}")


if __name__ == "__main__":
    run_cli(main)
