"""What the run of some weights knows: with which settings, and of which classes, they spot."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from common.data.events import EventClasses, classes_by_name
from common.errors import UserError
from common.results.run_record import TRAINED, read_record, require_program, started_in

# Settings of the training that decide what a network says of a file, and of which data it speaks.
_DECISIVE = (
    "framerate", "version", "class_split", "chunk_size", "receptive_field", "num_detections",
    "dim_capsule", "feature_multiplier", "backbone_feature", "backbone_player",
    "pool", "vocab_size", "window_size", "proj_dim", "displacement_radius", "trunk_channels",
    "networks", "scale", "displacement_weight",
)  # fmt: skip
# Of which others may be given.
_FURTHER = (
    "SoccerNet_path",
    "precision",
    "segmentation_loss",
    "border",
    "displace",
    "NMS",
    "NMS_window",
    "NMS_threshold",
    "protocol",
    "teacher",
)


def trained_settings(weights: Path, flags: Collection[str], program: str) -> dict[str, Any]:
    """Those of the flags that the run of these weights recorded and a file needs; else none.

    Args:
        program: that asks, "CALF/main.py".

    Raises:
        UserError: the run is another program's, or its record does not read.
    """
    record = weights.parent / TRAINED
    if not record.is_file():
        return {}
    content = read_record(record)
    require_program(content, program, weights.parent)
    settings = content["settings"]
    known = [name for name in (*_DECISIVE, *_FURTHER) if name in flags]
    found = {name: settings[name] for name in known if settings.get(name) is not None}
    if "SoccerNet_path" in found:  # which may start where the training was started
        start = started_in(record.parent, settings)
        found["SoccerNet_path"] = str(start / str(found["SoccerNet_path"]))
    return found


def require_as_trained(given: Mapping[str, Any], trained: Mapping[str, Any], run: Path) -> None:
    """Raises UserError naming the flags with which a network would be used on other input."""
    other = [n for n in _DECISIVE if n in trained and str(given[n]) != str(trained[n])]
    if other:
        found = ", ".join(f"--{name} {trained[name]}, now {given[name]}" for name in other)
        raise UserError(f"{run} was trained with {found}; leave out what differs: it is recorded")


def trained_classes(weights: Path, of_data: EventClasses, root: Path) -> EventClasses:
    """The classes of the data, or of the run of these weights if its data is no longer there.

    Args:
        of_data: that the data set at `root` has, or would have.
    """
    record = weights.parent / TRAINED
    if root.is_dir() or not record.is_file():
        return of_data
    names = read_record(record).get("classes")
    return classes_by_name(names) if names else of_data
