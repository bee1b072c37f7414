"""The six programs from the shell: trained and tested, again, without recording, stopped, resumed.

And one checkpoint tested on the card, on the CPU, and in bf16.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from card_notes import Notes, Setting
from card_shell import Ended, call_of, flags_of, python, side_by_side, write_games
from torch import Tensor

from common.training.checkpoints import BEST_FILE, LAST_FILE, read_checkpoint

_NEAR = 1e-5  # of scores on card and CPU
# Of scores in bf16 and fp32, for the weights of two epochs: on a CPU up to 0.0026 was measured.
_BF16_NEAR = 0.02
_INTERRUPTED = 130
FEW = ("TemporallyAwarePooling", "CALF_Calibration_GCN")


def programs(setting: Setting, notes: Notes) -> None:
    """All of the above; each program's seconds."""
    data, flags = write_games(setting.folder, setting.tiny), flags_of(setting)
    chosen = [*flags]
    if setting.tiny:  # the suite has each program from the shell, too
        flags = {name: flags[name] for name in FEW}
        chosen = FEW[:1]
    first = {name: partial(_train, setting, data, name, "first") for name in flags}
    # What is compared with the first needs not wait for it.
    others = {
        (name, kind): partial(run, setting, data, name)
        for name in chosen
        for kind, run in _others(setting).items()
    }
    done = side_by_side([*first.values(), *others.values()])
    for name, ended in zip(first, done, strict=False):
        notes.row(program=name, seconds=round(ended.seconds, 1), code=ended.code)
        notes.check(f"{name} trains two epochs and tests", ended.right, _trouble(ended))
    for (name, kind), ended in zip(others, done, strict=True):
        _compare_weights(setting, notes, name, kind, ended)
    if setting.device == "cpu":
        notes.skip("recorded steps against steps taken", "the CPU records none")
        notes.skip("scores of card and CPU", "the device is the CPU")
    if setting.tiny and setting.device == "cpu":
        notes.skip("scores of bf16", "tiny")
    else:
        _test_again(setting, notes, data, chosen)


def _train(
    setting: Setting, data: Path, program: str, run: str, *words: object, **how: object
) -> Ended:
    flags = flags_of(setting)[program]
    words = ("--max_epochs", 2, "--device", setting.device, "--model_name", f"{program}_{run}",
             *words)  # fmt: skip
    return python(setting.folder, *call_of(program, data, *flags, *words), **how)


def _others(setting: Setting) -> dict[str, Callable[..., Ended]]:
    """Runs that should end with the bits of the first, by what they are."""

    def again(setting: Setting, data: Path, program: str) -> Ended:
        return _train(setting, data, program, "again")

    def resumed(setting: Setting, data: Path, program: str) -> Ended:
        last = setting.folder / "models" / f"{program}_resumed" / LAST_FILE
        ended = _train(setting, data, program, "resumed", first_epoch=last)
        if ended.code != _INTERRUPTED:
            return ended
        return _train(setting, data, program, "resumed", "--resume")

    def unrecorded(setting: Setting, data: Path, program: str) -> Ended:
        return _train(setting, data, program, "unrecorded", "--capture", "off")

    if setting.tiny and setting.device == "cpu":
        return {"resumed": resumed}  # which is begun anew, too
    return {"again": again, "resumed": resumed} | (
        {"unrecorded": unrecorded} if setting.device == "cuda" else {}
    )


def _trouble(ended: Ended) -> str:
    return "" if ended.right else f"code {ended.code}: {ended.last_words}"


def tensors_of(content: object, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """All tensors of a checkpoint with where they stand."""
    if isinstance(content, Tensor):
        yield name, content
    elif isinstance(content, dict):
        for key, value in content.items():
            yield from tensors_of(value, f"{name}/{key}")
    elif isinstance(content, list | tuple):
        for number, value in enumerate(content):
            yield from tensors_of(value, f"{name}/{number}")


def _compare_weights(setting: Setting, notes: Notes, program: str, kind: str, ended: Ended) -> None:
    """Whether a run ended with the bits of the first: weights and optimiser."""
    title = f"{program} {kind}: the same bits as the first time"
    paths = [setting.folder / "models" / f"{program}_{run}" / LAST_FILE for run in ("first", kind)]
    if not ended.right or not all(path.exists() for path in paths):
        notes.check(title, False, _trouble(ended) or "no checkpoint")
        return
    mine, theirs = (dict(tensors_of(read_checkpoint(path))) for path in paths)
    other = [
        key for key in mine.keys() | theirs.keys()
        if key not in mine or key not in theirs or not torch.equal(mine[key], theirs[key])
    ]  # fmt: skip
    detail = f"{len(mine)} tensors"
    if other:
        far = max((float((mine[k].double() - theirs[k].double()).abs().max())
                   for k in other if k in mine and k in theirs), default=float("nan"))  # fmt: skip
        detail = f"{len(other)} of {len(mine)} differ, by up to {far:.3g}, such as {min(other)}"
    notes.check(title, not other, detail)


def _test_again(setting: Setting, notes: Notes, data: Path, chosen: list[str]) -> None:
    """Tests each checkpoint on the CPU and in bf16, and compares the scores."""
    models = setting.folder / "models"
    kinds = {"bf16": ["--device", setting.device, "--precision", "bf16"]}
    if setting.device == "cuda":
        kinds["cpu"] = ["--device", "cpu"]
    tasks = {}
    for name in chosen:
        weights = models / f"{name}_first" / BEST_FILE
        for kind, words in kinds.items():
            call = call_of(name, data, *flags_of(setting)[name], *words, "--test_only",
                           "--load_weights", weights, "--model_name", f"{name}_{kind}",
                           "--split_test", "test")  # fmt: skip
            tasks[name, kind] = partial(python, setting.folder, *call)
    for (name, kind), ended in zip(tasks, side_by_side([*tasks.values()]), strict=True):
        title = f"{name}: a_mAP of {setting.device} in fp32 and {kind}"
        if not ended.right:
            notes.check(title, False, _trouble(ended))
            continue
        scores = [_score(models / f"{name}_{run}") for run in ("first", kind)]
        far, bound = abs(scores[0] - scores[1]), _BF16_NEAR if kind == "bf16" else _NEAR
        detail = f"{scores[0]:.6f} and {scores[1]:.6f}, at most {bound} apart"
        notes.check(title, far <= bound, detail)


def _score(run: Path) -> float:
    """Loose average-mAP on test."""
    content = json.loads((run / "results_test.json").read_text())
    return content["metrics"]["loose"]["a_mAP"]
