"""Checkpoints in the published format: epoch, state_dict, best_loss, optimizer."""

import io
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from common.errors import UserError
from common.files import write_bytes

BEST_FILE = "model.pth.tar"  # lowest validation loss
LAST_FILE = "last.pth.tar"  # newest, with all that resuming needs


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Writes a checkpoint wholly or not at all. Tensors and plain Python values only."""
    # By way of memory: torch would name the archive's inside after the temporary file, and report
    # a full disk as a RuntimeError.
    archive = io.BytesIO()
    torch.save(content, archive)
    write_bytes(path, archive.getvalue())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Content of a checkpoint, on the CPU, without running code from the file.

    Raises UserError when the file is missing, damaged, or no checkpoint.
    """
    if not path.is_file():
        raise UserError(f"expected a checkpoint at {path}, found no such file")
    archive = io.BytesIO(path.read_bytes())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = torch.load(archive, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files make torch raise all sorts
        raise UserError(
            f"{path} is damaged, or holds something else than tensors and plain values (which may "
            "be code: it was not run); fetch or write it again"
        ) from error
    weights = content.get("state_dict") if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(w, Tensor) for w in weights.values()):
        raise UserError(f"{path} has no state_dict; it is no checkpoint of this project")
    return content


def load_weights(model: nn.Module, path: Path) -> dict[str, Any]:
    """Puts a checkpoint's weights into the model, by name and shape, none left over.

    Returns the checkpoint's content. Raises UserError naming what does not fit.
    """
    content = read_checkpoint(path)
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
            f"{path} belongs to a model with other settings: {'; '.join(wrong[:4])}; use the flags "
            "that it was trained with"
        )
    model.load_state_dict(theirs)
    return content
