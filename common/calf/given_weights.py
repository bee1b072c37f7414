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
    first = weights.get("conv_1.weight")
    return 1 if first is None or not first.ndim else int(first.shape[-1])


def require_classes(weights: Mapping[str, Any], classes: Sequence[str], path: Path) -> None:
    """Raises UserError if a network of the family was trained on another number of classes.

    Args:
        weights: by their published names.
        path: of the checkpoint.
    """
    rows, slots = (weights.get(f"{layer}.bias") for layer in ("conv_class", "conv_conf"))
    if rows is None or slots is None or len(slots) < 2:
        return  # some other network: what does not fit is said when it is loaded
    found = len(rows) // (len(slots) // 2)
    if found != len(classes):
        raise UserError(
            f"{path} was trained on {found} classes, expected {len(classes)}: "
            f"{', '.join(classes[:3])}{', …' if len(classes) > 3 else ''}; pass --SoccerNet_path "
            "with the data that it was trained on, whose classes.json names them, and its "
            "--version and --class_split"
        )
