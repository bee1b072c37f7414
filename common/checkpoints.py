"""Checkpoints in the published format: epoch, state_dict, best_loss, optimizer."""

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import nn

from common.errors import UserError
from common.files import written_whole

BEST_FILE = "model.pth.tar"  # lowest validation loss
LAST_FILE = "last.pth.tar"  # newest, with all that resuming needs


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Writes a checkpoint wholly or not at all. Tensors and plain Python values only."""
    with written_whole(path) as temporary:
        torch.save(content, temporary)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Content of a checkpoint, on the CPU, without running code from the file.

    Raises UserError when the file is missing, damaged, or no checkpoint.
    """
    if not path.is_file():
        raise UserError(f"expected a checkpoint at {path}, found no such file")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError) as error:
        reason = str(error).strip().split("\n")[0]
        raise UserError(f"{path} is damaged or is no checkpoint ({reason})") from None
    if not isinstance(content, dict) or "state_dict" not in content:
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
