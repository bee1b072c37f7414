"""From the result files of a split to everything that people and the server want of it."""

from collections.abc import Sequence
from pathlib import Path

from common.data.events import EventClasses
from common.data.labels import TimeField
from common.errors import counted
from common.metric.average_map import AveragePrecision
from common.results.predictions import JsonTree, write_zip
from common.results.reading import Reading
from common.results.scores import evaluate_games, summary
from common.results.split_figure import draw_report
from common.results.tables import print_results
from common.results.validity import validate, verdict
from common.training.run_folder import log, write_results


def publish_split(
    run: Path,
    split: str,
    root: Path,
    games: Sequence[str],
    classes: EventClasses,
    gt_time: TimeField = "position",
) -> dict[str, AveragePrecision] | None:
    """Packs results_spotting_<split>.zip; where there are labels also scores, prints and draws.

    Reads models/<name>/outputs_<split>/. Games without labels (the challenge split) cannot be
    scored: then only the archive is written and None returned.
    """
    archive = run / f"results_spotting_{split}.zip"
    write_zip(archive, run / f"outputs_{split}", games)
    findings = validate(archive, games, classes)
    log.info("%s: %s: %s", split, archive, verdict(findings))
    for error in findings.errors:
        log.error("%s: %s", split, error)
    if not any((root / game / classes.label_file).is_file() for game in games):
        log.info("%s: no labels here, so no scores", split)
        return None
    results = evaluate_games(
        JsonTree(root),
        JsonTree(archive),
        games,
        classes,
        metrics=("loose", "tight"),
        reading=Reading(gt_time=gt_time),
    )
    content = {metric: summary(result, classes.names) for metric, result in results.items()}
    file = write_results(
        run, split, {"split": split, "games": len(games), "gt_time": gt_time, "metrics": content}
    )
    print_results(results, classes.names, f"{run.name}, {split}: {counted(len(games), 'game')}")
    figure = draw_report(
        run / f"report_{split}.png", results, classes.names, f"{run.name}, {split}"
    )
    log.info("%s: all numbers in %s, figure in %s", split, file, figure)
    return results
