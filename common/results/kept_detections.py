"""Result files with only the detections that are confident enough, for people to use."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from common.files import parse_json
from common.results.predictions import RESULT_FILE, parse_detections, write_game, write_zip
from common.results.scored_run import RunResults


def write_kept(results: RunResults, thresholds: NDArray[np.float64], folder: Path) -> int:
    """Writes <folder>/<game>/results_spotting.json of all games, and <folder>.zip.

    Returns the number of detections that are at or above the thresholds of their classes [C].
    Raises UserError if a game has no result file or a malformed one.
    """
    threshold_of = dict(zip(results.classes.names, thresholds.tolist(), strict=True))
    total = 0
    bar = tqdm(results.games, desc="writing", unit="game", delay=1, leave=False, disable=None)
    for game in bar:
        name = f"{game}/{results.file}"
        source = f"{results.predictions.root}/{name}"
        content, kept = keep(results.predictions.read(name), source, threshold_of)
        write_game(folder, game, content)
        total += kept
    write_zip(folder.with_name(f"{folder.name}.zip"), folder, results.games, RESULT_FILE)
    return total


def keep(content: bytes, source: str, threshold_of: dict[str, float]) -> tuple[bytes, int]:
    """A result file with the detections at or above the thresholds, in the order of time.

    Entries keep their text; other classes are left out. Returns the file and their number.

    Args:
        source: names the file in errors.
        threshold_of: class name -> threshold.
    """
    number_of = {name: number for number, name in enumerate(threshold_of)}
    parse_detections(content, source, number_of)  # which refuses what is malformed
    parsed = parse_json(content, source)
    kept = [
        entry
        for entry in parsed["predictions"]
        if float(entry["confidence"]) >= threshold_of.get(entry["label"], np.inf)
    ]
    kept.sort(key=lambda entry: (int(entry["half"]), int(entry["position"])))
    text = json.dumps({**parsed, "predictions": kept}, indent=4, ensure_ascii=False)
    return text.encode(), len(kept)
