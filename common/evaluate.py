"""Scores result files against annotations: the published evaluator, faster, for any split.

python -m common.evaluate --SoccerNet_path DATA --Predictions_path results_spotting_test.zip
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.data.events import EventClasses, event_classes
from common.data.games import list_games, official_splits
from common.data.labels import TimeField
from common.errors import UserError, counted, run_cli
from common.files import write_json
from common.metric.average_map import TOLERANCES_SECONDS
from common.results.predictions import JsonTree, guess_file_name
from common.results.reading import EVALUATION_FRAMERATE, Reading
from common.results.scores import evaluate_games, published_results, summary
from common.training.flags import new_parser


def evaluate(
    SoccerNet_path: str | Path,
    Predictions_path: str | Path,
    prediction_file: str | None = "results_spotting.json",
    split: str = "test",
    version: int = 2,
    framerate: int = EVALUATION_FRAMERATE,
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

    Differences: the label file follows the version unless it is given; malformed input raises
    UserError; numpy's error state stays as it is. `num_classes` and `task` are accepted and, as
    in the original, have no effect on this metric.

    Returns:
        a_mAP, a_mAP_per_class, and both for visible and unshown spots (None unless version 2).
    """
    labels, predictions = JsonTree(Path(SoccerNet_path)), JsonTree(Path(Predictions_path))
    classes = event_classes(Path(SoccerNet_path), version)
    if EVENT_DICTIONARY is not None:
        names = sorted(EVENT_DICTIONARY, key=EVENT_DICTIONARY.__getitem__)
        classes = EventClasses(tuple(names), classes.label_file, substring_match=version == 1)
    label_file = label_files or (classes.label_file if dataset else guess_file_name(labels))
    result = evaluate_games(
        labels,
        predictions,
        _games_of(labels, split) if dataset else _games_with(labels, label_file),
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


def _games_of(labels: JsonTree, split: str) -> list[str]:
    if labels.root.is_dir():
        return list_games(labels.root, [split])
    official = official_splits()
    if split not in official:
        raise UserError(f"unknown split {split!r}; choose of {', '.join(official)}")
    return official[split]


def _games_with(labels: JsonTree, label_file: str) -> list[str]:
    return [
        name.removesuffix(f"/{label_file}")
        for name in labels.names()
        if name.endswith(f"/{label_file}")
    ]


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags in `argv`, or in the command line."""
    parser = new_parser(
        "python -m common.evaluate", "Average-mAP of result files, from files alone."
    )
    add = parser.add_argument
    add("--SoccerNet_path", type=Path, required=True, help="data root, a folder or a zip of labels")
    add("--Predictions_path", type=Path, required=True, help="result files, a folder or a zip")
    add("--Prediction_file", help="name of the result files [the published name, else any JSON]")
    add("--split", default="test", help="games to score, any split with labels [test]")
    add("--version", type=int, default=2, help="SoccerNet version: 1 (3 classes) or 2 (17) [2]")
    add("--metric", nargs="+", default=["loose", "tight"], choices=TOLERANCES_SECONDS,
        help="loose: 5…60 s (2021), tight: 1…5 s (2022), atN: N s only [loose tight]")  # fmt: skip
    add("--gt-time", choices=("position", "gameTime"), default="position",
        help="clock of the annotations: ms, or whole seconds as in 2021 [position]")  # fmt: skip
    add("--label_file", help="name of the label files [Labels.json for version 1, Labels-v2.json]")
    add("--allow-missing", action="store_true", help="count games without results as empty")
    add("--lenient", action="store_true", help="let pass what the official evaluator lets pass")
    add("--output", type=Path, help="write all numbers as JSON to this file")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Prints a table per metric and writes JSON when asked to."""
    args = parse_arguments(argv)
    from common.results.tables import print_results

    labels, predictions = JsonTree(args.SoccerNet_path), JsonTree(args.Predictions_path)
    classes = event_classes(args.SoccerNet_path, args.version)
    games = _games_of(labels, args.split)
    reading = Reading(
        label_file=args.label_file,
        prediction_file=args.Prediction_file or guess_file_name(predictions),
        gt_time=args.gt_time,
        allow_missing=args.allow_missing,
        lenient=args.lenient,
    )
    results = evaluate_games(
        labels, predictions, games, classes, metrics=args.metric, reading=reading
    )
    print_results(results, classes.names, f"{args.split}: {counted(len(games), 'game')}")
    if args.output:
        content = {metric: summary(result, classes.names) for metric, result in results.items()}
        write_json(args.output, {"split": args.split, "games": len(games), "metrics": content})
        print(f"all numbers: {args.output}")


if __name__ == "__main__":
    run_cli(main)
