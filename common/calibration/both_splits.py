"""The two models of the calibration papers in one go: visual classes with players, others without.

Their runs lie in models/<model_name>/visual and …/nonvisual, the merged results beside them.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from common.data.events import CLASS_SPLITS, event_classes
from common.data.games import games_at_hand
from common.errors import UserError
from common.files import read_json, write_json
from common.metric.average_map import AveragePrecision
from common.results.merging import merge
from common.results.run_record import record_settings
from common.results.split_results import publish_split
from common.training.checkpoints import BEST_FILE
from common.training.run_folder import log


def run_both_splits(args: argparse.Namespace, run: Callable[[argparse.Namespace], None]) -> None:
    """Trains or tests a model for each class split, merges and scores what they spot.

    The model of the nonvisual classes has no player branch, as published.

    Args:
        run: trains and tests one model.
    """
    if args.load_weights:
        raise UserError("--class_split both tests two models; use --model_name, not --load_weights")
    if args.features_path:
        raise UserError("--features_path takes one model; give --class_split visual or nonvisual")
    folder = Path("models") / args.model_name
    if not args.test_only and (folder / BEST_FILE).exists():
        raise UserError(
            f"{folder} already holds the run of one model; pass another --model_name for the pair"
        )
    splits = ["challenge"] if args.challenge else args.split_test
    for part in CLASS_SPLITS:
        own = argparse.Namespace(**vars(args))
        own.class_split, own.model_name = part, f"{args.model_name}/{part}"
        if part == "nonvisual":
            own.backbone_player, own.backbone_feature = None, "2DConv"
        run(own)
    if int(os.environ.get("RANK", "0")):
        return  # the first process has all results
    record_settings(folder, vars(args), "test" if args.test_only else "train")
    classes = event_classes(args.SoccerNet_path, args.version)
    for split in splits:
        games = games_at_hand(args.SoccerNet_path, [split])[: args.tiny]
        parts = [folder / part / f"results_spotting_{split}.zip" for part in CLASS_SPLITS]
        merge(parts, folder / f"outputs_{split}")
        results = publish_split(folder, split, args.SoccerNet_path, games, classes, args.gt_time)
        if results:
            _tell_parts(folder, split, results)


def _tell_parts(folder: Path, split: str, results: dict[str, AveragePrecision]) -> None:
    """Logs both parts beside the whole, and adds them to its file of results."""
    path = folder / f"results_{split}.json"
    content = read_json(path)
    for metric, result in results.items():
        of_part = {}
        for part in CLASS_SPLITS:
            scores = read_json(folder / part / f"results_{split}.json")["metrics"]
            of_part[part] = scores[metric]["a_mAP"]
        sizes = [len(names) for names in CLASS_SPLITS.values()]
        mean = sum(n * s for n, s in zip(sizes, of_part.values(), strict=True)) / sum(sizes)
        content["metrics"][metric]["parts"] = {**of_part, "weighted_mean": mean}
        log.info(
            "%s, %s: visual %.2f, nonvisual %.2f; (8 x visual + 9 x nonvisual) / 17 = %.2f, merged "
            "%.2f", split, metric, *(100 * s for s in of_part.values()), 100 * mean,
            100 * result.a_map(),
        )  # fmt: skip
    write_json(path, content)
