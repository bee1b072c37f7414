"""What the weights of a network of the family tell of what it was trained on."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.errors import UserError


def trained_features(weights: Mapping[str, Any]) -> int:
    """D of the features; 1 if that is not to be seen: then loading says what does not fit.

    Args:
        weights: by their published names.
    """
    return _size(weights, "conv_1.weight", -1) or 1


def require_classes(weights: Mapping[str, Any], classes: Sequence[str], path: Path) -> None:
    """Raises UserError if a network of the family was trained on another number of classes.

    Args:
        weights: by their published names.
        path: of the checkpoint.
    """
    rows, slots = (_size(weights, f"{layer}.bias", 0) for layer in ("conv_class", "conv_conf"))
    if not rows or slots < 2:
        return  # some other network: what does not fit is said when it is loaded
    found = rows // (slots // 2)
    if found != len(classes):
        raise UserError(
            f"{path} was trained on {found} classes, expected {len(classes)}: "
            f"{', '.join(classes[:3])}{', …' if len(classes) > 3 else ''}; pass --SoccerNet_path "
            "with the data that it was trained on, whose classes.json names them, and its "
            "--version and --class_split"
        )


def _size(weights: Mapping[str, Any], name: str, axis: int) -> int:
    """The size of a tensor along its first or last axis; 0 where it is missing or has no axis."""
    tensor = weights.get(name)
    return int(tensor.shape[axis]) if tensor is not None and tensor.ndim else 0
