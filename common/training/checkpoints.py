"""Checkpoints in the published format: epoch, state_dict, best_loss, optimizer."""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from common.errors import UserError
from common.files import read_whole, write_bytes
from common.results.run_record import BEST_FILE as BEST_FILE
from common.results.run_record import LAST_FILE as LAST_FILE
from common.results.run_record import (
    TRAINED,
    programs,
    read_record,
    recorded_program,
    running_program,
)

# What wrappers put before every name: DataParallel, Lightning, torch.compile.
_PREFIXES = ("module.", "model.", "_orig_mod.")


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Writes a checkpoint wholly or not at all. Tensors and plain Python values only."""
    # By way of memory: torch would name the archive's inside after the temporary file, and report
    # a full disk as a RuntimeError.
    archive = io.BytesIO()
    torch.save(content, archive)
    write_bytes(path, archive.getvalue())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Content of a checkpoint, on the CPU, without running code from the file.

    A bare state dict is one, too, and prefixes of wrapped networks are taken off.

    Raises UserError when the file is missing, damaged, or no checkpoint.
    """
    if (path / BEST_FILE).is_file():
        raise UserError(f"expected a checkpoint at {path}, found a run; give {path / BEST_FILE}")
    archive = io.BytesIO(read_whole(path, "a checkpoint"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = torch.load(archive, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files make torch raise all sorts
        raise UserError(
            f"{path} is damaged, or holds something else than tensors and plain values (which may "
            "be code: it was not run); fetch or write it again"
        ) from error
    if _is_state_dict(content):
        content = {"state_dict": content}
    if not isinstance(content, dict) or not _is_state_dict(content.get("state_dict")):
        raise UserError(f"{path} has no state_dict; it is no checkpoint of this project")
    weights: dict[str, Tensor] = content["state_dict"]
    for name, weight in weights.items():
        if kind := _odd_kind(weight):
            raise UserError(
                f"{path}: {name} is a tensor {kind}, expected plain numbers; save the weights of "
                "the trained network itself"
            )
    return {**content, "state_dict": _without_prefixes(weights)}


def _is_state_dict(content: object) -> bool:
    return (
        isinstance(content, dict)
        and bool(content)
        and all(isinstance(n, str) and isinstance(w, Tensor) for n, w in content.items())
    )


def _odd_kind(weight: Tensor) -> str:
    """What makes a tensor unfit to be loaded; empty if nothing does."""
    if weight.is_meta:
        return "without content (of the device meta)"
    if weight.is_quantized:
        return "of quantized numbers"
    if weight.layout != torch.strided or weight.is_nested:
        return f"of the layout {str(weight.layout).removeprefix('torch.')}"
    if weight.is_complex():
        return "of complex numbers"
    if weight.is_floating_point() and not bool(torch.isfinite(weight.float()).all()):
        return "with numbers that are not finite"
    return ""


def _without_prefixes(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights under the names that they have in the network itself."""
    for prefix in _PREFIXES * 2:  # a wrapper may be wrapped
        if all(name.startswith(prefix) for name in weights):
            weights = {name.removeprefix(prefix): weight for name, weight in weights.items()}
    return weights


def check_classes(classes: Sequence[str], known: object, source: Path) -> None:
    """Raises UserError if a network's outputs would be taken for other classes.

    Args:
        classes: of the data, in order; none: whichever.
        known: those in the checkpoint or the record `source`; None in those of earlier versions.
    """
    if not classes or not isinstance(known, list | tuple) or list(known) == list(classes):
        return
    if len(known) != len(classes):
        difference = f"{len(known)} classes, now {len(classes)}"
    else:
        number = next(n for n, name in enumerate(classes) if name != known[n])
        difference = f"{known[number]!r} as class {number + 1}, now {classes[number]!r}"
    raise UserError(
        f"{source} was trained with {difference}; bring back the classes.json of its training "
        f"(in this order: {', '.join(map(str, known[:20]))}), or check --SoccerNet_path"
    )


def load_weights(model: nn.Module, path: Path, classes: Sequence[str] = ()) -> dict[str, Any]:
    """Puts a checkpoint's weights into the model, by name and shape, none left over.

    Returns the checkpoint's content. Raises UserError naming what does not fit.

    Args:
        classes: that the model's outputs stand for, if they have to be the checkpoint's.
    """
    content = read_checkpoint(path)
    check_classes(classes, content.get("classes"), path)
    theirs, ours = content["state_dict"], model.state_dict()
    wrong = [f"{name} is missing" for name in ours if name not in theirs]
    wrong += [f"{name} is not in the model" for name in theirs if name not in ours]
    wrong += [
        f"{name} is {tuple(theirs[name].shape)}, expected {tuple(ours[name].shape)}"
        for name in ours
        if name in theirs and theirs[name].shape != ours[name].shape
    ]
    if wrong:
        raise UserError(
            f"{path} belongs to a model with other settings: {'; '.join(wrong[:4])}; "
            f"{_way_out(path)}"
        )
    model.load_state_dict(theirs)
    return content


def _way_out(weights: Path) -> str:
    """What to do with weights that do not fit: mostly another program was meant, or other flags."""
    record = weights.parent / TRAINED
    trainer = recorded_program(read_record(record)) if record.is_file() else "?"
    if trainer in programs() - {running_program()}:
        return f"they were trained by {trainer}: start that, or check --model_name"
    return "use the flags that it was trained with"
