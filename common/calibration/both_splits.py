"""The two models of the calibration papers as a pair: what they spot is put together and scored.

Their runs lie in models/<model_name>/visual and …/nonvisual, the merged results beside them.
"""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from common.data.data_set import DataSet
from common.data.events import CLASS_SPLITS
from common.errors import UserError, log
from common.files import locked, read_json, write_json
from common.metric.average_map import AveragePrecision
from common.results.merging import merge
from common.results.split_results import publish_split
from common.training.checkpoints import BEST_FILE
from common.training.distributed import is_first_process
from common.training.run_folder import refuse_claim


def require_pair(
    folder: Path, *, training: bool, resume: bool, overwrite: bool, load_weights: Path | None
) -> None:
    """Raises UserError for what a pair of models cannot do, or where other runs are in the way.

    Looks at both folders, before the first of the two models is trained.
    """
    if load_weights:
        raise UserError("--class_split both tests two models; use --model_name, not --load_weights")
    if training and (folder / BEST_FILE).exists():
        raise UserError(
            f"{folder} already holds the run of one model; pass another --model_name for the pair"
        )
    for part in CLASS_SPLITS:
        refuse_claim(folder / part, training=training, resume=resume, overwrite=overwrite)


def require_one_model(class_split: str | None, name: str) -> None:
    """Raises UserError if files of one's own are to be spotted in by a pair of models."""
    if class_split == "both":
        part = f"{name}/nonvisual"
        raise UserError(
            f"{name} is a pair, and spotting in files of one's own takes one model; give the part "
            f"that sees no players, --model_name {shlex.quote(part)} (to common.spot "
            f"{shlex.quote(f'models/{part}')}), and leave out --class_split; both parts spot in a "
            "game that has its player files (commands in docs/own_video.md)"
        )


@contextmanager
def held_pair(folder: Path) -> Iterator[None]:
    """Has the folder of a pair alone inside the block, for the first process speaks for all.

    Else another pair could replace one model while this trains the other, and both be merged.
    Raises UserError naming who has it.
    """
    if not is_first_process():
        yield
        return
    try:
        with locked(folder):
            yield
    finally:
        with suppress(OSError):  # made for the lock alone, if nothing is in it
            folder.rmdir()
            folder.parent.rmdir()


def publish_pair(folder: Path, split: str, data: DataSet) -> None:
    """Merges what both models found in a split; packs, scores and draws it as one model's.

    Args:
        folder: of the pair, with a run for each class split.
        data: with the classes of both.
    """
    parts = [folder / part / f"results_spotting_{split}.zip" for part in CLASS_SPLITS]
    merge(parts, folder / f"outputs_{split}")
    results = publish_split(folder, split, data, data.games([split]))
    if results:
        _add_parts(folder, split, results)


def _add_parts(folder: Path, split: str, results: dict[str, AveragePrecision]) -> None:
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
