"""From the result files of a split to everything that people and the server want of it."""

import logging
from collections.abc import Sequence
from pathlib import Path

from common.data.data_set import DataSet
from common.errors import counted, log
from common.files import write_json
from common.metric.average_map import AveragePrecision
from common.results.json_tree import JsonTree
from common.results.predictions import write_zip
from common.results.read_back import read_back_archive, read_back_scores
from common.results.reading import EVALUATION_FRAMERATE, Reading, labelled_games
from common.results.scores import evaluate_games, summary
from common.results.split_figure import draw_report
from common.results.tables import print_results
from common.results.validity import validate, verdict


def publish_split(
    folder: Path, split: str, data: DataSet, games: Sequence[str]
) -> dict[str, AveragePrecision] | None:
    """Packs results_spotting_<split>.zip; where there are labels also scores, prints and draws.

    Reads outputs_<split>/ of a run's folder. Games without labels cannot be scored: if no game has
    labels (the challenge split), only the archive is written and None returned.

    Raises UserError if archive or scores do not read back as they were written.
    """
    archive, outputs = folder / f"results_spotting_{split}.zip", folder / f"outputs_{split}"
    write_zip(archive, outputs, games)
    findings = validate(archive, games, data.classes)
    log.info("%s: %s: %s", split, archive, verdict(findings))
    for error in findings.errors:
        log.error("%s: %s", split, error)
    for warning in findings.warnings:
        log.warning("%s: %s", split, warning)
    read_back_archive(archive, outputs, games)
    log.info("%s: read back: the archive holds what was spotted, byte by byte", split)
    labels = JsonTree(data.root)
    games = labelled_games(labels, games, data.classes.label_file)
    if not games:
        level = logging.INFO if split == "challenge" else logging.WARNING
        log.log(level, "%s: no labels here, so no scores", split)
        return None
    names = data.classes.names
    results = evaluate_games(
        labels,
        JsonTree(archive),
        games,
        data.classes,
        metrics=("loose", "tight"),
        reading=Reading(gt_time=data.gt_time),
    )
    content = {
        "split": split,
        "games": len(games),
        "gt_time": data.gt_time,
        "metrics": {metric: summary(result, names) for metric, result in results.items()},
    }
    scores = folder / f"results_{split}.json"
    write_json(scores, content)
    read_back_scores(scores, content)
    log.info("%s: read back: %s holds all scores as computed", split, scores.name)
    about = f"{counted(len(games), 'game')} at {EVALUATION_FRAMERATE} frames per second"
    print_results(results, names, f"{folder.name}, {split}: {about}")
    figure = draw_report(folder / f"report_{split}.png", results, names, f"{folder.name}, {split}")
    log.info("%s: all numbers in %s, figure in %s", split, scores, figure)
    return results
